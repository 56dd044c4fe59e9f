-- A passage's language: what its file declares from now on; of what is there already, what its words say.
ALTER TABLE passage ADD COLUMN language text CONSTRAINT ck_passage_language CHECK (language ~ '^[a-z]{2}$');

CREATE TEMPORARY TABLE function_word AS
SELECT language, unnest(string_to_array(words, ' ')) AS word FROM (VALUES
    ('en',
        'the and is are was my your you i it to of that this with for not have has can do does how what when where'
        ' please from they will would there be we if or but after an been a as at in no so our who which'
        ' by on us'),
    ('de',
        'der die das und ist sind war mein meine ihr sie ich es zu von dass dies mit für nicht habe hat kann wie'
        ' was wann wo bitte aus werden wird würde wir wenn oder aber nach ein eine einen auf auch noch den dem im'
        ' bei in so'),
    ('fr',
        'le la les et est sont mon ma votre vous je il de que ce cette avec pour pas ai avez peut comment quoi'
        ' quand où des du un une nous si ou mais après dans sur ne au aux a par qui se ces on'),
    ('es',
        'el la los las y es son mi su usted yo de que este esta con para no he ha puedo puede cómo qué cuándo'
        ' dónde por un una nosotros si o pero después en del al lo se me está a'),
    ('it',
        'il lo la gli e è sono mio mia suo voi io di che questo questa con per non ho ha posso può come cosa'
        ' quando dove un una noi se o ma dopo in del della nel al mi ci a'),
    ('nl',
        'de het en is zijn was mijn uw u ik van dat dit met voor niet heb heeft kan hoe wat wanneer waar een wij'
        ' als of maar na op ook nog er bij naar aan te in'),
    ('pt',
        'o a os as e é são meu minha seu você eu de que este esta com para não tenho tem posso pode como quando'
        ' onde por um uma nós se ou mas depois em do da no na ao'),
    ('pl',
        'i jest są mój moja pan pani ja z że to ten ta dla nie mam ma mogę może jak co kiedy gdzie proszę po na do'
        ' w się czy lub ale od przez a'),
    ('sv',
        'och är var min mitt din ni jag det att av som med för inte har kan hur vad när ett en vi om eller men'
        ' efter på den de till från')
) AS known (language, words);

-- As knowledge_base/languages.py counts: three different such words at least, and half as many again as of any other language. A
-- passage with too few of them is in the language of its whole revision, whose row has no passage.
ALTER TABLE passage DISABLE TRIGGER passage_is_append_only;
WITH counted AS (
    SELECT p.brand_id, p.revision_id, p.id, w.language, count(*) AS hits, count(DISTINCT w.word) AS words
    FROM passage p
    CROSS JOIN LATERAL regexp_matches(lower(p.embedding_text), '[^[:space:][:digit:][:punct:]]+', 'g') AS found (word)
    JOIN function_word w ON w.word = found.word[1]
    GROUP BY GROUPING SETS ((p.brand_id, p.revision_id, p.id, w.language), (p.brand_id, p.revision_id, w.language))
), told AS (
    SELECT brand_id, revision_id, id, (array_agg(language ORDER BY hits DESC))[1] AS language
    FROM counted
    GROUP BY brand_id, revision_id, id
    HAVING (array_agg(words ORDER BY hits DESC))[1] >= 3
        AND max(hits) >= 1.5 * coalesce((array_agg(hits ORDER BY hits DESC))[2], 0)
)
UPDATE passage SET language = coalesce(own.language, whole.language)
FROM passage p
LEFT JOIN told own ON own.brand_id = p.brand_id AND own.id = p.id
LEFT JOIN told whole ON whole.brand_id = p.brand_id AND whole.revision_id = p.revision_id AND whole.id IS NULL
WHERE passage.brand_id = p.brand_id AND passage.id = p.id;
ALTER TABLE passage ENABLE TRIGGER passage_is_append_only;
DROP TABLE function_word;

-- What holds of an article at t is its last row with starts_at <= t; a row without revision: nothing holds.
ALTER TABLE revision ADD COLUMN note text NOT NULL DEFAULT '', ADD COLUMN source text;
ALTER TABLE revision ADD CONSTRAINT uq_revision_brand_id_article_id_id UNIQUE (brand_id, article_id, id);

CREATE TABLE publication (
    brand_id uuid NOT NULL,
    article_id uuid NOT NULL,
    starts_at timestamptz NOT NULL,
    revision_id uuid,
    standing_id uuid,
    seasonal boolean NOT NULL DEFAULT false,
    author_id uuid,
    written_at timestamptz NOT NULL,
    CONSTRAINT pk_publication PRIMARY KEY (brand_id, article_id, starts_at),
    CONSTRAINT fk_publication_brand_id_article_id
        FOREIGN KEY (brand_id, article_id) REFERENCES article (brand_id, id),
    CONSTRAINT fk_publication_brand_id_article_id_revision_id
        FOREIGN KEY (brand_id, article_id, revision_id) REFERENCES revision (brand_id, article_id, id),
    CONSTRAINT fk_publication_brand_id_article_id_standing_id
        FOREIGN KEY (brand_id, article_id, standing_id) REFERENCES revision (brand_id, article_id, id),
    CONSTRAINT fk_publication_author_id_person FOREIGN KEY (author_id) REFERENCES person (id)
);

-- Until now a revision held from its writing until the next one. Writers who waited for each other may have
-- earlier times than the revision before theirs, and one time for two: order by number decides.
INSERT INTO publication (brand_id, article_id, starts_at, revision_id, standing_id, author_id, written_at)
SELECT DISTINCT ON (brand_id, article_id, starts_at)
    brand_id, article_id, starts_at, id, id, author_id, written_at
FROM (
    SELECT r.*, max(r.written_at) OVER (PARTITION BY r.brand_id, r.article_id ORDER BY r.number) AS starts_at
    FROM revision r JOIN article a ON a.brand_id = r.brand_id AND a.id = r.article_id
    WHERE a.state <> 'draft'
) AS dated
ORDER BY brand_id, article_id, starts_at, number DESC;

-- When an article was retired is told by the last fact about it.
INSERT INTO publication (brand_id, article_id, starts_at, written_at)
SELECT a.brand_id, a.id, retired.at, retired.at
FROM article a CROSS JOIN LATERAL (
    SELECT greatest(
        coalesce((SELECT max(e.at) FROM event e
                  WHERE e.subject_id = a.id AND e.kind = 'knowledge_changed'), app_now()),
        (SELECT max(p.starts_at) FROM publication p WHERE p.brand_id = a.brand_id AND p.article_id = a.id)
            + interval '1 microsecond') AS at
) AS retired
WHERE a.state = 'retired';

ALTER TABLE article DROP COLUMN state, DROP COLUMN revision_id;

-- What has begun is history. What begins at this transaction's very time has held for no time yet.
CREATE FUNCTION refuse_change_of_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN
        IF OLD.starts_at < app_now() THEN
            RAISE EXCEPTION 'what has held cannot be taken back' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN OLD;
    END IF;
    IF NEW.starts_at < app_now() THEN
        RAISE EXCEPTION 'nothing can hold in the past' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER publication_keeps_history BEFORE INSERT OR UPDATE OR DELETE ON publication
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_history();
CREATE TRIGGER publication_is_never_emptied BEFORE TRUNCATE ON publication
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Who answers for an article, and how often somebody says that it is still true.
ALTER TABLE article
    ADD COLUMN owner_id uuid CONSTRAINT fk_article_owner_id_person REFERENCES person (id),
    ADD COLUMN verify_days integer,
    ADD COLUMN verified boolean NOT NULL DEFAULT true,
    ADD COLUMN reminded_for timestamptz,
    ADD CONSTRAINT ck_article_verify_days CHECK (verify_days BETWEEN 1 AND 3650);
CREATE INDEX ix_article_owned ON article (owner_id) WHERE owner_id IS NOT NULL;

CREATE TABLE knowledge_setting (
    brand_id uuid NOT NULL,
    verified_only boolean NOT NULL DEFAULT false,
    verify_days integer NOT NULL DEFAULT 90,
    CONSTRAINT pk_knowledge_setting PRIMARY KEY (brand_id),
    CONSTRAINT fk_knowledge_setting_brand_id_brand FOREIGN KEY (brand_id) REFERENCES brand (id),
    CONSTRAINT ck_knowledge_setting_verify_days CHECK (verify_days BETWEEN 1 AND 3650)
);

-- Who has an article open in the editor. A row that is not seen again soon says nothing any more.
CREATE TABLE article_editor (
    brand_id uuid NOT NULL,
    article_id uuid NOT NULL,
    person_id uuid NOT NULL,
    since timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    CONSTRAINT pk_article_editor PRIMARY KEY (brand_id, article_id, person_id),
    CONSTRAINT fk_article_editor_brand_id_article_id
        FOREIGN KEY (brand_id, article_id) REFERENCES article (brand_id, id),
    CONSTRAINT fk_article_editor_person_id_person FOREIGN KEY (person_id) REFERENCES person (id)
);

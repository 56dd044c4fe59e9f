-- What became of a reply, whose words it was, and what a reviewer had read when knowledge changed under it.

-- The brand's own answer, sent as guidance showed it: what comes of it is not its worker's.
ALTER TABLE reply ADD COLUMN as_shown boolean NOT NULL DEFAULT false;

-- The article that most of the reply stands in. Like a passage that was shown it refers to no row.
ALTER TABLE receipt ADD COLUMN article_id uuid, ADD COLUMN revision_id uuid;
ALTER TABLE receipt DISABLE TRIGGER receipt_is_append_only;
UPDATE receipt r SET article_id = m.article_id, revision_id = m.revision_id
FROM (
    SELECT DISTINCT ON (f.brand_id, f.id) f.brand_id, f.id, p.article_id, p.revision_id
    FROM receipt f CROSS JOIN LATERAL jsonb_array_elements(f.support) AS u
    JOIN suggestion_passage p ON p.brand_id = f.brand_id AND p.suggestion_id = f.suggestion_id
        AND to_jsonb(p.rank) = u -> 'passage_rank'
    GROUP BY f.brand_id, f.id, p.article_id, p.revision_id
    ORDER BY f.brand_id, f.id, count(*) DESC, min(p.rank)
) AS m
WHERE r.brand_id = m.brand_id AND r.id = m.id;
ALTER TABLE receipt ENABLE TRIGGER receipt_is_append_only;
UPDATE reply y SET as_shown = true
FROM receipt r JOIN suggestion s ON s.brand_id = r.brand_id AND s.id = r.suggestion_id AND s.state = 'ready'
WHERE r.brand_id = y.brand_id AND r.reply_id = y.id AND r.article_id IS NOT NULL
    AND jsonb_exists(r.inserted, 'draft') AND r.edit_distance = 0 AND r.flow_walk_id IS NULL;
CREATE INDEX ix_receipt_article ON receipt (brand_id, article_id, id) WHERE article_id IS NOT NULL;
CREATE INDEX ix_reply_as_shown ON reply (worker_id, id) WHERE as_shown;

ALTER TABLE reply_review ADD COLUMN changes_read jsonb;
ALTER TABLE reply_review DROP CONSTRAINT review_state;
ALTER TABLE reply_review ADD CONSTRAINT review_state CHECK (state IN
        ('waiting', 'approved', 'rejected', 'timed_out_sent', 'timed_out_returned', 'overtaken', 'outdated',
         'called_off')),
    ADD CONSTRAINT ck_reply_review_changes_are_read_to_approve CHECK (changes_read IS NULL OR state = 'approved');

-- One row a receipt. `is_good` waits for the end of the review window; `is_bad` is known at once. A resolution is
-- the outcome of the last reply before it. Low: one or two stars, unless for how long it took.
CREATE VIEW reply_outcome WITH (security_invoker = true) AS
SELECT o.*, o.reopened OR o.rated_low OR o.refused OR o.corrected AS is_bad,
    o.held AND NOT (o.rated_low OR o.refused OR o.corrected) AS is_good
FROM (
    SELECT r.brand_id, r.id AS receipt_id, r.reply_id, r.ticket_id, y.worker_id, r.article_id, r.revision_id,
        y.as_shown, r.inserted, r.edited_share, r.written_at, y.state IN ('queued', 'sent', 'failed') AS has_left,
        e.id IS NOT NULL AS resolved,
        coalesce(e.window_ends_at <= app_now() AND e.reopened_at IS NULL, false) AS held,
        e.reopened_at IS NOT NULL AS reopened,
        g.stars, coalesce(g.stars <= 2 AND g.reason IS DISTINCT FROM 'too_slow', false) AS rated_low,
        coalesce(v.state = 'rejected', false) AS refused,
        EXISTS (SELECT FROM correction_reply c WHERE c.brand_id = r.brand_id AND c.reply_id = r.reply_id) AS corrected
    FROM receipt r
    JOIN reply y ON y.brand_id = r.brand_id AND y.id = r.reply_id
    LEFT JOIN LATERAL (
        SELECT x.id, x.window_ends_at, x.reopened_at, x.resolved_at FROM resolution x
        WHERE x.brand_id = y.brand_id AND x.ticket_id = y.ticket_id AND x.resolved_at >= y.written_at
            AND y.state IN ('queued', 'sent', 'failed')
        ORDER BY x.number LIMIT 1
    ) AS e ON NOT EXISTS (
        SELECT FROM reply n WHERE n.brand_id = y.brand_id AND n.ticket_id = y.ticket_id AND n.id <> y.id
            AND n.state IN ('queued', 'sent', 'failed')
            AND n.written_at > y.written_at AND n.written_at <= e.resolved_at)
    LEFT JOIN rating g ON g.brand_id = r.brand_id AND g.resolution_id = e.id
    LEFT JOIN reply_review v ON v.brand_id = r.brand_id AND v.reply_id = r.reply_id
) AS o;
GRANT SELECT ON reply_outcome TO humancloud_app, humancloud_background;
CREATE INDEX ix_correction_reply_reply ON correction_reply (brand_id, reply_id);

-- A worker reads which of his replies went badly without counting against him. Ratings stay the brand's.
CREATE FUNCTION own_replies_not_counted(p_limit integer)
RETURNS TABLE (ticket_id uuid, number integer, brand text, title text, reopened boolean, rated_low boolean,
               refused boolean, corrected boolean, written_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
    SELECT o.ticket_id, t.number, b.name, p.title, o.reopened, o.rated_low, o.refused, o.corrected, o.written_at
    FROM reply y
    JOIN reply_outcome o ON o.brand_id = y.brand_id AND o.reply_id = y.id AND o.is_bad
    JOIN receipt r ON r.brand_id = y.brand_id AND r.id = o.receipt_id
    JOIN ticket t ON t.brand_id = y.brand_id AND t.id = y.ticket_id
    JOIN brand b ON b.id = y.brand_id
    LEFT JOIN LATERAL (
        SELECT s.title FROM suggestion_passage s WHERE s.brand_id = r.brand_id
            AND s.suggestion_id = r.suggestion_id AND s.article_id = r.article_id ORDER BY s.rank LIMIT 1
    ) AS p ON true
    WHERE y.worker_id = app_worker() AND y.as_shown
    ORDER BY y.id DESC LIMIT p_limit
$$;
GRANT CREATE ON SCHEMA public TO humancloud_background;
ALTER FUNCTION own_replies_not_counted(integer) OWNER TO humancloud_background;
REVOKE CREATE ON SCHEMA public FROM humancloud_background;

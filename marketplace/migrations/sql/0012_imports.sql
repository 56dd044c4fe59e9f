-- Imports file by file: a row for each file and what became of it; its content in parts beside it; the articles an
-- import wrote and what held before; texts that stand under two keys.
ALTER TABLE knowledge_import DROP CONSTRAINT import_state;
ALTER TABLE knowledge_import
    ADD COLUMN source varchar(40) NOT NULL DEFAULT 'upload' CONSTRAINT ck_knowledge_import_import_source
        CHECK (source IN ('upload', 'api', 'command', 'address', 'sitemap')),
    ADD COLUMN looks_first boolean NOT NULL DEFAULT false,
    ADD COLUMN advanced_at timestamptz,
    ADD CONSTRAINT ck_knowledge_import_import_state CHECK (state IN
        ('open', 'fetching', 'queued', 'reading', 'review', 'publishing', 'indexing', 'ready', 'failed',
         'discarded', 'undoing', 'undone'));
UPDATE knowledge_import SET advanced_at = coalesce(finished_at, started_at);
ALTER TABLE knowledge_import ALTER COLUMN advanced_at SET NOT NULL;
CREATE INDEX ix_knowledge_import_busy ON knowledge_import (advanced_at)
    WHERE state IN ('open', 'fetching', 'queued', 'reading', 'publishing', 'undoing');

-- What waited in import_file were parts; they get a file above them.
ALTER TABLE import_file RENAME TO import_file_before;
ALTER TABLE import_file_before RENAME CONSTRAINT pk_import_file TO pk_import_file_before;
ALTER TABLE import_file_before
    RENAME CONSTRAINT fk_import_file_brand_id_import_id TO fk_import_file_before_brand_id_import_id;

CREATE TABLE import_file (
    brand_id uuid NOT NULL,
    import_id uuid NOT NULL,
    ordinal integer NOT NULL,
    name text NOT NULL,
    state varchar(40) NOT NULL CONSTRAINT ck_import_file_file_state CHECK (state IN
        ('fetching', 'queued', 'reading', 'splitting', 'review', 'indexing', 'ready', 'failed', 'dropped')),
    bytes integer NOT NULL DEFAULT 0,
    sha256 text NOT NULL DEFAULT '',
    reason text NOT NULL DEFAULT '',
    remedy text NOT NULL DEFAULT '',
    parts integer NOT NULL DEFAULT 0,
    parts_read integer NOT NULL DEFAULT 0,
    articles_new integer NOT NULL DEFAULT 0,
    articles_changed integer NOT NULL DEFAULT 0,
    articles_unchanged integer NOT NULL DEFAULT 0,
    passages integer NOT NULL DEFAULT 0,
    notes jsonb NOT NULL DEFAULT '[]',
    refusals jsonb NOT NULL DEFAULT '[]',
    more_refusals integer NOT NULL DEFAULT 0,
    content_kept boolean NOT NULL DEFAULT false,
    changed_at timestamptz NOT NULL,
    CONSTRAINT pk_import_file PRIMARY KEY (brand_id, import_id, ordinal),
    CONSTRAINT fk_import_file_brand_id_import_id FOREIGN KEY (brand_id, import_id)
        REFERENCES knowledge_import (brand_id, id) ON DELETE CASCADE
);
CREATE INDEX ix_import_file_state ON import_file (brand_id, import_id, state, ordinal);
CREATE INDEX ix_import_file_kept ON import_file (changed_at) WHERE content_kept AND state = 'failed';

CREATE TABLE import_part (
    brand_id uuid NOT NULL,
    import_id uuid NOT NULL,
    file integer NOT NULL,
    ordinal integer NOT NULL,
    content bytea NOT NULL,
    waiting boolean NOT NULL DEFAULT true,
    CONSTRAINT pk_import_part PRIMARY KEY (brand_id, import_id, file, ordinal),
    CONSTRAINT fk_import_part_brand_id_import_id_file FOREIGN KEY (brand_id, import_id, file)
        REFERENCES import_file (brand_id, import_id, ordinal) ON DELETE CASCADE
);

INSERT INTO import_file (brand_id, import_id, ordinal, name, state, bytes, parts, content_kept, changed_at)
    SELECT brand_id, import_id, min(ordinal), name, 'queued', sum(length(content)), count(*), true, clock_timestamp()
    FROM import_file_before GROUP BY brand_id, import_id, name;
INSERT INTO import_part (brand_id, import_id, file, ordinal, content)
    SELECT brand_id, import_id, min(ordinal) OVER named, ordinal - min(ordinal) OVER named, content
    FROM import_file_before WINDOW named AS (PARTITION BY brand_id, import_id, name);
DROP TABLE import_file_before;

-- What was refused before stays as failed files behind those that wait; the last entry may only count some more.
INSERT INTO import_file (brand_id, import_id, ordinal, name, state, reason, more_refusals, changed_at)
    SELECT i.brand_id, i.id, 100000 + r.ordinality, r.value ->> 'name', 'failed', r.value ->> 'reason',
           CASE WHEN r.ordinality = jsonb_array_length(i.refusals) - 1
               THEN coalesce((i.refusals -> -1 ->> 'more')::integer, 0) ELSE 0 END,
           i.advanced_at
    FROM knowledge_import i, jsonb_array_elements(i.refusals) WITH ORDINALITY r
    WHERE r.value ? 'reason';
ALTER TABLE knowledge_import DROP COLUMN refusals;

-- `before_id` is the revision that held when the import wrote; NULL when nothing did.
CREATE TABLE import_article (
    brand_id uuid NOT NULL,
    import_id uuid NOT NULL,
    article_id uuid NOT NULL,
    file integer NOT NULL,
    revision_id uuid NOT NULL,
    before_id uuid,
    state varchar(40) NOT NULL CONSTRAINT ck_import_article_import_article_state
        CHECK (state IN ('drafted', 'left_out', 'published', 'undone', 'kept')),
    CONSTRAINT pk_import_article PRIMARY KEY (brand_id, import_id, article_id),
    CONSTRAINT fk_import_article_brand_id_import_id_file FOREIGN KEY (brand_id, import_id, file)
        REFERENCES import_file (brand_id, import_id, ordinal) ON DELETE CASCADE,
    CONSTRAINT fk_import_article_brand_id_article_id FOREIGN KEY (brand_id, article_id)
        REFERENCES article (brand_id, id),
    CONSTRAINT fk_import_article_brand_id_revision_id FOREIGN KEY (brand_id, revision_id)
        REFERENCES revision (brand_id, id),
    CONSTRAINT fk_import_article_brand_id_before_id FOREIGN KEY (brand_id, before_id)
        REFERENCES revision (brand_id, id)
);
CREATE INDEX ix_import_article_file ON import_article (brand_id, import_id, file);

-- How a revision's text compares with others: its hash without title and place, and its MinHash.
CREATE TABLE text_signature (
    brand_id uuid NOT NULL,
    revision_id uuid NOT NULL,
    text_sha256 text NOT NULL,
    minhash bytea NOT NULL,
    CONSTRAINT pk_text_signature PRIMARY KEY (brand_id, revision_id),
    CONSTRAINT fk_text_signature_brand_id_revision_id FOREIGN KEY (brand_id, revision_id)
        REFERENCES revision (brand_id, id)
);

CREATE TABLE import_duplicate (
    brand_id uuid NOT NULL,
    import_id uuid NOT NULL,
    article_id uuid NOT NULL,
    other_id uuid NOT NULL,
    other_revision_id uuid NOT NULL,
    share_percent integer NOT NULL CONSTRAINT ck_import_duplicate_share CHECK (share_percent BETWEEN 1 AND 100),
    CONSTRAINT pk_import_duplicate PRIMARY KEY (brand_id, import_id, article_id, other_id),
    CONSTRAINT fk_import_duplicate_brand_id_import_id_article_id FOREIGN KEY (brand_id, import_id, article_id)
        REFERENCES import_article (brand_id, import_id, article_id) ON DELETE CASCADE,
    CONSTRAINT fk_import_duplicate_brand_id_other_id FOREIGN KEY (brand_id, other_id)
        REFERENCES article (brand_id, id),
    CONSTRAINT fk_import_duplicate_brand_id_other_revision_id FOREIGN KEY (brand_id, other_revision_id)
        REFERENCES revision (brand_id, id)
);

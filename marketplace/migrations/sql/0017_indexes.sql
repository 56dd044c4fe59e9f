-- How far the index is: written with every batch of vectors, so that a page can show it.
ALTER TABLE knowledge_version
    ADD COLUMN to_encode integer NOT NULL DEFAULT 0 CHECK (to_encode >= 0),
    ADD COLUMN encoded integer NOT NULL DEFAULT 0 CHECK (encoded >= 0),
    ADD COLUMN damaged_at timestamptz,
    ADD COLUMN damage text,
    ADD CHECK ((damaged_at IS NULL) = (damage IS NULL));

-- A snapshot that somebody rolled back is not searched; its row leaves with the next builds, the fact stays.
ALTER TABLE index_snapshot
    ADD COLUMN set_aside_at timestamptz,
    ADD COLUMN set_aside_by uuid REFERENCES person (id),
    ADD COLUMN set_aside_reason text,
    ADD CHECK ((set_aside_at IS NULL) = (set_aside_reason IS NULL)),
    ADD CHECK (set_aside_at IS NOT NULL OR set_aside_by IS NULL);

CREATE INDEX ix_index_snapshot_set_aside_by ON index_snapshot (set_aside_by) WHERE set_aside_by IS NOT NULL;

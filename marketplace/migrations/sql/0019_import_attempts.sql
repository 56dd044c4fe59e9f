-- An import whose job fails again and again is given up; one that is discarded is worked off in slices like the others.
ALTER TABLE knowledge_import
    ADD COLUMN attempts integer NOT NULL DEFAULT 0,
    ADD COLUMN tried_at timestamptz,
    DROP CONSTRAINT ck_knowledge_import_import_state,
    ADD CONSTRAINT ck_knowledge_import_import_state CHECK (state IN
        ('open', 'fetching', 'queued', 'reading', 'review', 'publishing', 'indexing', 'ready', 'failed',
         'discarding', 'discarded', 'undoing', 'undone'));
DROP INDEX ix_knowledge_import_busy;
CREATE INDEX ix_knowledge_import_busy ON knowledge_import (advanced_at)
    WHERE state IN ('open', 'fetching', 'queued', 'reading', 'publishing', 'discarding', 'undoing');

-- Finance's queue: filters people keep, and holds of many earnings at once.
CREATE TABLE finance_view (
    person_id uuid NOT NULL,
    name text NOT NULL,
    query text NOT NULL,
    saved_at timestamptz NOT NULL,
    CONSTRAINT pk_finance_view PRIMARY KEY (person_id, name),
    CONSTRAINT fk_finance_view_person_id FOREIGN KEY (person_id) REFERENCES person (id),
    CONSTRAINT ck_finance_view_has_a_name CHECK (name <> '')
);

CREATE TABLE bulk_hold (
    id uuid NOT NULL,
    earnings uuid[] NOT NULL,
    reason text NOT NULL,
    asked_by uuid NOT NULL,
    asked_at timestamptz NOT NULL,
    begins_at timestamptz NOT NULL,
    undone_at timestamptz,
    held integer DEFAULT 0 NOT NULL,
    refusals jsonb DEFAULT '[]'::jsonb NOT NULL,
    finished_at timestamptz,
    CONSTRAINT pk_bulk_hold PRIMARY KEY (id),
    CONSTRAINT fk_bulk_hold_asked_by FOREIGN KEY (asked_by) REFERENCES person (id),
    CONSTRAINT ck_bulk_hold_bounded CHECK (cardinality(earnings) BETWEEN 1 AND 1000),
    CONSTRAINT ck_bulk_hold_each_once CHECK (held + jsonb_array_length(refusals) <= cardinality(earnings)),
    CONSTRAINT ck_bulk_hold_undone_in_time CHECK (undone_at IS NULL OR held = 0 AND undone_at < begins_at),
    CONSTRAINT ck_bulk_hold_ends_once CHECK (num_nonnulls(undone_at, finished_at) < 2),
    CONSTRAINT ck_bulk_hold_says_why CHECK (reason <> '')
);
CREATE INDEX ix_bulk_hold_due ON bulk_hold (begins_at) WHERE finished_at IS NULL AND undone_at IS NULL;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['finance_view', 'bulk_hold'] LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO humancloud_app, humancloud_background', name);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY background ON %I TO humancloud_background USING (true) WITH CHECK (true)', name);
        EXECUTE format('CREATE POLICY platform ON %I TO humancloud_app '
                       'USING (app_platform()) WITH CHECK (app_platform())', name);
    END LOOP;
END $$;

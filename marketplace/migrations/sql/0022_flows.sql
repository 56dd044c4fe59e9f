-- A brand's question trees in versions that never change, and the walks beside tickets that came to an outcome.
CREATE TABLE flow_version (
    brand_id uuid NOT NULL CONSTRAINT fk_flow_version_brand_id REFERENCES brand (id),
    key text NOT NULL,
    version integer NOT NULL CONSTRAINT ck_flow_version_versions_count_from_one CHECK (version >= 1),
    name text NOT NULL,
    source text NOT NULL,
    withdrawn boolean NOT NULL,
    author_id uuid CONSTRAINT fk_flow_version_author_id REFERENCES person (id),
    published_at timestamptz NOT NULL,
    CONSTRAINT pk_flow_version PRIMARY KEY (brand_id, key, version)
);

CREATE TABLE flow_walk (
    brand_id uuid NOT NULL,
    id uuid NOT NULL,
    ticket_id uuid NOT NULL,
    worker_id uuid NOT NULL CONSTRAINT fk_flow_walk_worker_id REFERENCES worker (id),
    flow_key text NOT NULL,
    flow_version integer NOT NULL,
    path text[] NOT NULL,
    answered jsonb NOT NULL,
    ending varchar(40) NOT NULL CONSTRAINT ck_flow_walk_flow_ending
        CHECK (ending IN ('answer', 'escalate', 'ask_customer')),
    draft text NOT NULL,
    walked_at timestamptz NOT NULL,
    CONSTRAINT pk_flow_walk PRIMARY KEY (brand_id, id),
    CONSTRAINT fk_flow_walk_brand_id_ticket_id FOREIGN KEY (brand_id, ticket_id) REFERENCES ticket (brand_id, id),
    CONSTRAINT fk_flow_walk_brand_id_flow_key FOREIGN KEY (brand_id, flow_key, flow_version)
        REFERENCES flow_version (brand_id, key, version)
);
CREATE INDEX ix_flow_walk_ticket ON flow_walk (brand_id, ticket_id);
CREATE INDEX ix_flow_walk_flow ON flow_walk (brand_id, flow_key, flow_version);

ALTER TABLE receipt ADD COLUMN flow_walk_id uuid,
    ADD CONSTRAINT fk_receipt_brand_id_flow_walk_id
        FOREIGN KEY (brand_id, flow_walk_id) REFERENCES flow_walk (brand_id, id);

DO $$
DECLARE
    frozen text;
BEGIN
    FOREACH frozen IN ARRAY ARRAY['flow_version', 'flow_walk'] LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE ON %I FOR EACH ROW '
                       'EXECUTE FUNCTION refuse_change()', frozen || '_is_append_only', frozen);
        EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT '
                       'EXECUTE FUNCTION refuse_change()', frozen || '_is_never_emptied', frozen);
    END LOOP;
END $$;

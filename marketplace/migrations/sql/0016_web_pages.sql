-- Addresses as sources of imports: what somebody named, and how far fetching is. `ending` says what a fetched file
-- is where its address does not.
ALTER TABLE import_file ADD COLUMN ending text NOT NULL DEFAULT '';

CREATE TABLE web_source (
    brand_id uuid NOT NULL,
    id uuid NOT NULL,
    address text NOT NULL,
    added_by uuid,
    added_at timestamptz NOT NULL,
    CONSTRAINT pk_web_source PRIMARY KEY (brand_id, id),
    CONSTRAINT uq_web_source_brand_id_address UNIQUE (brand_id, address),
    CONSTRAINT fk_web_source_brand_id_brand FOREIGN KEY (brand_id) REFERENCES brand (id),
    CONSTRAINT fk_web_source_added_by_person FOREIGN KEY (added_by) REFERENCES person (id)
);

CREATE TABLE web_fetch (
    brand_id uuid NOT NULL,
    import_id uuid NOT NULL,
    source_id uuid NOT NULL,
    stage varchar(40) NOT NULL CONSTRAINT ck_web_fetch_fetch_stage CHECK (stage IN ('looking', 'pages', 'done')),
    pause_seconds double precision NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL,
    CONSTRAINT pk_web_fetch PRIMARY KEY (brand_id, import_id),
    CONSTRAINT fk_web_fetch_brand_id_source_id FOREIGN KEY (brand_id, source_id)
        REFERENCES web_source (brand_id, id),
    CONSTRAINT fk_web_fetch_brand_id_import_id FOREIGN KEY (brand_id, import_id)
        REFERENCES knowledge_import (brand_id, id) ON DELETE CASCADE
);
CREATE INDEX ix_web_fetch_due ON web_fetch (due_at) WHERE stage <> 'done';
CREATE INDEX ix_web_fetch_source ON web_fetch (brand_id, source_id, import_id);

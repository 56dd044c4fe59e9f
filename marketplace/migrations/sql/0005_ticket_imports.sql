-- Files of tickets: the file, and each of its lines.
CREATE TABLE ticket_import (
    brand_id uuid NOT NULL CONSTRAINT fk_ticket_import_brand_id REFERENCES brand (id),
    id uuid NOT NULL,
    file_name text NOT NULL,
    headers jsonb NOT NULL,
    columns jsonb NOT NULL,
    defaults jsonb NOT NULL,
    state varchar(40) NOT NULL CONSTRAINT ck_ticket_import_ticket_import_state
        CHECK (state IN ('draft', 'importing', 'done', 'undoing', 'undone')),
    made_by uuid CONSTRAINT fk_ticket_import_made_by REFERENCES person (id),
    made_at timestamptz NOT NULL,
    advanced_at timestamptz NOT NULL,
    CONSTRAINT pk_ticket_import PRIMARY KEY (brand_id, id)
);
CREATE INDEX ix_ticket_import_busy ON ticket_import (advanced_at) WHERE state IN ('importing', 'undoing');

CREATE TABLE ticket_import_row (
    brand_id uuid NOT NULL,
    import_id uuid NOT NULL,
    line integer NOT NULL,
    cells jsonb NOT NULL,
    state varchar(40) NOT NULL CONSTRAINT ck_ticket_import_row_row_state
        CHECK (state IN ('waiting', 'refused', 'made', 'known', 'undone', 'kept')),
    problem text NOT NULL DEFAULT '',
    ticket_id uuid,
    CONSTRAINT pk_ticket_import_row PRIMARY KEY (brand_id, import_id, line),
    CONSTRAINT fk_ticket_import_row_brand_id_import_id FOREIGN KEY (brand_id, import_id)
        REFERENCES ticket_import (brand_id, id) ON DELETE CASCADE,
    CONSTRAINT fk_ticket_import_row_brand_id_ticket_id FOREIGN KEY (brand_id, ticket_id)
        REFERENCES ticket (brand_id, id)
);
CREATE INDEX ix_ticket_import_row_ticket ON ticket_import_row (brand_id, ticket_id) WHERE ticket_id IS NOT NULL;

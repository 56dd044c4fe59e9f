-- What answered a resolved ticket, without its customer; and the one of them that a suggestion showed.
CREATE TABLE remembered_answer (
    brand_id uuid NOT NULL,
    ticket_id uuid NOT NULL,
    article_id uuid NOT NULL,
    reply_id uuid NOT NULL,
    question text NOT NULL,
    answer text NOT NULL,
    model text NOT NULL,
    sha256 text NOT NULL,
    vector bytea NOT NULL,
    remembered_at timestamptz NOT NULL,
    CONSTRAINT pk_remembered_answer PRIMARY KEY (brand_id, ticket_id),
    CONSTRAINT fk_remembered_answer_brand_id_ticket_id FOREIGN KEY (brand_id, ticket_id)
        REFERENCES ticket (brand_id, id),
    CONSTRAINT fk_remembered_answer_brand_id_reply_id FOREIGN KEY (brand_id, reply_id)
        REFERENCES reply (brand_id, id)
);
CREATE INDEX ix_remembered_answer_article ON remembered_answer (brand_id, article_id);

CREATE TABLE suggestion_reuse (
    brand_id uuid NOT NULL,
    suggestion_id uuid NOT NULL,
    ticket_id uuid NOT NULL,
    article_id uuid NOT NULL,
    worked integer NOT NULL,
    times integer NOT NULL CONSTRAINT ck_suggestion_reuse_worked_is_a_part CHECK (worked BETWEEN 0 AND times),
    CONSTRAINT pk_suggestion_reuse PRIMARY KEY (brand_id, suggestion_id),
    CONSTRAINT fk_suggestion_reuse_brand_id_suggestion_id FOREIGN KEY (brand_id, suggestion_id)
        REFERENCES suggestion (brand_id, id)
);

-- Questions that knowledge did not answer, gathered by meaning, with what they cost; coverage by day; credits.
CREATE TABLE gap (
    brand_id uuid NOT NULL CONSTRAINT fk_gap_brand_id REFERENCES brand (id),
    id uuid NOT NULL,
    name text NOT NULL,
    key_words text[] NOT NULL,
    named_at timestamptz NOT NULL,
    named_questions integer NOT NULL,
    state varchar(40) NOT NULL CONSTRAINT ck_gap_gap_state
        CHECK (state IN ('open', 'being_written', 'closed', 'dismissed')),
    model text NOT NULL,
    vector_sum bytea NOT NULL,
    questions integer NOT NULL,
    escalations integer NOT NULL DEFAULT 0,
    reopens integer NOT NULL DEFAULT 0,
    unpaid_minor bigint NOT NULL DEFAULT 0,
    fees_minor bigint NOT NULL DEFAULT 0,
    reopened_minor bigint NOT NULL DEFAULT 0,
    cost_minor bigint NOT NULL DEFAULT 0,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    look_due boolean NOT NULL DEFAULT false,
    article_id uuid,
    closed_at timestamptz,
    dismissed_at timestamptz,
    dismissed_by uuid CONSTRAINT fk_gap_dismissed_by REFERENCES person (id),
    dismissed_because text NOT NULL DEFAULT '',
    CONSTRAINT pk_gap PRIMARY KEY (brand_id, id),
    CONSTRAINT fk_gap_brand_id_article_id FOREIGN KEY (brand_id, article_id) REFERENCES article (brand_id, id),
    CONSTRAINT ck_gap_parts_make_the_cost CHECK (cost_minor = unpaid_minor + fees_minor + reopened_minor),
    CONSTRAINT ck_gap_dismissed_with_a_reason
        CHECK ((state = 'dismissed') = (dismissed_at IS NOT NULL) AND (state <> 'dismissed' OR dismissed_because <> '')),
    CONSTRAINT ck_gap_closed_by_an_article
        CHECK ((state = 'closed') = (closed_at IS NOT NULL) AND (state <> 'closed' OR article_id IS NOT NULL)),
    CONSTRAINT ck_gap_written_somewhere CHECK (state <> 'being_written' OR article_id IS NOT NULL)
);
CREATE INDEX ix_gap_costliest ON gap (brand_id, state, cost_minor, questions, id);
CREATE INDEX ix_gap_look_due ON gap (cost_minor) WHERE look_due;

CREATE TABLE gap_question (
    brand_id uuid NOT NULL,
    ticket_id uuid NOT NULL,
    gap_id uuid NOT NULL,
    suggestion_id uuid,
    question text NOT NULL,
    likeness real NOT NULL,
    causes text[] NOT NULL,
    escalations integer NOT NULL,
    reopens integer NOT NULL,
    asked_at timestamptz NOT NULL,
    CONSTRAINT pk_gap_question PRIMARY KEY (brand_id, ticket_id),
    CONSTRAINT fk_gap_question_brand_id_ticket_id FOREIGN KEY (brand_id, ticket_id) REFERENCES ticket (brand_id, id),
    CONSTRAINT fk_gap_question_brand_id_gap_id FOREIGN KEY (brand_id, gap_id) REFERENCES gap (brand_id, id),
    CONSTRAINT fk_gap_question_brand_id_suggestion_id
        FOREIGN KEY (brand_id, suggestion_id) REFERENCES suggestion (brand_id, id),
    CONSTRAINT ck_gap_question_has_a_cause CHECK (cardinality(causes) > 0)
);
CREATE INDEX ix_gap_question_gap ON gap_question (brand_id, gap_id, asked_at);

CREATE TABLE gap_cost (
    brand_id uuid NOT NULL,
    kind varchar(40) NOT NULL CONSTRAINT ck_gap_cost_loss_kind
        CHECK (kind IN ('unpaid_time', 'escalation_fee', 'reopened')),
    reference uuid NOT NULL,
    ticket_id uuid NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    seconds integer,
    pay_minor bigint,
    per_minutes integer,
    lost_at timestamptz NOT NULL,
    CONSTRAINT pk_gap_cost PRIMARY KEY (brand_id, kind, reference),
    CONSTRAINT fk_gap_cost_brand_id_ticket_id
        FOREIGN KEY (brand_id, ticket_id) REFERENCES gap_question (brand_id, ticket_id) ON DELETE CASCADE,
    CONSTRAINT ck_gap_cost_positive CHECK (amount_minor >= 0),
    CONSTRAINT ck_gap_cost_time_has_its_rate
        CHECK (num_nonnulls(seconds, pay_minor, per_minutes) = CASE WHEN kind = 'unpaid_time' THEN 3 ELSE 0 END)
);
CREATE INDEX ix_gap_cost_ticket ON gap_cost (brand_id, ticket_id);

CREATE TABLE coverage_day (
    brand_id uuid NOT NULL,
    category text NOT NULL,
    day date NOT NULL,
    covered integer NOT NULL DEFAULT 0,
    partly integer NOT NULL DEFAULT 0,
    missing integer NOT NULL DEFAULT 0,
    CONSTRAINT pk_coverage_day PRIMARY KEY (brand_id, category, day),
    CONSTRAINT fk_coverage_day_brand_id_category
        FOREIGN KEY (brand_id, category) REFERENCES category (brand_id, key)
);

CREATE TABLE article_credit (
    brand_id uuid NOT NULL,
    revision_id uuid NOT NULL,
    reply_id uuid NOT NULL,
    article_id uuid NOT NULL,
    ticket_id uuid NOT NULL,
    worker_id uuid NOT NULL CONSTRAINT fk_article_credit_worker_id REFERENCES worker (id),
    title text NOT NULL,
    credited_at timestamptz NOT NULL,
    published_at timestamptz,
    CONSTRAINT pk_article_credit PRIMARY KEY (brand_id, revision_id, reply_id),
    CONSTRAINT fk_article_credit_brand_id_revision_id
        FOREIGN KEY (brand_id, revision_id) REFERENCES revision (brand_id, id),
    CONSTRAINT fk_article_credit_brand_id_reply_id FOREIGN KEY (brand_id, reply_id) REFERENCES reply (brand_id, id),
    CONSTRAINT fk_article_credit_brand_id_article_id
        FOREIGN KEY (brand_id, article_id) REFERENCES article (brand_id, id),
    CONSTRAINT fk_article_credit_brand_id_ticket_id FOREIGN KEY (brand_id, ticket_id) REFERENCES ticket (brand_id, id)
);
CREATE INDEX ix_article_credit_worker ON article_credit (worker_id, credited_at);
CREATE INDEX ix_article_credit_article ON article_credit (brand_id, article_id);
CREATE INDEX ix_article_credit_ticket ON article_credit (brand_id, ticket_id);

-- What workers say is wrong, what is therefore offered to nobody, who is told the right thing, and what
-- contradicts itself. A passage is known here by its article and the SHA-256 of its text, so that all of this
-- outlives a new import of the same words and ends with other words.
CREATE TABLE report_policy (
    brand_id uuid NOT NULL CONSTRAINT fk_report_policy_brand_id REFERENCES brand (id),
    reports_to_quarantine integer NOT NULL,
    CONSTRAINT pk_report_policy PRIMARY KEY (brand_id),
    CONSTRAINT ck_report_policy_reports_limit CHECK (reports_to_quarantine BETWEEN 1 AND 20)
);

CREATE TABLE passage_report (
    brand_id uuid NOT NULL,
    id uuid NOT NULL,
    article_id uuid NOT NULL,
    passage_id uuid NOT NULL,
    text_sha256 text NOT NULL,
    title text NOT NULL,
    quoted text NOT NULL,
    ticket_id uuid NOT NULL,
    worker_id uuid NOT NULL CONSTRAINT fk_passage_report_worker_id REFERENCES worker (id),
    reason varchar(40) NOT NULL CONSTRAINT report_reason CHECK (reason IN
        ('out_of_date', 'contradicts_facts', 'wrong_product', 'other')),
    note text NOT NULL DEFAULT '',
    reported_at timestamptz NOT NULL,
    state varchar(40) NOT NULL DEFAULT 'open'
        CONSTRAINT report_state CHECK (state IN ('open', 'confirmed', 'dismissed')),
    decided_at timestamptz,
    decided_by uuid CONSTRAINT fk_passage_report_decided_by REFERENCES person (id),
    decision_note text NOT NULL DEFAULT '',
    CONSTRAINT pk_passage_report PRIMARY KEY (brand_id, id),
    CONSTRAINT uq_passage_report_worker_and_text
        UNIQUE (brand_id, article_id, text_sha256, worker_id),
    CONSTRAINT fk_passage_report_brand_id_article_id
        FOREIGN KEY (brand_id, article_id) REFERENCES article (brand_id, id),
    CONSTRAINT fk_passage_report_brand_id_passage_id
        FOREIGN KEY (brand_id, passage_id) REFERENCES passage (brand_id, id),
    CONSTRAINT fk_passage_report_brand_id_ticket_id
        FOREIGN KEY (brand_id, ticket_id) REFERENCES ticket (brand_id, id),
    CONSTRAINT ck_passage_report_decided_has_its_time CHECK ((state = 'open') = (decided_at IS NULL)),
    CONSTRAINT ck_passage_report_dismissed_has_a_reason CHECK (state <> 'dismissed' OR decision_note <> '')
);
CREATE INDEX ix_passage_report_worker ON passage_report (worker_id, reported_at);

CREATE TABLE passage_quarantine (
    brand_id uuid NOT NULL,
    id uuid NOT NULL,
    article_id uuid NOT NULL,
    passage_id uuid NOT NULL,
    text_sha256 text NOT NULL,
    cause varchar(40) NOT NULL CONSTRAINT quarantine_cause CHECK (cause IN ('reports', 'brand')),
    quarantined_at timestamptz NOT NULL,
    quarantined_by uuid CONSTRAINT fk_passage_quarantine_quarantined_by REFERENCES person (id),
    told_at timestamptz,
    lifted_at timestamptz,
    lifted_by uuid CONSTRAINT fk_passage_quarantine_lifted_by REFERENCES person (id),
    lift_reason text NOT NULL DEFAULT '',
    CONSTRAINT pk_passage_quarantine PRIMARY KEY (brand_id, id),
    CONSTRAINT fk_passage_quarantine_brand_id_article_id
        FOREIGN KEY (brand_id, article_id) REFERENCES article (brand_id, id),
    CONSTRAINT fk_passage_quarantine_brand_id_passage_id
        FOREIGN KEY (brand_id, passage_id) REFERENCES passage (brand_id, id),
    CONSTRAINT ck_passage_quarantine_lift_has_a_reason CHECK ((lifted_at IS NULL) = (lift_reason = ''))
);
CREATE UNIQUE INDEX uq_passage_quarantine_live ON passage_quarantine (brand_id, article_id, text_sha256)
    WHERE lifted_at IS NULL;
CREATE INDEX ix_passage_quarantine_untold ON passage_quarantine (quarantined_at) WHERE told_at IS NULL;

CREATE TABLE correction (
    brand_id uuid NOT NULL,
    id uuid NOT NULL,
    article_id uuid NOT NULL,
    source text NOT NULL,
    title text NOT NULL,
    texts text[] NOT NULL,
    opened_at timestamptz NOT NULL,
    opened_by uuid CONSTRAINT fk_correction_opened_by REFERENCES person (id),
    CONSTRAINT pk_correction PRIMARY KEY (brand_id, id),
    CONSTRAINT uq_correction_source UNIQUE (brand_id, article_id, source),
    CONSTRAINT fk_correction_brand_id_article_id
        FOREIGN KEY (brand_id, article_id) REFERENCES article (brand_id, id)
);

CREATE TABLE correction_notice (
    brand_id uuid NOT NULL,
    id uuid NOT NULL,
    correction_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    ticket_id uuid NOT NULL,
    draft text NOT NULL,
    body text NOT NULL,
    passage_id uuid,
    state varchar(40) NOT NULL CONSTRAINT notice_state CHECK (state IN ('drafted', 'queued', 'sent', 'skipped')),
    leaves_at timestamptz,
    label text NOT NULL DEFAULT '',
    label_proof text NOT NULL DEFAULT '',
    message_id uuid,
    sent_at timestamptz,
    decided_by uuid CONSTRAINT fk_correction_notice_decided_by REFERENCES person (id),
    skip_reason text NOT NULL DEFAULT '',
    CONSTRAINT pk_correction_notice PRIMARY KEY (brand_id, id),
    CONSTRAINT uq_correction_notice_customer UNIQUE (brand_id, correction_id, customer_id),
    CONSTRAINT fk_correction_notice_brand_id_correction_id
        FOREIGN KEY (brand_id, correction_id) REFERENCES correction (brand_id, id),
    CONSTRAINT fk_correction_notice_brand_id_customer_id
        FOREIGN KEY (brand_id, customer_id) REFERENCES customer (brand_id, id),
    CONSTRAINT fk_correction_notice_brand_id_ticket_id
        FOREIGN KEY (brand_id, ticket_id) REFERENCES ticket (brand_id, id),
    CONSTRAINT fk_correction_notice_brand_id_message_id
        FOREIGN KEY (brand_id, message_id) REFERENCES message (brand_id, id),
    CONSTRAINT ck_correction_notice_queued_has_its_time CHECK ((state = 'queued') = (leaves_at IS NOT NULL)),
    CONSTRAINT ck_correction_notice_sent_carries_its_label CHECK (
        (state = 'sent') = (sent_at IS NOT NULL)
        AND (state <> 'sent' OR label <> '' AND label_proof <> '' AND message_id IS NOT NULL)),
    CONSTRAINT ck_correction_notice_skipped_has_a_reason CHECK ((state = 'skipped') = (skip_reason <> ''))
);
CREATE INDEX ix_correction_notice_due ON correction_notice (leaves_at) WHERE state = 'queued';

CREATE TABLE correction_reply (
    brand_id uuid NOT NULL,
    correction_id uuid NOT NULL,
    reply_id uuid NOT NULL,
    notice_id uuid NOT NULL,
    ticket_id uuid NOT NULL,
    worker_id uuid NOT NULL CONSTRAINT fk_correction_reply_worker_id REFERENCES worker (id),
    passage_id uuid NOT NULL,
    sentences jsonb NOT NULL,
    replied_at timestamptz NOT NULL,
    told_at timestamptz,
    CONSTRAINT pk_correction_reply PRIMARY KEY (brand_id, correction_id, reply_id),
    CONSTRAINT fk_correction_reply_brand_id_correction_id
        FOREIGN KEY (brand_id, correction_id) REFERENCES correction (brand_id, id),
    CONSTRAINT fk_correction_reply_brand_id_notice_id
        FOREIGN KEY (brand_id, notice_id) REFERENCES correction_notice (brand_id, id),
    CONSTRAINT fk_correction_reply_brand_id_reply_id
        FOREIGN KEY (brand_id, reply_id) REFERENCES reply (brand_id, id),
    CONSTRAINT fk_correction_reply_brand_id_passage_id
        FOREIGN KEY (brand_id, passage_id) REFERENCES passage (brand_id, id)
);
CREATE INDEX ix_correction_reply_notice ON correction_reply (brand_id, notice_id);
CREATE INDEX ix_correction_reply_worker ON correction_reply (worker_id, told_at) WHERE told_at IS NOT NULL;
-- Which replies a passage stands behind is asked by passage.
CREATE INDEX ix_suggestion_passage_passage ON suggestion_passage (brand_id, passage_id);
CREATE INDEX ix_receipt_suggestion ON receipt (brand_id, suggestion_id);

CREATE TABLE contradiction (
    brand_id uuid NOT NULL,
    id uuid NOT NULL,
    first_article_id uuid NOT NULL,
    first_sha256 text NOT NULL,
    first_passage_id uuid NOT NULL,
    first_marks jsonb NOT NULL,
    second_article_id uuid NOT NULL,
    second_sha256 text NOT NULL,
    second_passage_id uuid NOT NULL,
    second_marks jsonb NOT NULL,
    kind varchar(40) NOT NULL CONSTRAINT value_kind CHECK (kind IN
        ('amount', 'duration', 'share', 'date', 'time', 'phone', 'email', 'practice')),
    subject text NOT NULL,
    cosine double precision NOT NULL,
    state varchar(40) NOT NULL CONSTRAINT contradiction_state CHECK (state IN ('open', 'dismissed', 'resolved')),
    found_at timestamptz NOT NULL,
    decided_at timestamptz,
    decided_by uuid CONSTRAINT fk_contradiction_decided_by REFERENCES person (id),
    reason text NOT NULL DEFAULT '',
    CONSTRAINT pk_contradiction PRIMARY KEY (brand_id, id),
    CONSTRAINT uq_contradiction_pair
        UNIQUE (brand_id, first_article_id, first_sha256, second_article_id, second_sha256, kind),
    CONSTRAINT fk_contradiction_brand_id_first_passage_id
        FOREIGN KEY (brand_id, first_passage_id) REFERENCES passage (brand_id, id),
    CONSTRAINT fk_contradiction_brand_id_second_passage_id
        FOREIGN KEY (brand_id, second_passage_id) REFERENCES passage (brand_id, id),
    CONSTRAINT ck_contradiction_dismissed_has_a_reason CHECK (state <> 'dismissed' OR reason <> ''),
    CONSTRAINT ck_contradiction_decided_has_its_time CHECK ((state = 'open') = (decided_at IS NULL))
);
CREATE INDEX ix_contradiction_state ON contradiction (brand_id, state, found_at);

CREATE TABLE contradiction_look (
    brand_id uuid NOT NULL CONSTRAINT fk_contradiction_look_brand_id REFERENCES brand (id),
    article_id uuid NOT NULL,
    sha256 text NOT NULL,
    CONSTRAINT pk_contradiction_look PRIMARY KEY (brand_id, article_id, sha256)
);

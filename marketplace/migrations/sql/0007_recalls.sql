-- Recalls: the evidence that a brand ended a ticket's time in the pool, and what it pays for that.
CREATE TABLE recall (
    brand_id uuid NOT NULL,
    id uuid NOT NULL,
    ticket_id uuid NOT NULL,
    number integer NOT NULL,
    kind varchar(40) NOT NULL,
    found varchar(40) NOT NULL,
    pays varchar(40) NOT NULL,
    credits jsonb NOT NULL,
    terms_id uuid,
    worker_id uuid,
    reason text NOT NULL,
    by text NOT NULL,
    recalled_at timestamptz NOT NULL,
    CONSTRAINT pk_recall PRIMARY KEY (brand_id, id),
    CONSTRAINT uq_recall_brand_id_ticket_id_number UNIQUE (brand_id, ticket_id, number),
    CONSTRAINT fk_recall_brand_id FOREIGN KEY (brand_id) REFERENCES brand (id),
    CONSTRAINT fk_recall_brand_id_ticket_id FOREIGN KEY (brand_id, ticket_id) REFERENCES ticket (brand_id, id),
    CONSTRAINT fk_recall_brand_id_terms_id FOREIGN KEY (brand_id, terms_id) REFERENCES terms (brand_id, id),
    CONSTRAINT fk_recall_worker_id FOREIGN KEY (worker_id) REFERENCES worker (id),
    CONSTRAINT recall_kind CHECK (kind IN ('take_back', 'withdrawal')),
    CONSTRAINT recall_found CHECK (found IN ('screening', 'held_back', 'awaiting_funds', 'open', 'claimed',
        'answered', 'resolved', 'escalated', 'withdrawn', 'expired')),
    CONSTRAINT recall_pays CHECK (pays IN ('nothing', 'escalation_fee', 'full_price')),
    CONSTRAINT ck_recall_pay_names_its_workers CHECK ((pays = 'nothing') = (credits = '[]'::jsonb)),
    CONSTRAINT ck_recall_pay_names_its_terms CHECK (pays = 'nothing' OR terms_id IS NOT NULL)
);

CREATE TABLE bulk_withdrawal (
    brand_id uuid NOT NULL,
    id uuid NOT NULL,
    tickets uuid[] NOT NULL,
    reason text NOT NULL,
    by text NOT NULL,
    done integer NOT NULL DEFAULT 0,
    withdrawn integer NOT NULL DEFAULT 0,
    refusals jsonb NOT NULL DEFAULT '[]'::jsonb,
    asked_at timestamptz NOT NULL,
    finished_at timestamptz,
    CONSTRAINT pk_bulk_withdrawal PRIMARY KEY (brand_id, id),
    CONSTRAINT fk_bulk_withdrawal_brand_id FOREIGN KEY (brand_id) REFERENCES brand (id),
    CONSTRAINT ck_bulk_withdrawal_bounded CHECK (cardinality(tickets) BETWEEN 1 AND 500),
    CONSTRAINT ck_bulk_withdrawal_done_of_all CHECK (done BETWEEN 0 AND cardinality(tickets)),
    CONSTRAINT ck_bulk_withdrawal_each_is_told_of CHECK (withdrawn + jsonb_array_length(refusals) = done),
    CONSTRAINT ck_bulk_withdrawal_ends_when_done CHECK ((finished_at IS NOT NULL) = (done = cardinality(tickets)))
);
CREATE INDEX ix_bulk_withdrawal_open ON bulk_withdrawal (asked_at) WHERE finished_at IS NULL;

-- A recall pays once per worker, by its own line.
ALTER TABLE earning ADD COLUMN recall_id uuid;
ALTER TABLE earning ADD CONSTRAINT fk_earning_brand_id_recall_id
    FOREIGN KEY (brand_id, recall_id) REFERENCES recall (brand_id, id);
ALTER TABLE earning ADD CONSTRAINT uq_earning_brand_id_recall_id_worker_id UNIQUE (brand_id, recall_id, worker_id);
ALTER TABLE earning DROP CONSTRAINT ck_earning_one_cause;
ALTER TABLE earning ADD CONSTRAINT ck_earning_one_cause
    CHECK (num_nonnulls(resolution_id, escalation_id, recall_id) = 1);
ALTER TABLE earning DROP CONSTRAINT earning_kind;
ALTER TABLE earning ADD CONSTRAINT earning_kind CHECK (kind IN ('resolution', 'escalation', 'recall'));

-- Kill switches know whose they are: what the platform stopped, a brand does not lift.
ALTER TABLE kill_switch ADD COLUMN by_platform boolean NOT NULL DEFAULT false;
ALTER TABLE kill_switch ADD CONSTRAINT ck_kill_switch_everywhere_by_the_platform
    CHECK (brand_id IS NOT NULL OR by_platform);
DROP INDEX uq_kill_switch_live;
CREATE UNIQUE INDEX uq_kill_switch_live ON kill_switch (kind, brand_id, key, by_platform) NULLS NOT DISTINCT
    WHERE lifted_at IS NULL;
CREATE POLICY brand_leaves_the_platforms ON kill_switch AS RESTRICTIVE FOR UPDATE TO humancloud_app
    USING (app_platform() OR NOT by_platform);
CREATE POLICY brand_throws_its_own ON kill_switch AS RESTRICTIVE FOR INSERT TO humancloud_app
    WITH CHECK (app_platform() OR NOT by_platform);

-- What the brand's board reads: the oldest, the most pressing, and what waits for the brand.
CREATE INDEX ix_pool_ticket_waiting ON pool_ticket (brand_id, waiting_since) WHERE state = 'open';
CREATE INDEX ix_pool_ticket_due ON pool_ticket (brand_id, due_at) WHERE state IN ('open', 'claimed');
CREATE INDEX ix_pool_ticket_in_review ON pool_ticket (brand_id, waiting_since) WHERE state = 'in_review';
CREATE INDEX ix_escalation_brand ON escalation (brand_id, decide_by) WHERE state = 'open';

-- What can happen to an earning besides maturing: holds, rejections, appeals, the brand's freeze; tips, bonuses, credit.

CREATE TABLE tip (
    brand_id uuid NOT NULL,
    id uuid NOT NULL,
    ticket_id uuid NOT NULL,
    worker_id uuid NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    given_at timestamptz NOT NULL,
    given_by uuid,
    refunded_at timestamptz,
    CONSTRAINT pk_tip PRIMARY KEY (brand_id, id),
    CONSTRAINT fk_tip_brand_id_ticket_id FOREIGN KEY (brand_id, ticket_id) REFERENCES ticket (brand_id, id),
    CONSTRAINT ck_tip_positive CHECK (amount_minor > 0),
    CONSTRAINT fk_tip_brand_id FOREIGN KEY (brand_id) REFERENCES brand (id),
    CONSTRAINT fk_tip_worker_id FOREIGN KEY (worker_id) REFERENCES worker (id),
    CONSTRAINT fk_tip_given_by FOREIGN KEY (given_by) REFERENCES person (id)
);
CREATE INDEX ix_tip_ticket ON tip (brand_id, ticket_id);
CREATE INDEX ix_tip_worker ON tip (worker_id);

CREATE TABLE bonus (
    brand_id uuid NOT NULL,
    id uuid NOT NULL,
    ticket_id uuid NOT NULL,
    worker_id uuid NOT NULL,
    day date NOT NULL,
    currency text NOT NULL,
    active_seconds integer NOT NULL,
    earned_minor bigint NOT NULL,
    floor_per_hour_minor bigint NOT NULL,
    amount_minor bigint NOT NULL,
    granted_at timestamptz NOT NULL,
    expires_at timestamptz,
    expired_at timestamptz,
    CONSTRAINT pk_bonus PRIMARY KEY (brand_id, id),
    CONSTRAINT fk_bonus_brand_id_ticket_id FOREIGN KEY (brand_id, ticket_id) REFERENCES ticket (brand_id, id),
    CONSTRAINT uq_bonus_worker_id_day_currency UNIQUE (worker_id, day, currency),
    CONSTRAINT ck_bonus_positive CHECK (amount_minor > 0),
    CONSTRAINT ck_bonus_only_credit_expires CHECK (expired_at IS NULL OR expires_at IS NOT NULL),
    CONSTRAINT fk_bonus_brand_id FOREIGN KEY (brand_id) REFERENCES brand (id),
    CONSTRAINT fk_bonus_worker_id FOREIGN KEY (worker_id) REFERENCES worker (id)
);
CREATE INDEX ix_bonus_expiring ON bonus (expires_at) WHERE expires_at IS NOT NULL AND expired_at IS NULL;

CREATE TABLE credit_choice (
    worker_id uuid NOT NULL,
    chosen_at timestamptz NOT NULL,
    CONSTRAINT pk_credit_choice PRIMARY KEY (worker_id),
    CONSTRAINT fk_credit_choice_worker_id FOREIGN KEY (worker_id) REFERENCES worker (id)
);

CREATE TABLE earning_hold (
    brand_id uuid NOT NULL,
    id uuid NOT NULL,
    earning_id uuid NOT NULL,
    worker_id uuid NOT NULL,
    cause varchar(40) NOT NULL,
    held_from varchar(40) NOT NULL,
    reason text NOT NULL,
    opened_at timestamptz NOT NULL,
    opened_by uuid,
    lapses_at timestamptz,
    closed_at timestamptz,
    closed_by uuid,
    ended_as varchar(40),
    CONSTRAINT pk_earning_hold PRIMARY KEY (brand_id, id),
    CONSTRAINT fk_earning_hold_brand_id_earning_id FOREIGN KEY (brand_id, earning_id)
        REFERENCES earning (brand_id, id),
    CONSTRAINT ck_earning_hold_end_is_named CHECK ((closed_at IS NULL) = (ended_as IS NULL)),
    CONSTRAINT ck_earning_hold_disputes_lapse CHECK ((cause = 'dispute') = (lapses_at IS NOT NULL)),
    CONSTRAINT ck_earning_hold_says_why CHECK (reason <> ''),
    CONSTRAINT fk_earning_hold_brand_id FOREIGN KEY (brand_id) REFERENCES brand (id),
    CONSTRAINT fk_earning_hold_worker_id FOREIGN KEY (worker_id) REFERENCES worker (id),
    CONSTRAINT ck_earning_hold_hold_cause CHECK (cause IN ('qa', 'dispute')),
    CONSTRAINT ck_earning_hold_hold_from CHECK (held_from IN ('in_window', 'payable')),
    CONSTRAINT fk_earning_hold_opened_by FOREIGN KEY (opened_by) REFERENCES person (id),
    CONSTRAINT fk_earning_hold_closed_by FOREIGN KEY (closed_by) REFERENCES person (id),
    CONSTRAINT ck_earning_hold_hold_end
        CHECK (ended_as IN ('released', 'lapsed', 'frozen', 'rejected', 'reopened'))
);
CREATE INDEX ix_earning_hold_earning ON earning_hold (brand_id, earning_id);
CREATE INDEX ix_earning_hold_lapsing ON earning_hold (lapses_at) WHERE closed_at IS NULL;
CREATE UNIQUE INDEX uq_earning_hold_open ON earning_hold (earning_id) WHERE closed_at IS NULL;

CREATE TABLE earning_rejection (
    brand_id uuid NOT NULL,
    id uuid NOT NULL,
    earning_id uuid NOT NULL,
    ticket_id uuid NOT NULL,
    worker_id uuid NOT NULL,
    reply_id uuid NOT NULL,
    judge varchar(40) NOT NULL,
    reason varchar(40) NOT NULL,
    note text NOT NULL,
    rejected_at timestamptz NOT NULL,
    rejected_by uuid,
    counts_at timestamptz NOT NULL,
    state varchar(40) NOT NULL,
    settled_at timestamptz,
    CONSTRAINT pk_earning_rejection PRIMARY KEY (brand_id, id),
    CONSTRAINT fk_earning_rejection_brand_id_earning_id FOREIGN KEY (brand_id, earning_id)
        REFERENCES earning (brand_id, id),
    CONSTRAINT fk_earning_rejection_brand_id_ticket_id FOREIGN KEY (brand_id, ticket_id)
        REFERENCES ticket (brand_id, id),
    CONSTRAINT fk_earning_rejection_brand_id_reply_id FOREIGN KEY (brand_id, reply_id)
        REFERENCES reply (brand_id, id),
    CONSTRAINT ck_earning_rejection_says_why CHECK (note <> ''),
    CONSTRAINT ck_earning_rejection_platform_has_a_name CHECK (judge = 'brand' OR rejected_by IS NOT NULL),
    CONSTRAINT fk_earning_rejection_brand_id FOREIGN KEY (brand_id) REFERENCES brand (id),
    CONSTRAINT fk_earning_rejection_worker_id FOREIGN KEY (worker_id) REFERENCES worker (id),
    CONSTRAINT ck_earning_rejection_rejection_judge CHECK (judge IN ('brand', 'platform')),
    CONSTRAINT ck_earning_rejection_rejection_reason
        CHECK (reason IN ('wrong_answer', 'incomplete', 'off_topic', 'against_instructions', 'rude')),
    CONSTRAINT fk_earning_rejection_rejected_by FOREIGN KEY (rejected_by) REFERENCES person (id),
    CONSTRAINT ck_earning_rejection_rejection_state
        CHECK (state IN ('waiting', 'undone', 'called_off', 'counted'))
);
CREATE INDEX ix_earning_rejection_brand ON earning_rejection (brand_id, rejected_at);
CREATE INDEX ix_earning_rejection_due ON earning_rejection (counts_at) WHERE state = 'waiting';
CREATE INDEX ix_earning_rejection_worker ON earning_rejection (worker_id, rejected_at);
CREATE UNIQUE INDEX uq_earning_rejection_live ON earning_rejection (earning_id)
    WHERE state IN ('waiting', 'counted');

CREATE TABLE rejection_appeal (
    brand_id uuid NOT NULL,
    id uuid NOT NULL,
    rejection_id uuid NOT NULL,
    worker_id uuid NOT NULL,
    said text NOT NULL,
    appealed_at timestamptz NOT NULL,
    ended_as varchar(40),
    answer text DEFAULT '' NOT NULL,
    decided_at timestamptz,
    decided_by uuid,
    CONSTRAINT pk_rejection_appeal PRIMARY KEY (brand_id, id),
    CONSTRAINT fk_rejection_appeal_brand_id_rejection_id FOREIGN KEY (brand_id, rejection_id)
        REFERENCES earning_rejection (brand_id, id),
    CONSTRAINT uq_rejection_appeal_brand_id_rejection_id UNIQUE (brand_id, rejection_id),
    CONSTRAINT ck_rejection_appeal_decided_by_somebody
        CHECK (num_nulls(ended_as, decided_at, decided_by) IN (0, 3)),
    CONSTRAINT ck_rejection_appeal_says_why CHECK (said <> ''),
    CONSTRAINT fk_rejection_appeal_brand_id FOREIGN KEY (brand_id) REFERENCES brand (id),
    CONSTRAINT fk_rejection_appeal_worker_id FOREIGN KEY (worker_id) REFERENCES worker (id),
    CONSTRAINT ck_rejection_appeal_appeal_end CHECK (ended_as IN ('upheld', 'reversed')),
    CONSTRAINT fk_rejection_appeal_decided_by FOREIGN KEY (decided_by) REFERENCES person (id)
);
CREATE INDEX ix_rejection_appeal_open ON rejection_appeal (appealed_at) WHERE ended_as IS NULL;
CREATE INDEX ix_rejection_appeal_worker ON rejection_appeal (worker_id);

CREATE TABLE rejection_limit (
    id integer NOT NULL,
    basis_points integer NOT NULL,
    at_least integer NOT NULL,
    days integer NOT NULL,
    CONSTRAINT pk_rejection_limit PRIMARY KEY (id),
    CONSTRAINT ck_rejection_limit_one_row CHECK (id = 1),
    CONSTRAINT ck_rejection_limit_range
        CHECK (basis_points BETWEEN 1 AND 10000 AND at_least BETWEEN 1 AND 10000 AND days BETWEEN 1 AND 365)
);

CREATE TABLE rejection_freeze (
    brand_id uuid NOT NULL,
    id uuid NOT NULL,
    frozen_at timestamptz NOT NULL,
    rejected integer NOT NULL,
    decided integer NOT NULL,
    lifted_at timestamptz,
    lifted_by uuid,
    lift_reason text,
    CONSTRAINT pk_rejection_freeze PRIMARY KEY (brand_id, id),
    CONSTRAINT ck_rejection_freeze_lifted_by_somebody
        CHECK (num_nulls(lifted_at, lifted_by, lift_reason) IN (0, 3)),
    CONSTRAINT ck_rejection_freeze_says_why CHECK (lift_reason <> ''),
    CONSTRAINT fk_rejection_freeze_brand_id FOREIGN KEY (brand_id) REFERENCES brand (id),
    CONSTRAINT fk_rejection_freeze_lifted_by FOREIGN KEY (lifted_by) REFERENCES person (id)
);
CREATE UNIQUE INDEX uq_rejection_freeze_open ON rejection_freeze (brand_id) WHERE lifted_at IS NULL;

INSERT INTO rejection_limit (id, basis_points, at_least, days) VALUES (1, 2000, 20, 30);

-- An earning knows the surge in it and the platform's fee for it; it may come of a tip, a bonus or an appeal.
ALTER TABLE earning ADD COLUMN tip_id uuid, ADD COLUMN bonus_id uuid, ADD COLUMN appeal_id uuid,
    ADD COLUMN surge_minor bigint NOT NULL DEFAULT 0, ADD COLUMN fee_minor bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT fk_earning_brand_id_tip_id FOREIGN KEY (brand_id, tip_id) REFERENCES tip (brand_id, id),
    ADD CONSTRAINT fk_earning_brand_id_bonus_id FOREIGN KEY (brand_id, bonus_id) REFERENCES bonus (brand_id, id),
    ADD CONSTRAINT fk_earning_brand_id_appeal_id FOREIGN KEY (brand_id, appeal_id)
        REFERENCES rejection_appeal (brand_id, id),
    ADD CONSTRAINT ck_earning_parts CHECK (surge_minor BETWEEN 0 AND amount_minor AND fee_minor >= 0),
    DROP CONSTRAINT ck_earning_one_cause,
    ADD CONSTRAINT ck_earning_one_cause CHECK
        (num_nonnulls(resolution_id, escalation_id, recall_id, tip_id, bonus_id, appeal_id) = 1),
    DROP CONSTRAINT earning_kind,
    ADD CONSTRAINT earning_kind CHECK
        (kind IN ('resolution', 'escalation', 'recall', 'tip', 'bonus', 'restored')),
    DROP CONSTRAINT earning_state,
    ADD CONSTRAINT earning_state CHECK (state IN ('in_window', 'payable', 'batched', 'sending', 'sent', 'reversed',
        'held', 'disputed', 'rejected', 'clawed_back'));
CREATE UNIQUE INDEX uq_earning_tip_id ON earning (tip_id) WHERE tip_id IS NOT NULL;
CREATE UNIQUE INDEX uq_earning_bonus_id ON earning (bonus_id) WHERE bonus_id IS NOT NULL;
CREATE UNIQUE INDEX uq_earning_appeal_id ON earning (appeal_id) WHERE appeal_id IS NOT NULL;
CREATE INDEX ix_earning_decided ON earning (brand_id, payable_at) WHERE kind = 'resolution' AND payable_at IS NOT NULL;

-- The fee of a resolution by its workers' parts; what does not divide falls to the oldest part.
UPDATE earning e SET fee_minor = x.fee FROM (
    SELECT p.brand_id, p.id, p.part + CASE WHEN row_number() OVER (PARTITION BY p.brand_id, p.resolution_id ORDER BY p.id) = 1
        THEN p.whole - (sum(p.part) OVER (PARTITION BY p.brand_id, p.resolution_id))::bigint ELSE 0 END AS fee
    FROM (
        SELECT s.brand_id, s.id, s.resolution_id, t.fee_minor AS whole, t.fee_minor * s.amount_minor / t.pay_minor AS part
        FROM earning s JOIN terms t ON t.brand_id = s.brand_id AND t.id = s.terms_id WHERE s.kind = 'resolution'
    ) AS p
) AS x WHERE e.brand_id = x.brand_id AND e.id = x.id AND x.fee > 0;

-- A held earning comes from where its hold says and goes back there; a rejected one stays rejected, and only by a
-- rejection that counts.
CREATE FUNCTION refuse_judgement_out_of_turn() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public AS $$
DECLARE
    v_from text;
BEGIN
    IF OLD.state IN ('rejected', 'clawed_back')
        OR NEW.state IN ('held', 'disputed') AND OLD.state NOT IN ('in_window', 'payable')
        OR NEW.state = 'rejected' AND OLD.state NOT IN ('held', 'disputed')
        OR NEW.state = 'clawed_back' AND OLD.state IN
            ('in_window', 'payable', 'batched', 'sending', 'reversed', 'held', 'disputed') THEN
        RAISE EXCEPTION 'an earning does not go from % to %', OLD.state, NEW.state USING ERRCODE = 'HC010';
    END IF;
    IF NEW.state IN ('rejected', 'clawed_back') AND NOT EXISTS (
        SELECT FROM earning_rejection r
        WHERE r.brand_id = NEW.brand_id AND r.earning_id = NEW.id AND r.state = 'counted') THEN
        RAISE EXCEPTION 'an earning is rejected by a rejection that counts' USING ERRCODE = 'HC010';
    END IF;
    IF OLD.state IN ('held', 'disputed') AND NEW.state NOT IN ('rejected', 'reversed') THEN
        SELECT h.held_from INTO v_from FROM earning_hold h
            WHERE h.brand_id = NEW.brand_id AND h.earning_id = NEW.id ORDER BY h.id DESC LIMIT 1;
        IF NEW.state IS DISTINCT FROM v_from THEN
            RAISE EXCEPTION 'a held earning goes back to where it was' USING ERRCODE = 'HC010';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER earning_is_judged_in_turn BEFORE UPDATE OF state ON earning FOR EACH ROW
    WHEN (NEW.state <> OLD.state AND (NEW.state IN ('held', 'disputed', 'rejected', 'clawed_back')
        OR OLD.state IN ('held', 'disputed', 'rejected', 'clawed_back')))
    EXECUTE FUNCTION refuse_judgement_out_of_turn();

-- Take an earning out of a batch that was not released; the batch's id, or none. Whoever signed it signs again: it is
-- a draft with another content, or void when nothing is left of it. A batch is locked before what is in it.
CREATE FUNCTION pull_from_batch(p_brand uuid, p_earning uuid) RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public AS $$
DECLARE
    v_batch uuid;
    v_payout uuid;
    v_amount bigint;
    v_left bigint;
BEGIN
    SELECT p.batch_id INTO v_batch FROM payout_line l JOIN payout p ON p.id = l.payout_id
        WHERE l.brand_id = p_brand AND l.earning_id = p_earning AND NOT l.dropped;
    IF v_batch IS NULL THEN
        RETURN NULL;
    END IF;
    PERFORM FROM payout_batch WHERE id = v_batch AND state IN ('draft', 'submitted', 'approved') FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT p.id, l.amount_minor, p.amount_minor - l.amount_minor INTO v_payout, v_amount, v_left
        FROM payout_line l JOIN payout p ON p.id = l.payout_id
        WHERE l.brand_id = p_brand AND l.earning_id = p_earning AND NOT l.dropped FOR UPDATE;
    IF v_payout IS NULL THEN
        RETURN NULL;
    END IF;
    IF v_left > 0 THEN
        UPDATE payout SET amount_minor = v_left WHERE id = v_payout;
        UPDATE payout_line SET dropped = true WHERE payout_id = v_payout AND earning_id = p_earning;
        UPDATE earning SET state = 'payable' WHERE brand_id = p_brand AND id = p_earning;
    ELSE
        UPDATE payout SET state = 'void' WHERE id = v_payout;
        UPDATE earning e SET state = 'payable' FROM payout_line l
            WHERE l.payout_id = v_payout AND NOT l.dropped AND e.brand_id = l.brand_id AND e.id = l.earning_id;
        UPDATE payout_line SET dropped = true WHERE payout_id = v_payout;
    END IF;
    IF EXISTS (SELECT FROM payout WHERE batch_id = v_batch AND state <> 'void') THEN
        UPDATE payout_batch SET state = 'draft', content_hash = payout_batch_hash(v_batch), submitted_at = NULL,
            submitted_by = NULL, approved_at = NULL, approved_by = NULL, approved_hash = NULL WHERE id = v_batch;
    ELSE
        UPDATE payout_batch SET state = 'void', finished_at = app_clock() WHERE id = v_batch;
    END IF;
    RETURN v_batch;
END $$;

-- A batch goes from step to step, and a signature stays as it was given; a batch whose content changed goes back to
-- the first step, without any.
CREATE OR REPLACE FUNCTION refuse_unsigned_batch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'draft' OR num_nonnulls(NEW.submitted_by, NEW.approved_by, NEW.released_by) > 0 THEN
            RAISE EXCEPTION 'a batch begins as a draft' USING ERRCODE = 'HC002';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.state = 'draft' AND OLD.state IN ('submitted', 'approved') THEN
        IF num_nonnulls(NEW.submitted_by, NEW.submitted_at, NEW.approved_by, NEW.approved_at, NEW.approved_hash) > 0
            OR NEW.currency <> OLD.currency OR NEW.content_hash = OLD.content_hash
            OR NEW.content_hash <> payout_batch_hash(NEW.id) THEN
            RAISE EXCEPTION 'a batch goes back for another content, unsigned' USING ERRCODE = 'HC002';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('draft', 'submitted'), ('submitted', 'approved'), ('approved', 'releasing'),
        ('releasing', 'done'), ('releasing', 'done_with_failures'),
        ('draft', 'void'), ('submitted', 'void'), ('approved', 'void')) THEN
        RAISE EXCEPTION 'a batch does not go from % to %', OLD.state, NEW.state USING ERRCODE = 'HC002';
    END IF;
    IF OLD.state <> 'draft'
            AND (NEW.content_hash, NEW.currency, NEW.submitted_by)
                IS DISTINCT FROM (OLD.content_hash, OLD.currency, OLD.submitted_by)
        OR OLD.state NOT IN ('draft', 'submitted')
            AND (NEW.approved_by, NEW.approved_hash) IS DISTINCT FROM (OLD.approved_by, OLD.approved_hash) THEN
        RAISE EXCEPTION 'a signature is not changed' USING ERRCODE = 'HC002';
    END IF;
    IF NEW.state IN ('approved', 'releasing') AND NEW.approved_hash IS DISTINCT FROM NEW.content_hash
        OR NEW.state <> OLD.state AND NEW.state IN ('submitted', 'approved', 'releasing')
            AND NEW.content_hash <> payout_batch_hash(NEW.id) THEN
        RAISE EXCEPTION 'the batch has changed since it was signed' USING ERRCODE = 'HC002';
    END IF;
    RETURN NEW;
END $$;

-- Whether a rejection may be written at all. One brand's are counted one after the other: each that would put its share
-- above the limit freezes the brand, and by that never counts itself.
CREATE FUNCTION judge_rejection() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    v_limit rejection_limit;
    v_since timestamptz;
    v_rejected integer;
    v_decided integer;
BEGIN
    IF EXISTS (SELECT FROM reply y WHERE y.brand_id = NEW.brand_id AND y.id = NEW.reply_id AND y.as_shown)
        OR EXISTS (SELECT FROM correction_reply c
                   WHERE c.brand_id = NEW.brand_id AND c.reply_id = NEW.reply_id) THEN
        RAISE EXCEPTION 'the reply is the brand''s own answer' USING ERRCODE = 'HC011';
    END IF;
    IF NEW.judge <> 'brand' THEN
        RETURN NEW;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('rejections of ' || NEW.brand_id, 0));
    IF EXISTS (SELECT FROM rejection_freeze f WHERE f.brand_id = NEW.brand_id AND f.lifted_at IS NULL) THEN
        RAISE EXCEPTION 'the brand is frozen from rejecting' USING ERRCODE = 'HC012';
    END IF;
    SELECT * INTO STRICT v_limit FROM rejection_limit;
    SELECT greatest(NEW.rejected_at - make_interval(days => v_limit.days), max(f.lifted_at)) INTO v_since
        FROM rejection_freeze f WHERE f.brand_id = NEW.brand_id;
    SELECT 1 + count(*) INTO v_rejected FROM earning_rejection r WHERE r.brand_id = NEW.brand_id
        AND r.judge = 'brand' AND r.state IN ('waiting', 'counted') AND r.rejected_at > v_since;
    SELECT v_rejected + count(*) INTO v_decided FROM earning e WHERE e.brand_id = NEW.brand_id
        AND e.kind = 'resolution' AND e.payable_at > v_since AND e.state NOT IN ('rejected', 'clawed_back');
    IF v_decided >= v_limit.at_least AND v_rejected::bigint * 10000 > v_decided::bigint * v_limit.basis_points THEN
        INSERT INTO rejection_freeze (brand_id, id, frozen_at, rejected, decided)
            VALUES (NEW.brand_id, NEW.id, NEW.rejected_at, v_rejected, v_decided);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER rejection_is_judged BEFORE INSERT ON earning_rejection
    FOR EACH ROW EXECUTE FUNCTION judge_rejection();

-- Of a rejection only its state moves, once.
CREATE TRIGGER rejection_is_as_written BEFORE UPDATE ON earning_rejection FOR EACH ROW
    WHEN (OLD.state <> 'waiting' OR (NEW.brand_id, NEW.id, NEW.earning_id, NEW.ticket_id, NEW.worker_id, NEW.reply_id,
            NEW.judge, NEW.reason, NEW.note, NEW.rejected_at, NEW.rejected_by, NEW.counts_at) IS DISTINCT FROM
        (OLD.brand_id, OLD.id, OLD.earning_id, OLD.ticket_id, OLD.worker_id, OLD.reply_id,
            OLD.judge, OLD.reason, OLD.note, OLD.rejected_at, OLD.rejected_by, OLD.counts_at))
    EXECUTE FUNCTION refuse_change();

-- An appeal is decided once, by a person of the platform who had no part in the rejection or a hold before it.
CREATE FUNCTION refuse_partial_judge() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF OLD.ended_as IS NOT NULL OR (NEW.brand_id, NEW.id, NEW.rejection_id, NEW.worker_id, NEW.said, NEW.appealed_at)
            IS DISTINCT FROM (OLD.brand_id, OLD.id, OLD.rejection_id, OLD.worker_id, OLD.said, OLD.appealed_at) THEN
        RAISE EXCEPTION 'an appeal is decided once' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NOT EXISTS (SELECT FROM staff s WHERE s.person_id = NEW.decided_by) OR EXISTS (
        SELECT FROM earning_rejection r
        LEFT JOIN earning_hold h ON h.brand_id = r.brand_id AND h.earning_id = r.earning_id
        WHERE r.brand_id = NEW.brand_id AND r.id = NEW.rejection_id
            AND NEW.decided_by IN (r.rejected_by, h.opened_by, h.closed_by)) THEN
        RAISE EXCEPTION 'whoever decided before does not decide the appeal' USING ERRCODE = 'HC013';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER appeal_is_decided_by_another BEFORE UPDATE ON rejection_appeal
    FOR EACH ROW EXECUTE FUNCTION refuse_partial_judge();

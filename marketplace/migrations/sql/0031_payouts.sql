-- Payouts: who may be paid, who looks first, who signs, what is netted, taken back and never claimed.

-- A list of states grows; whoever grew it before keeps his.
CREATE FUNCTION pg_temp.add_states(p_table text, p_constraint text, p_states text[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_all text;
BEGIN
    SELECT string_agg(quote_literal(known[1]), ', ') INTO STRICT v_all
        FROM pg_constraint c, regexp_matches(pg_get_constraintdef(c.oid), '''([a-z_]+)''', 'g') AS known
        WHERE c.conrelid = p_table::regclass AND c.conname = p_constraint;
    v_all := v_all || (SELECT string_agg(', ' || quote_literal(state), '') FROM unnest(p_states) AS state);
    EXECUTE format('ALTER TABLE %I DROP CONSTRAINT %I', p_table, p_constraint);
    EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I CHECK (state IN (%s))', p_table, p_constraint, v_all);
END $$;
SELECT pg_temp.add_states('payout', 'payout_state', ARRAY['netted', 'cancelled']);
SELECT pg_temp.add_states('earning', 'earning_state', ARRAY['unclaimed']);

-- No transfer goes to a held worker, whoever decided so.
CREATE TABLE payout_hold (
    id uuid CONSTRAINT pk_payout_hold PRIMARY KEY,
    worker_id uuid NOT NULL CONSTRAINT fk_payout_hold_worker_id REFERENCES worker,
    cause varchar(40) NOT NULL,
    reason text NOT NULL,
    placed_by uuid CONSTRAINT fk_payout_hold_placed_by REFERENCES person,
    placed_at timestamptz NOT NULL,
    lifted_by uuid CONSTRAINT fk_payout_hold_lifted_by REFERENCES person,
    lifted_at timestamptz,
    CONSTRAINT hold_cause CHECK (cause IN ('person', 'account_closed')),
    CONSTRAINT ck_payout_hold_lifted CHECK (lifted_by IS NULL OR lifted_at IS NOT NULL)
);
CREATE UNIQUE INDEX uq_payout_hold_live ON payout_hold (worker_id, cause) WHERE lifted_at IS NULL;
CREATE INDEX ix_payout_hold_lifted_by ON payout_hold (lifted_by, worker_id) WHERE lifted_by IS NOT NULL;

-- Nothing leaves while one stands. Nobody threw it: a check of ours did.
CREATE TABLE payouts_stop (
    id uuid CONSTRAINT pk_payouts_stop PRIMARY KEY,
    reason text NOT NULL,
    thrown_by uuid CONSTRAINT fk_payouts_stop_thrown_by REFERENCES person,
    thrown_at timestamptz NOT NULL,
    lifted_by uuid CONSTRAINT fk_payouts_stop_lifted_by REFERENCES person,
    lifted_at timestamptz
);
CREATE UNIQUE INDEX uq_payouts_stop_live ON payouts_stop ((lifted_at IS NULL)) WHERE lifted_at IS NULL;

ALTER TABLE stripe_account
    ADD COLUMN bank text,
    ADD COLUMN bank_changed_at timestamptz,
    ADD COLUMN leaving_at timestamptz;

ALTER TABLE payout_batch
    ADD COLUMN second_over_minor bigint,
    ADD COLUMN seconded_at timestamptz,
    ADD COLUMN seconded_by uuid CONSTRAINT fk_payout_batch_seconded_by REFERENCES person,
    ADD COLUMN shortfall_minor bigint,
    ADD COLUMN shortfall_note text,
    ADD CONSTRAINT ck_payout_batch_six_eyes
        CHECK (seconded_by IS NULL OR (seconded_by <> submitted_by AND seconded_by <> approved_by)),
    ADD CONSTRAINT ck_payout_batch_shortfall CHECK (shortfall_minor > 0);

ALTER TABLE payout
    ADD COLUMN bank text,
    ADD COLUMN netted_minor bigint NOT NULL DEFAULT 0,
    ADD COLUMN reversing_minor bigint NOT NULL DEFAULT 0,
    ADD COLUMN reversed_minor bigint NOT NULL DEFAULT 0,
    ADD COLUMN review varchar(40),
    ADD COLUMN reviewed_by uuid CONSTRAINT fk_payout_reviewed_by REFERENCES person,
    ADD COLUMN reviewed_at timestamptz,
    DROP CONSTRAINT ck_payout_positive,
    ADD CONSTRAINT ck_payout_positive
        CHECK (amount_minor >= 0 AND netted_minor >= 0 AND amount_minor + netted_minor > 0),
    ADD CONSTRAINT ck_payout_reversed
        CHECK (reversing_minor >= 0 AND reversed_minor >= 0 AND reversing_minor + reversed_minor <= amount_minor),
    ADD CONSTRAINT ck_payout_nothing_to_send CHECK (state <> 'netted' OR amount_minor = 0),
    ADD CONSTRAINT review_cause CHECK (review IN ('first_payout', 'bank_changed'));
CREATE INDEX ix_payout_unreviewed ON payout (batch_id) WHERE review IS NOT NULL AND reviewed_by IS NULL;
CREATE INDEX ix_payout_under_way ON payout (batch_id, id) WHERE state IN ('planned', 'sending', 'unknown');

CREATE TABLE transfer_reversal (
    id uuid CONSTRAINT pk_transfer_reversal PRIMARY KEY,
    payout_id uuid NOT NULL CONSTRAINT fk_transfer_reversal_payout_id REFERENCES payout,
    amount_minor bigint NOT NULL,
    reason text NOT NULL,
    state varchar(40) NOT NULL,
    attempt integer NOT NULL DEFAULT 1,
    stripe_reversal text CONSTRAINT uq_transfer_reversal_stripe_reversal UNIQUE,
    failure text,
    asked_by uuid CONSTRAINT fk_transfer_reversal_asked_by REFERENCES person,
    asked_at timestamptz NOT NULL,
    ended_at timestamptz,
    CONSTRAINT reversal_state CHECK (state IN ('sending', 'accepted', 'refused', 'unknown')),
    CONSTRAINT ck_transfer_reversal_positive CHECK (amount_minor > 0),
    CONSTRAINT ck_transfer_reversal_accepted_names_it CHECK ((state = 'accepted') = (stripe_reversal IS NOT NULL))
);
CREATE INDEX ix_transfer_reversal_payout ON transfer_reversal (payout_id);

-- A stored call is a transfer's or a reversal's.
ALTER TABLE stripe_call
    ALTER COLUMN payout_id DROP NOT NULL,
    ADD COLUMN reversal_id uuid CONSTRAINT fk_stripe_call_reversal_id REFERENCES transfer_reversal,
    ADD CONSTRAINT ck_stripe_call_one_purpose CHECK (num_nonnulls(payout_id, reversal_id) = 1),
    ADD CONSTRAINT uq_stripe_call_reversal_id_attempt UNIQUE (reversal_id, attempt);
CREATE UNIQUE INDEX uq_stripe_call_live_reversal ON stripe_call (reversal_id) WHERE state IN ('ready', 'in_doubt');
DROP TRIGGER stripe_call_is_as_stored ON stripe_call;
CREATE TRIGGER stripe_call_is_as_stored BEFORE UPDATE ON stripe_call FOR EACH ROW
    WHEN ((NEW.id, NEW.operation, NEW.payout_id, NEW.reversal_id, NEW.attempt, NEW.params, NEW.fingerprint, NEW.key)
              IS DISTINCT FROM
          (OLD.id, OLD.operation, OLD.payout_id, OLD.reversal_id, OLD.attempt, OLD.params, OLD.fingerprint, OLD.key))
    EXECUTE FUNCTION refuse_change();

CREATE TABLE escheatment (
    id uuid CONSTRAINT pk_escheatment PRIMARY KEY,
    worker_id uuid NOT NULL CONSTRAINT fk_escheatment_worker_id REFERENCES worker,
    currency text NOT NULL CONSTRAINT ck_escheatment_currency CHECK (currency ~ '^[a-z]{3}$'),
    amount_minor bigint NOT NULL CONSTRAINT ck_escheatment_positive CHECK (amount_minor > 0),
    dormant_since timestamptz NOT NULL,
    posted_at timestamptz NOT NULL
);
CREATE INDEX ix_escheatment_worker ON escheatment (worker_id);

-- What an approver signs: also the bank that Stripe pays out to, where it was read.
CREATE OR REPLACE FUNCTION payout_batch_hash(p_batch uuid) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public AS $$
    SELECT encode(sha256(convert_to(coalesce(string_agg(line, E'\n' ORDER BY line COLLATE "C"), ''), 'UTF8')), 'hex')
    FROM (
        SELECT format('%s %s %s %s %s %s', p.worker_id, p.destination || coalesce('/' || p.bank, ''), p.currency,
                      p.amount_minor, l.earning_id, l.amount_minor) AS line
        FROM payout p LEFT JOIN payout_line l ON l.payout_id = p.id AND NOT l.dropped
        WHERE p.batch_id = p_batch AND p.state <> 'void'
    ) AS lines
$$;

-- Whether somebody decided about a payout of the batch: he looked at it, or let a hold of its worker go since that
-- worker was last paid. Then another one approves.
CREATE FUNCTION has_judged_payouts(p_batch uuid, p_person uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public AS $$
    SELECT EXISTS (
        SELECT FROM payout p WHERE p.batch_id = p_batch AND p.state <> 'void'
            AND (p.reviewed_by = p_person OR EXISTS (
                SELECT FROM payout_hold h WHERE h.lifted_by = p_person AND h.worker_id = p.worker_id
                    AND h.lifted_at > coalesce((SELECT max(q.paid_at) FROM payout q
                        WHERE q.worker_id = p.worker_id), '-infinity'))))
$$;

-- Taking an earning out of a batch that is not released, which loses all its signatures; what of the rest is netted
-- stays so, as far as it goes.
CREATE OR REPLACE FUNCTION pull_from_batch(p_brand uuid, p_earning uuid) RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public AS $$
DECLARE
    v_batch uuid;
    v_payout uuid;
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
    SELECT p.id, p.amount_minor + p.netted_minor - l.amount_minor INTO v_payout, v_left
        FROM payout_line l JOIN payout p ON p.id = l.payout_id
        WHERE l.brand_id = p_brand AND l.earning_id = p_earning AND NOT l.dropped FOR UPDATE;
    IF v_payout IS NULL THEN
        RETURN NULL;
    END IF;
    IF v_left > 0 THEN
        UPDATE payout SET netted_minor = least(netted_minor, v_left),
            amount_minor = v_left - least(netted_minor, v_left) WHERE id = v_payout;
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
            submitted_by = NULL, approved_at = NULL, approved_by = NULL, approved_hash = NULL, seconded_at = NULL,
            seconded_by = NULL WHERE id = v_batch;
    ELSE
        UPDATE payout_batch SET state = 'void', finished_at = app_clock() WHERE id = v_batch;
    END IF;
    RETURN v_batch;
END $$;

CREATE OR REPLACE FUNCTION refuse_unsigned_batch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'draft'
            OR num_nonnulls(NEW.submitted_by, NEW.approved_by, NEW.seconded_by, NEW.released_by) > 0 THEN
            RAISE EXCEPTION 'a batch begins as a draft' USING ERRCODE = 'HC002';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.state = 'draft' AND OLD.state IN ('submitted', 'approved') THEN
        IF num_nonnulls(NEW.submitted_by, NEW.submitted_at, NEW.approved_by, NEW.approved_at, NEW.approved_hash,
                        NEW.seconded_by, NEW.seconded_at) > 0
            OR NEW.currency <> OLD.currency OR NEW.content_hash = OLD.content_hash
            OR NEW.second_over_minor IS DISTINCT FROM OLD.second_over_minor
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
            AND (NEW.content_hash, NEW.currency, NEW.submitted_by, NEW.second_over_minor)
                IS DISTINCT FROM (OLD.content_hash, OLD.currency, OLD.submitted_by, OLD.second_over_minor)
        OR OLD.state NOT IN ('draft', 'submitted')
            AND (NEW.approved_by, NEW.approved_hash) IS DISTINCT FROM (OLD.approved_by, OLD.approved_hash)
        OR (OLD.seconded_by IS NOT NULL OR OLD.state <> 'approved')
            AND NEW.seconded_by IS DISTINCT FROM OLD.seconded_by THEN
        RAISE EXCEPTION 'a signature is not changed' USING ERRCODE = 'HC002';
    END IF;
    IF NEW.state IN ('approved', 'releasing') AND NEW.approved_hash IS DISTINCT FROM NEW.content_hash
        OR (NEW.state <> OLD.state AND NEW.state IN ('submitted', 'approved', 'releasing')
            OR NEW.seconded_by IS DISTINCT FROM OLD.seconded_by)
            AND NEW.content_hash <> payout_batch_hash(NEW.id) THEN
        RAISE EXCEPTION 'the batch has changed since it was signed' USING ERRCODE = 'HC002';
    END IF;
    IF OLD.state = 'draft' AND NEW.state = 'submitted' AND EXISTS (
        SELECT FROM payout p WHERE p.batch_id = NEW.id AND p.state <> 'void'
            AND p.review IS NOT NULL AND p.reviewed_by IS NULL) THEN
        RAISE EXCEPTION 'a payout of the batch was not looked at' USING ERRCODE = 'HC003';
    END IF;
    -- That nobody approves what he submitted is a check of its own.
    IF NEW.approved_by IS DISTINCT FROM OLD.approved_by AND NEW.approved_by <> NEW.submitted_by
            AND has_judged_payouts(NEW.id, NEW.approved_by)
        OR NEW.seconded_by IS DISTINCT FROM OLD.seconded_by AND NEW.seconded_by <> NEW.submitted_by
            AND has_judged_payouts(NEW.id, NEW.seconded_by) THEN
        RAISE EXCEPTION 'who decided about a payout of the batch approves it' USING ERRCODE = 'HC004';
    END IF;
    IF OLD.state = 'approved' AND NEW.state = 'releasing' AND NEW.seconded_by IS NULL
        AND (SELECT sum(p.amount_minor) FROM payout p WHERE p.batch_id = NEW.id AND p.state <> 'void')
            > NEW.second_over_minor THEN
        RAISE EXCEPTION 'the batch is so large that two approve it' USING ERRCODE = 'HC005';
    END IF;
    RETURN NEW;
END $$;

-- Nothing new leaves while payouts are stopped, nor to a held worker; what is in doubt is another matter.
CREATE FUNCTION refuse_stopped_call() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF EXISTS (SELECT FROM payouts_stop WHERE lifted_at IS NULL) THEN
        RAISE EXCEPTION 'payouts are stopped' USING ERRCODE = 'HC006';
    END IF;
    IF payouts_stopped_by_books() IS NOT NULL THEN
        RAISE EXCEPTION 'payouts are stopped: %', payouts_stopped_by_books() USING ERRCODE = 'HC006';
    END IF;
    IF EXISTS (SELECT FROM payout p JOIN payout_hold h ON h.worker_id = p.worker_id AND h.lifted_at IS NULL
               WHERE p.id = NEW.payout_id)
        OR EXISTS (SELECT FROM payout p JOIN bank_pause b ON b.worker_id = p.worker_id WHERE p.id = NEW.payout_id) THEN
        RAISE EXCEPTION 'the worker is held' USING ERRCODE = 'HC006';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER stripe_call_may_leave BEFORE UPDATE ON stripe_call FOR EACH ROW
    WHEN (OLD.state = 'ready' AND NEW.state = 'in_doubt') EXECUTE FUNCTION refuse_stopped_call();

DO $$
DECLARE
    name text;
BEGIN
    GRANT CREATE ON SCHEMA public TO humancloud_background;
    FOREACH name IN ARRAY ARRAY['has_judged_payouts(uuid, uuid)', 'refuse_unsigned_batch()', 'refuse_stopped_call()'] LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO humancloud_background', name);
    END LOOP;
    REVOKE CREATE ON SCHEMA public FROM humancloud_background;
    FOREACH name IN ARRAY ARRAY['payout_hold', 'payouts_stop', 'transfer_reversal', 'escheatment'] LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE ON %I TO humancloud_app, humancloud_background', name);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY background ON %I TO humancloud_background USING (true) WITH CHECK (true)', name);
        EXECUTE format('CREATE POLICY platform ON %I TO humancloud_app USING (app_platform()) WITH CHECK (app_platform())', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['payout_hold', 'escheatment'] LOOP
        EXECUTE format('CREATE POLICY worker ON %I FOR SELECT TO humancloud_app USING (worker_id = app_worker())', name);
    END LOOP;
END $$;
CREATE POLICY worker ON transfer_reversal FOR SELECT TO humancloud_app USING (EXISTS (
    SELECT FROM payout p WHERE p.id = transfer_reversal.payout_id));
-- An account that is closed is held when it is read, in its worker's own scope.
CREATE POLICY worker_closes ON payout_hold FOR INSERT TO humancloud_app
    WITH CHECK (worker_id = app_worker() AND cause = 'account_closed' AND placed_by IS NULL);
CREATE POLICY worker_reopens ON payout_hold FOR UPDATE TO humancloud_app
    USING (worker_id = app_worker() AND cause = 'account_closed')
    WITH CHECK (worker_id = app_worker() AND cause = 'account_closed' AND lifted_by IS NULL);
-- Why nothing is paid now is no secret.
CREATE POLICY reader ON payouts_stop FOR SELECT TO humancloud_app USING (true);

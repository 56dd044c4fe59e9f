-- Closed months, links between postings, and amounts in the units a currency is paid in.

-- A month that is closed takes no posting any more, nor does any month before it. There is no way back.
CREATE TABLE closed_period (
    month date NOT NULL CONSTRAINT ck_closed_period_first_day CHECK (extract(day FROM month) = 1),
    closed_at timestamptz NOT NULL DEFAULT app_clock(),
    closed_by uuid NOT NULL CONSTRAINT fk_closed_period_closed_by REFERENCES person (id),
    CONSTRAINT pk_closed_period PRIMARY KEY (month)
);
CREATE TRIGGER closed_period_is_append_only BEFORE UPDATE OR DELETE ON closed_period
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER closed_period_is_never_emptied BEFORE TRUNCATE ON closed_period
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The lock waits for every posting under way, and those that come after it see the closed month. It waits for
-- three seconds only: postings queue behind it.
CREATE FUNCTION judge_closing() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    PERFORM set_config('lock_timeout', '3s', true);
    LOCK TABLE ledger_txn IN SHARE ROW EXCLUSIVE MODE;
    IF NOT EXISTS (SELECT FROM staff WHERE person_id = NEW.closed_by AND role = 'finance') THEN
        RAISE EXCEPTION 'a month is closed by a person of finance' USING ERRCODE = 'HC036';
    END IF;
    IF (NEW.month + interval '1 month') AT TIME ZONE 'UTC' > app_clock() THEN
        RAISE EXCEPTION 'the month of % is not over', NEW.month USING ERRCODE = 'HC037';
    END IF;
    IF EXISTS (SELECT FROM closed_period WHERE month >= NEW.month) THEN
        RAISE EXCEPTION 'the month of % is closed already', NEW.month USING ERRCODE = 'HC038';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER closed_period_is_over BEFORE INSERT ON closed_period
    FOR EACH ROW EXECUTE FUNCTION judge_closing();

CREATE FUNCTION refuse_closed_period() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM closed_period WHERE month >=
               date_trunc('month', least(NEW.effective_at, NEW.posted_at) AT TIME ZONE 'UTC')::date) THEN
        RAISE EXCEPTION 'the month of % is closed', least(NEW.effective_at, NEW.posted_at)
            USING ERRCODE = 'HC035';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ledger_txn_is_in_an_open_period BEFORE INSERT ON ledger_txn
    FOR EACH ROW EXECUTE FUNCTION refuse_closed_period();

-- A correction names what it corrects; a reversal is the mirror image of what it reverses.
ALTER TABLE ledger_txn
    ADD COLUMN corrects uuid CONSTRAINT fk_ledger_txn_corrects REFERENCES ledger_txn (id),
    ADD CONSTRAINT ck_ledger_txn_one_link CHECK (num_nonnulls(reverses, corrects) <= 1),
    ADD CONSTRAINT ck_ledger_txn_other CHECK (id <> reverses AND id <> corrects);
CREATE INDEX ix_ledger_txn_corrects ON ledger_txn (corrects) WHERE corrects IS NOT NULL;

CREATE FUNCTION refuse_unlike_reversal() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public AS $$
BEGIN
    IF EXISTS (SELECT FROM ledger_txn WHERE id = NEW.reverses AND reverses IS NOT NULL) THEN
        RAISE EXCEPTION 'a reversal is not reversed' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (
        (SELECT account_id, amount_minor, CASE side WHEN 'D' THEN 'C' ELSE 'D' END FROM ledger_entry
            WHERE txn_id = NEW.reverses
         EXCEPT ALL SELECT account_id, amount_minor, side FROM ledger_entry WHERE txn_id = NEW.id)
        UNION ALL
        (SELECT account_id, amount_minor, side FROM ledger_entry WHERE txn_id = NEW.id
         EXCEPT ALL SELECT account_id, amount_minor, CASE side WHEN 'D' THEN 'C' ELSE 'D' END
            FROM ledger_entry WHERE txn_id = NEW.reverses)) THEN
        RAISE EXCEPTION 'ledger transaction % does not mirror what it reverses', NEW.id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ledger_txn_reverses_its_mirror AFTER INSERT ON ledger_txn
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.reverses IS NOT NULL)
    EXECUTE FUNCTION refuse_unlike_reversal();

DROP FUNCTION post_ledger_txn(uuid, text, text, text, uuid, uuid, timestamptz, text, jsonb);

-- As in 0001_ledger.sql, with the link of a correction.
CREATE FUNCTION post_ledger_txn(p_id uuid, p_kind text, p_key text, p_fingerprint text, p_ticket uuid,
                                p_reverses uuid, p_corrects uuid, p_effective timestamptz, p_currency text,
                                p_legs jsonb)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    v_known text;
    v_leg record;
    v_version bigint;
    v_balance bigint;
BEGIN
    INSERT INTO ledger_txn (id, kind, key, fingerprint, ticket_id, reverses, corrects, effective_at, posted_at)
        VALUES (p_id, p_kind, p_key, p_fingerprint, p_ticket, p_reverses, p_corrects, p_effective, app_clock())
        ON CONFLICT (key) DO NOTHING;
    IF NOT FOUND THEN
        SELECT fingerprint INTO STRICT v_known FROM ledger_txn WHERE key = p_key;
        IF v_known <> p_fingerprint THEN
            RAISE EXCEPTION 'ledger key % was used for another posting', p_key USING ERRCODE = 'HC001';
        END IF;
        RETURN false;
    END IF;
    INSERT INTO ledger_account (code, brand_id, worker_id, currency, normal, floor_zero)
        SELECT k.code, l.brand, l.worker, p_currency, k.normal, k.floor_zero
        FROM jsonb_to_recordset(p_legs) AS l(code text, brand uuid, worker uuid)
        JOIN ledger_account_kind k ON k.code = l.code
        WHERE NOT EXISTS (SELECT FROM ledger_account a WHERE a.code = l.code AND a.currency = p_currency
            AND a.brand_id IS NOT DISTINCT FROM l.brand AND a.worker_id IS NOT DISTINCT FROM l.worker)
        ORDER BY l.code, l.brand, l.worker  -- two first postings make their accounts in the same order
        ON CONFLICT DO NOTHING;
    FOR v_leg IN
        SELECT a.id, a.normal, a.floor_zero, l.side, l.amount
        FROM jsonb_to_recordset(p_legs) AS l(code text, brand uuid, worker uuid, side text, amount bigint)
        LEFT JOIN ledger_account a ON a.code = l.code AND a.currency = p_currency
            AND a.brand_id IS NOT DISTINCT FROM l.brand AND a.worker_id IS NOT DISTINCT FROM l.worker
        ORDER BY a.id, l.side
    LOOP
        IF v_leg.id IS NULL THEN
            RAISE EXCEPTION 'a leg of % names no account of the chart', p_key;
        END IF;
        v_version := NULL;
        v_balance := NULL;
        IF v_leg.floor_zero THEN
            UPDATE ledger_account
                SET balance_minor = balance_minor
                        + CASE WHEN v_leg.side = normal THEN v_leg.amount ELSE -v_leg.amount END,
                    version = version + 1
                WHERE id = v_leg.id RETURNING version, balance_minor INTO v_version, v_balance;
        END IF;
        INSERT INTO ledger_entry (txn_id, account_id, side, amount_minor, currency, account_version,
                                  balance_after_minor)
            VALUES (p_id, v_leg.id, v_leg.side, v_leg.amount, p_currency, v_version, v_balance);
    END LOOP;
    RETURN true;
END $$;

-- That a month is closed is no secret: statements say so. Closing it is for the platform.
GRANT SELECT, INSERT ON closed_period TO humancloud_app, humancloud_background;
ALTER TABLE closed_period ENABLE ROW LEVEL SECURITY;
ALTER TABLE closed_period FORCE ROW LEVEL SECURITY;
CREATE POLICY background ON closed_period TO humancloud_background USING (true) WITH CHECK (true);
CREATE POLICY reader ON closed_period FOR SELECT TO humancloud_app USING (true);
CREATE POLICY platform ON closed_period FOR INSERT TO humancloud_app WITH CHECK (app_platform());

-- Minor units that a payout comes in: Stripe pays these four in whole units, and three-decimal ones in tens.
CREATE FUNCTION money_step(p_currency text) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN p_currency IN ('huf', 'isk', 'twd', 'ugx') THEN 100
                WHEN p_currency IN ('bhd', 'jod', 'kwd', 'omr', 'tnd') THEN 10 ELSE 1 END
$$;
ALTER TABLE payout ADD CONSTRAINT ck_payout_whole_steps CHECK (amount_minor % money_step(currency) = 0);

-- A batch, its payouts and their earnings are of one currency.
CREATE FUNCTION refuse_payout_in_other_currency() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public AS $$
BEGIN
    IF NEW.currency IS DISTINCT FROM (SELECT currency FROM payout_batch WHERE id = NEW.batch_id) THEN
        RAISE EXCEPTION 'a payout is in the currency of its batch' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payout_is_in_its_batchs_currency BEFORE INSERT OR UPDATE OF currency, batch_id ON payout
    FOR EACH ROW EXECUTE FUNCTION refuse_payout_in_other_currency();

CREATE FUNCTION refuse_line_in_other_currency() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public AS $$
BEGIN
    IF (SELECT currency FROM payout WHERE id = NEW.payout_id) IS DISTINCT FROM
       (SELECT currency FROM earning WHERE brand_id = NEW.brand_id AND id = NEW.earning_id) THEN
        RAISE EXCEPTION 'an earning is paid in its own currency' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payout_line_is_in_its_earnings_currency
    BEFORE INSERT OR UPDATE OF payout_id, brand_id, earning_id ON payout_line
    FOR EACH ROW EXECUTE FUNCTION refuse_line_in_other_currency();

-- Functions that decide for everybody run as the background role, which policies let through.
DO $$
DECLARE
    name text;
BEGIN
    GRANT CREATE ON SCHEMA public TO humancloud_background;
    FOREACH name IN ARRAY ARRAY['judge_closing()', 'refuse_unlike_reversal()',
        'refuse_payout_in_other_currency()', 'refuse_line_in_other_currency()',
        'post_ledger_txn(uuid, text, text, text, uuid, uuid, uuid, timestamptz, text, jsonb)'] LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO humancloud_background', name);
    END LOOP;
    REVOKE CREATE ON SCHEMA public FROM humancloud_background;
END $$;

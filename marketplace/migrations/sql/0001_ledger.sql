-- The ledger: balanced, append-only, floored, each key once. billing/ledger.py is its only caller.
INSERT INTO ledger_account_kind (code, normal, floor_zero) VALUES
    ('stripe_pending', 'D', false), ('stripe_available', 'D', false), ('stripe_fees', 'D', false),
    ('brand_wallet', 'C', true), ('brand_reserved', 'C', true),
    ('worker_pending', 'C', true), ('worker_payable', 'C', true), ('worker_in_flight', 'C', true),
    ('platform_fee', 'C', false), ('sales_tax_payable', 'C', false);

-- Post balanced legs [{"code", "brand", "worker", "side", "amount"}] under `p_key`.
-- true: posted; false: the same was posted before under this key. Another fingerprint under a used key is an
-- error (SQLSTATE HC001). Rows lock in account order, so postings never deadlock.
CREATE FUNCTION post_ledger_txn(p_id uuid, p_kind text, p_key text, p_fingerprint text, p_ticket uuid,
                                p_reverses uuid, p_effective timestamptz, p_currency text, p_legs jsonb)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    v_known text;
    v_leg record;
    v_version bigint;
    v_balance bigint;
BEGIN
    INSERT INTO ledger_txn (id, kind, key, fingerprint, ticket_id, reverses, effective_at, posted_at)
        VALUES (p_id, p_kind, p_key, p_fingerprint, p_ticket, p_reverses, p_effective, app_clock())
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

-- Lock accounts [{"code", "brand", "worker", "currency"}] in the order postings lock them: a transaction that
-- posts more than once takes all its locks here first, and so never deadlocks with another.
CREATE FUNCTION lock_ledger_accounts(p_accounts jsonb) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public AS $$
    SELECT a.id FROM ledger_account a
        JOIN (SELECT DISTINCT * FROM jsonb_to_recordset(p_accounts)
                  AS named(code text, brand uuid, worker uuid, currency text)) AS l
            ON a.code = l.code AND a.currency = l.currency
            AND a.brand_id IS NOT DISTINCT FROM l.brand AND a.worker_id IS NOT DISTINCT FROM l.worker
        ORDER BY a.id FOR UPDATE OF a;
$$;

CREATE FUNCTION refuse_unbalanced_txn() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public AS $$
DECLARE
    v_txn uuid := CASE TG_TABLE_NAME WHEN 'ledger_txn' THEN to_jsonb(NEW) ->> 'id'
                                     ELSE to_jsonb(NEW) ->> 'txn_id' END;
BEGIN
    IF (SELECT count(*) FROM ledger_entry WHERE txn_id = v_txn) < 2 OR EXISTS (
        SELECT FROM ledger_entry WHERE txn_id = v_txn GROUP BY currency
        HAVING sum(CASE side WHEN 'D' THEN amount_minor ELSE -amount_minor END) <> 0) THEN
        RAISE EXCEPTION 'ledger transaction % does not balance', v_txn USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ledger_txn_balances AFTER INSERT ON ledger_txn
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_unbalanced_txn();
CREATE CONSTRAINT TRIGGER ledger_entry_balances AFTER INSERT ON ledger_entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_unbalanced_txn();

-- An entry stands where its account stands: in its currency and, under a floor, at its version and balance.
-- So nobody writes an entry past the balance that the floor guards.
CREATE FUNCTION refuse_stray_entry() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM ledger_account a WHERE a.id = NEW.account_id AND a.currency = NEW.currency
            AND NEW.account_version IS NOT DISTINCT FROM CASE WHEN a.floor_zero THEN a.version END
            AND NEW.balance_after_minor IS NOT DISTINCT FROM CASE WHEN a.floor_zero THEN a.balance_minor END) THEN
        RAISE EXCEPTION 'an entry does not fit its account' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ledger_entry_fits_its_account BEFORE INSERT ON ledger_entry
    FOR EACH ROW EXECUTE FUNCTION refuse_stray_entry();

-- Of an account only its balance moves, one version at a time.
CREATE TRIGGER ledger_account_keeps_its_owner BEFORE UPDATE ON ledger_account FOR EACH ROW
    WHEN ((NEW.id, NEW.code, NEW.brand_id, NEW.worker_id, NEW.currency, NEW.normal, NEW.floor_zero)
              IS DISTINCT FROM
          (OLD.id, OLD.code, OLD.brand_id, OLD.worker_id, OLD.currency, OLD.normal, OLD.floor_zero)
          OR NEW.version <> OLD.version + 1)
    EXECUTE FUNCTION refuse_change();

-- What an approver signs: every payout's worker, destination and amount, and every earning in it.
CREATE FUNCTION payout_batch_hash(p_batch uuid) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public AS $$
    SELECT encode(sha256(convert_to(coalesce(string_agg(line, E'\n' ORDER BY line COLLATE "C"), ''), 'UTF8')), 'hex')
    FROM (
        SELECT format('%s %s %s %s %s %s', p.worker_id, p.destination, p.currency, p.amount_minor,
                      l.earning_id, l.amount_minor) AS line
        FROM payout p LEFT JOIN payout_line l ON l.payout_id = p.id AND NOT l.dropped
        WHERE p.batch_id = p_batch AND p.state <> 'void'
    ) AS lines
$$;

-- A batch goes from step to step, and a signature stays as it was given.
CREATE FUNCTION refuse_unsigned_batch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'draft' OR num_nonnulls(NEW.submitted_by, NEW.approved_by, NEW.released_by) > 0 THEN
            RAISE EXCEPTION 'a batch begins as a draft' USING ERRCODE = 'HC002';
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
CREATE TRIGGER payout_batch_is_signed BEFORE INSERT OR UPDATE ON payout_batch
    FOR EACH ROW EXECUTE FUNCTION refuse_unsigned_batch();

-- What a call sends is fixed before its first try.
CREATE TRIGGER stripe_call_is_as_stored BEFORE UPDATE ON stripe_call FOR EACH ROW
    WHEN ((NEW.id, NEW.operation, NEW.payout_id, NEW.attempt, NEW.params, NEW.fingerprint, NEW.key)
              IS DISTINCT FROM
          (OLD.id, OLD.operation, OLD.payout_id, OLD.attempt, OLD.params, OLD.fingerprint, OLD.key))
    EXECUTE FUNCTION refuse_change();

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

CREATE FUNCTION refuse_foreign_currency() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public AS $$
BEGIN
    IF NEW.currency <> (SELECT currency FROM ledger_account WHERE id = NEW.account_id) THEN
        RAISE EXCEPTION 'an entry has its account''s currency' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ledger_entry_currency BEFORE INSERT ON ledger_entry
    FOR EACH ROW EXECUTE FUNCTION refuse_foreign_currency();

-- What an approver signs: every payout's worker, destination and amount, and every earning in it.
CREATE FUNCTION payout_batch_hash(p_batch uuid) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public AS $$
    SELECT encode(sha256(convert_to(coalesce(string_agg(line, E'\n' ORDER BY line COLLATE "C"), ''), 'UTF8')), 'hex')
    FROM (
        SELECT format('%s %s %s %s %s %s', p.worker_id, p.destination, p.currency, p.amount_minor,
                      l.earning_id, l.amount_minor) AS line
        FROM payout p JOIN payout_line l ON l.payout_id = p.id AND NOT l.dropped
        WHERE p.batch_id = p_batch AND p.state <> 'void'
    ) AS lines
$$;

CREATE FUNCTION refuse_unsigned_batch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state IN ('submitted', 'approved') OR NEW.state = 'releasing' AND OLD.state <> 'releasing' THEN
        IF NEW.content_hash <> payout_batch_hash(NEW.id) THEN
            RAISE EXCEPTION 'the batch has changed since it was signed' USING ERRCODE = 'HC002';
        END IF;
    END IF;
    IF NEW.state = 'releasing' AND OLD.state NOT IN ('approved', 'releasing', 'done_with_failures') THEN
        RAISE EXCEPTION 'only an approved batch is released' USING ERRCODE = 'HC002';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payout_batch_is_signed BEFORE UPDATE ON payout_batch
    FOR EACH ROW EXECUTE FUNCTION refuse_unsigned_batch();

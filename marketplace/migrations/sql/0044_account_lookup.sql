-- An account is found by the index over its owner. IS NOT DISTINCT FROM is asked of no index: with ten thousand workers
-- every posting read the accounts of all of them.
CREATE FUNCTION ledger_account_at(p_code text, p_brand uuid, p_worker uuid, p_currency text) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF p_brand IS NULL AND p_worker IS NULL THEN
        RETURN (SELECT id FROM ledger_account WHERE code = p_code AND brand_id IS NULL AND worker_id IS NULL
            AND currency = p_currency);
    ELSIF p_brand IS NULL THEN
        RETURN (SELECT id FROM ledger_account WHERE code = p_code AND brand_id IS NULL AND worker_id = p_worker
            AND currency = p_currency);
    ELSIF p_worker IS NULL THEN
        RETURN (SELECT id FROM ledger_account WHERE code = p_code AND brand_id = p_brand AND worker_id IS NULL
            AND currency = p_currency);
    END IF;
    RETURN (SELECT id FROM ledger_account WHERE code = p_code AND brand_id = p_brand AND worker_id = p_worker
        AND currency = p_currency);
END $$;

-- As in 0035_periods.sql, but for how accounts are found.
CREATE OR REPLACE FUNCTION post_ledger_txn(p_id uuid, p_kind text, p_key text, p_fingerprint text, p_ticket uuid,
                                           p_reverses uuid, p_corrects uuid, p_effective timestamptz,
                                           p_currency text, p_legs jsonb)
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
        WHERE ledger_account_at(l.code, l.brand, l.worker, p_currency) IS NULL
        ORDER BY l.code, l.brand, l.worker  -- two first postings make their accounts in the same order
        ON CONFLICT DO NOTHING;
    FOR v_leg IN
        SELECT a.id, a.normal, a.floor_zero, l.side, l.amount
        FROM (SELECT ledger_account_at(code, brand, worker, p_currency) AS account, side, amount
              FROM jsonb_to_recordset(p_legs) AS leg(code text, brand uuid, worker uuid, side text, amount bigint)
              OFFSET 0) AS l
        LEFT JOIN ledger_account a ON a.id = l.account
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

-- As in 0001_ledger.sql, but for how accounts are found.
CREATE OR REPLACE FUNCTION lock_ledger_accounts(p_accounts jsonb) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public AS $$
    SELECT a.id FROM ledger_account a
        WHERE a.id = ANY(ARRAY(
            SELECT ledger_account_at(l.code, l.brand, l.worker, l.currency)
            FROM jsonb_to_recordset(p_accounts) AS l(code text, brand uuid, worker uuid, currency text)))
        ORDER BY a.id FOR UPDATE OF a;
$$;

DO $$
BEGIN
    GRANT CREATE ON SCHEMA public TO humancloud_background;
    ALTER FUNCTION ledger_account_at(text, uuid, uuid, text) OWNER TO humancloud_background;
    REVOKE CREATE ON SCHEMA public FROM humancloud_background;
END $$;

-- Stripe's own record of what moved our balance there, as last read, whole in `raw`.
CREATE TABLE balance_transaction (
    id text NOT NULL,
    type text NOT NULL,
    amount_minor bigint NOT NULL,
    fee_minor bigint NOT NULL,
    currency text NOT NULL CONSTRAINT ck_balance_transaction_currency CHECK (currency ~ '^[a-z]{3}$'),
    source text,
    refs text[] NOT NULL,
    status text NOT NULL,
    created_at timestamptz NOT NULL,
    imported_at timestamptz NOT NULL,
    raw jsonb NOT NULL,
    CONSTRAINT pk_balance_transaction PRIMARY KEY (id)
);
CREATE INDEX ix_balance_transaction_created ON balance_transaction (created_at);
CREATE INDEX ix_balance_transaction_pending ON balance_transaction (created_at) WHERE status = 'pending';
CREATE INDEX ix_balance_transaction_source ON balance_transaction (source);

-- One part of Stripe's record and the one entry of the ledger that says the same.
CREATE TABLE balance_match (
    transaction_id text NOT NULL CONSTRAINT fk_balance_match_transaction_id REFERENCES balance_transaction (id),
    part varchar(40) NOT NULL CONSTRAINT ck_balance_match_match_part CHECK (part IN ('amount', 'fee', 'net')),
    entry_id bigint NOT NULL CONSTRAINT fk_balance_match_entry_id REFERENCES ledger_entry (id),
    matched_at timestamptz NOT NULL,
    CONSTRAINT pk_balance_match PRIMARY KEY (transaction_id, part),
    CONSTRAINT uq_balance_match_entry_id UNIQUE (entry_id)
);

-- A match is exact in amount, side and currency, on an account that Stripe keeps; the whole is matched or its parts are.
CREATE FUNCTION refuse_unequal_match() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM balance_transaction b, ledger_entry e JOIN ledger_account a ON a.id = e.account_id
        WHERE b.id = NEW.transaction_id AND e.id = NEW.entry_id AND e.currency = b.currency
            AND a.code IN ('stripe_pending', 'stripe_available')
            AND CASE e.side WHEN 'D' THEN e.amount_minor ELSE -e.amount_minor END
                = CASE NEW.part WHEN 'amount' THEN b.amount_minor WHEN 'fee' THEN -b.fee_minor
                                ELSE b.amount_minor - b.fee_minor END)
        OR EXISTS (SELECT FROM balance_match m WHERE m.transaction_id = NEW.transaction_id
                   AND (m.part = 'net') <> (NEW.part = 'net')) THEN
        RAISE EXCEPTION 'this entry does not say what Stripe says' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER balance_match_is_exact BEFORE INSERT OR UPDATE ON balance_match
    FOR EACH ROW EXECUTE FUNCTION refuse_unequal_match();

-- Where Stripe and the ledger differ: who looks after it, and how it was put right.
CREATE TABLE book_break (
    id uuid NOT NULL,
    kind varchar(40) NOT NULL CONSTRAINT ck_book_break_break_kind
        CHECK (kind IN ('not_in_ledger', 'not_in_stripe', 'amount_differs', 'unknown_type', 'late')),
    transaction_id text CONSTRAINT fk_book_break_transaction_id REFERENCES balance_transaction (id),
    part varchar(40) CONSTRAINT ck_book_break_break_part CHECK (part IN ('amount', 'fee', 'net')),
    entry_id bigint CONSTRAINT fk_book_break_entry_id REFERENCES ledger_entry (id),
    stripe_minor bigint NOT NULL,
    ledger_minor bigint NOT NULL,
    currency text NOT NULL,
    opened_at timestamptz NOT NULL,
    owner_id uuid CONSTRAINT fk_book_break_owner_id REFERENCES person (id),
    resolved_at timestamptz,
    resolved_by uuid CONSTRAINT fk_book_break_resolved_by REFERENCES person (id),
    note text NOT NULL DEFAULT '',
    CONSTRAINT pk_book_break PRIMARY KEY (id),
    CONSTRAINT ck_book_break_about_something CHECK (num_nonnulls(transaction_id, entry_id) > 0),
    CONSTRAINT ck_book_break_names_its_part CHECK ((transaction_id IS NULL) = (part IS NULL)),
    CONSTRAINT ck_book_break_resolved_with_a_note CHECK (resolved_at IS NULL OR length(note) >= 3),
    CONSTRAINT ck_book_break_resolved_by_its_owner
        CHECK (resolved_by IS NULL OR resolved_at IS NOT NULL AND resolved_by IS NOT DISTINCT FROM owner_id)
);
CREATE UNIQUE INDEX uq_book_break_live_part ON book_break (transaction_id, part) WHERE resolved_at IS NULL;
CREATE UNIQUE INDEX uq_book_break_live_entry ON book_break (entry_id) WHERE resolved_at IS NULL;
CREATE INDEX ix_book_break_transaction ON book_break (transaction_id);
CREATE INDEX ix_book_break_entry ON book_break (entry_id);
CREATE INDEX ix_book_break_resolved ON book_break (resolved_at);
CREATE TRIGGER book_break_stays_resolved BEFORE UPDATE ON book_break FOR EACH ROW
    WHEN (OLD.resolved_at IS NOT NULL) EXECUTE FUNCTION refuse_change();

-- Each look: what was proven, sentence by sentence. Never changed.
CREATE TABLE book_run (
    id uuid NOT NULL,
    ran_at timestamptz NOT NULL,
    ok boolean NOT NULL,
    imported integer NOT NULL,
    matched integer NOT NULL,
    open_breaks integer NOT NULL,
    statements jsonb NOT NULL,
    CONSTRAINT pk_book_run PRIMARY KEY (id)
);
CREATE INDEX ix_book_run_ran ON book_run (ran_at);
CREATE TRIGGER book_run_is_append_only BEFORE UPDATE OR DELETE ON book_run
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Money moved by hand between the platform's own accounts: proposed by one person, posted by another.
CREATE TABLE manual_posting (
    id uuid NOT NULL,
    break_id uuid NOT NULL CONSTRAINT fk_manual_posting_break_id REFERENCES book_break (id),
    debit text NOT NULL CONSTRAINT fk_manual_posting_debit REFERENCES ledger_account_kind (code),
    credit text NOT NULL CONSTRAINT fk_manual_posting_credit REFERENCES ledger_account_kind (code),
    amount_minor bigint NOT NULL CONSTRAINT ck_manual_posting_positive CHECK (amount_minor > 0),
    currency text NOT NULL CONSTRAINT ck_manual_posting_currency CHECK (currency ~ '^[a-z]{3}$'),
    reason text NOT NULL CONSTRAINT ck_manual_posting_says_why CHECK (length(reason) >= 3),
    proposed_by uuid NOT NULL CONSTRAINT fk_manual_posting_proposed_by REFERENCES person (id),
    proposed_at timestamptz NOT NULL,
    approved_by uuid CONSTRAINT fk_manual_posting_approved_by REFERENCES person (id),
    approved_at timestamptz,
    CONSTRAINT pk_manual_posting PRIMARY KEY (id),
    CONSTRAINT ck_manual_posting_two_accounts CHECK (debit <> credit),
    CONSTRAINT ck_manual_posting_four_eyes CHECK (approved_by <> proposed_by),
    CONSTRAINT ck_manual_posting_approved_at_a_time CHECK ((approved_by IS NULL) = (approved_at IS NULL))
);
CREATE INDEX ix_manual_posting_break ON manual_posting (break_id);
CREATE TRIGGER manual_posting_is_as_proposed BEFORE UPDATE ON manual_posting FOR EACH ROW
    WHEN ((NEW.id, NEW.break_id, NEW.debit, NEW.credit, NEW.amount_minor, NEW.currency, NEW.reason, NEW.proposed_by)
              IS DISTINCT FROM
          (OLD.id, OLD.break_id, OLD.debit, OLD.credit, OLD.amount_minor, OLD.currency, OLD.reason, OLD.proposed_by)
          OR OLD.approved_by IS NOT NULL)
    EXECUTE FUNCTION refuse_change();

CREATE FUNCTION refuse_unsigned_manual_txn() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM manual_posting m
                   WHERE NEW.key = 'manual:' || m.id::text AND m.approved_by IS NOT NULL) THEN
        RAISE EXCEPTION 'a posting by hand needs two people' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ledger_txn_by_hand_is_signed BEFORE INSERT ON ledger_txn
    FOR EACH ROW WHEN (NEW.kind = 'manual' OR NEW.key LIKE 'manual:%') EXECUTE FUNCTION refuse_unsigned_manual_txn();

-- What a worker's account at Stripe holds at its lowest, as last read. Below zero nothing is sent there.
CREATE TABLE connected_balance (
    account text NOT NULL,
    lowest_minor bigint NOT NULL,
    currency text NOT NULL,
    read_at timestamptz NOT NULL,
    negative_since timestamptz,
    CONSTRAINT pk_connected_balance PRIMARY KEY (account),
    CONSTRAINT ck_connected_balance_negative_has_its_time CHECK ((lowest_minor < 0) = (negative_since IS NOT NULL))
);
CREATE INDEX ix_connected_balance_read ON connected_balance (read_at);

-- Each entry on an account that Stripe keeps, signed, and whether Stripe has yet to say the same. What only moves inside
-- Stripe has no movement there; what was posted by hand belongs to a break, and a person resolved it.
CREATE VIEW book_entry WITH (security_invoker = true) AS
SELECT e.id, CASE e.side WHEN 'D' THEN e.amount_minor ELSE -e.amount_minor END AS minor, e.currency, t.key, t.posted_at,
    a.code <> 'stripe_reserve' AND t.kind <> 'manual' AND NOT starts_with(t.key, 'avail:')
        AND NOT EXISTS (SELECT FROM balance_match m WHERE m.entry_id = e.id)
        AND NOT EXISTS (SELECT FROM book_break k WHERE k.entry_id = e.id AND k.resolved_by IS NOT NULL) AS is_open
FROM ledger_account a JOIN ledger_entry e ON e.account_id = a.id JOIN ledger_txn t ON t.id = e.txn_id
WHERE a.code IN ('stripe_pending', 'stripe_available', 'stripe_reserve');

-- Why the books hold up payouts, or NULL: an open break (late ones agree by now), or a last proof that failed.
CREATE FUNCTION payouts_stopped_by_books() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public AS $$
    SELECT CASE
        WHEN EXISTS (SELECT FROM book_break WHERE resolved_at IS NULL AND kind <> 'late')
            THEN 'Stripe and the ledger differ'
        WHEN (SELECT NOT ok FROM book_run ORDER BY ran_at DESC, id DESC LIMIT 1)
            THEN 'the last proof of the books failed'
    END
$$;

DO $$
DECLARE
    name text;
BEGIN
    GRANT CREATE ON SCHEMA public TO humancloud_background;
    FOREACH name IN ARRAY ARRAY['refuse_unequal_match()', 'refuse_unsigned_manual_txn()', 'payouts_stopped_by_books()']
    LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO humancloud_background', name);
    END LOOP;
    REVOKE CREATE ON SCHEMA public FROM humancloud_background;
    FOREACH name IN ARRAY ARRAY['balance_transaction', 'balance_match', 'book_break', 'book_run', 'manual_posting',
                                'connected_balance'] LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE ON %I TO humancloud_background', name);
        EXECUTE format('GRANT SELECT ON %I TO humancloud_app', name);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY background ON %I TO humancloud_background USING (true) WITH CHECK (true)', name);
        EXECUTE format('CREATE POLICY platform ON %I TO humancloud_app '
                       'USING (app_platform()) WITH CHECK (app_platform())', name);
    END LOOP;
END $$;
GRANT SELECT ON book_entry TO humancloud_app, humancloud_background;
GRANT DELETE ON balance_match TO humancloud_background;
GRANT UPDATE ON book_break TO humancloud_app;
GRANT INSERT, UPDATE ON manual_posting TO humancloud_app;

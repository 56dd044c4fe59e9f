-- Brands' money from other places than a page of payment: promo credit, a credit line, charges of a saved method;
-- and its way back: refunds, disputes, payments that failed after all.
CREATE TABLE brand_customer (
    brand_id uuid CONSTRAINT pk_brand_customer PRIMARY KEY
        CONSTRAINT fk_brand_customer_brand_id REFERENCES brand,
    customer text NOT NULL CONSTRAINT uq_brand_customer_customer UNIQUE,
    created_at timestamptz NOT NULL
);
CREATE TABLE auto_top_up (
    brand_id uuid CONSTRAINT pk_auto_top_up PRIMARY KEY CONSTRAINT fk_auto_top_up_brand_id REFERENCES brand,
    state varchar(40) NOT NULL,
    currency text NOT NULL,
    threshold_minor bigint NOT NULL,
    amount_minor bigint NOT NULL,
    monthly_limit_minor bigint NOT NULL,
    saving_top_up_id uuid,
    payment_method text,
    stopped_reason text,
    set_by uuid CONSTRAINT fk_auto_top_up_set_by REFERENCES person,
    set_at timestamptz NOT NULL,
    CONSTRAINT ck_auto_top_up_auto_top_up_state CHECK (state IN ('awaiting_method', 'on', 'stopped', 'off')),
    CONSTRAINT ck_auto_top_up_amounts
        CHECK (threshold_minor >= 0 AND amount_minor > 0 AND monthly_limit_minor >= amount_minor),
    CONSTRAINT ck_auto_top_up_on_has_a_method CHECK (state <> 'on' OR payment_method IS NOT NULL),
    CONSTRAINT fk_auto_top_up_brand_id_saving_top_up_id
        FOREIGN KEY (brand_id, saving_top_up_id) REFERENCES top_up (brand_id, id)
);
CREATE TABLE auto_charge (
    brand_id uuid NOT NULL,
    top_up_id uuid NOT NULL,
    month date NOT NULL,
    amount_minor bigint NOT NULL,
    state varchar(40) NOT NULL,
    payment_intent text CONSTRAINT uq_auto_charge_payment_intent UNIQUE,
    failure text,
    CONSTRAINT pk_auto_charge PRIMARY KEY (brand_id, top_up_id),
    CONSTRAINT fk_auto_charge_brand_id_top_up_id FOREIGN KEY (brand_id, top_up_id) REFERENCES top_up (brand_id, id),
    CONSTRAINT ck_auto_charge_auto_charge_state CHECK (state IN ('asked', 'taken', 'done', 'refused')),
    CONSTRAINT ck_auto_charge_positive CHECK (amount_minor > 0)
);
-- One at a time: the next is not asked for while money may still be on its way.
CREATE UNIQUE INDEX uq_auto_charge_live ON auto_charge (brand_id) WHERE state IN ('asked', 'taken');

CREATE TABLE funds_call (
    id uuid CONSTRAINT pk_funds_call PRIMARY KEY,
    brand_id uuid NOT NULL CONSTRAINT fk_funds_call_brand_id REFERENCES brand,
    operation varchar(40) NOT NULL,
    subject_id uuid NOT NULL,
    attempt integer NOT NULL,
    params jsonb NOT NULL,
    key text NOT NULL CONSTRAINT uq_funds_call_key UNIQUE,
    state varchar(40) NOT NULL,
    tries integer NOT NULL DEFAULT 0,
    lookups_empty integer NOT NULL DEFAULT 0,
    outcome text,
    created_at timestamptz NOT NULL,
    first_tried_at timestamptz,
    due_at timestamptz NOT NULL,
    CONSTRAINT uq_funds_call_operation_subject_id_attempt UNIQUE (operation, subject_id, attempt),
    CONSTRAINT ck_funds_call_funds_operation
        CHECK (operation IN ('charge', 'refund', 'invoice', 'invoice_line', 'invoice_send')),
    CONSTRAINT ck_funds_call_funds_call_state
        CHECK (state IN ('ready', 'in_doubt', 'accepted', 'rejected', 'retired'))
);
CREATE UNIQUE INDEX uq_funds_call_live ON funds_call (operation, subject_id) WHERE state IN ('ready', 'in_doubt');
CREATE INDEX ix_funds_call_due ON funds_call (due_at) WHERE state IN ('ready', 'in_doubt');
CREATE TRIGGER funds_call_is_as_stored BEFORE UPDATE ON funds_call FOR EACH ROW
    WHEN ((NEW.id, NEW.brand_id, NEW.operation, NEW.subject_id, NEW.attempt, NEW.params, NEW.key)
              IS DISTINCT FROM
          (OLD.id, OLD.brand_id, OLD.operation, OLD.subject_id, OLD.attempt, OLD.params, OLD.key))
    EXECUTE FUNCTION refuse_change();

CREATE TABLE promo_credit (
    brand_id uuid NOT NULL CONSTRAINT fk_promo_credit_brand_id REFERENCES brand,
    id uuid NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    reason text NOT NULL,
    given_by uuid NOT NULL CONSTRAINT fk_promo_credit_given_by REFERENCES person,
    given_at timestamptz NOT NULL,
    CONSTRAINT pk_promo_credit PRIMARY KEY (brand_id, id),
    CONSTRAINT ck_promo_credit_positive CHECK (amount_minor > 0)
);
CREATE TABLE credit_line (
    brand_id uuid CONSTRAINT pk_credit_line PRIMARY KEY CONSTRAINT fk_credit_line_brand_id REFERENCES brand,
    currency text NOT NULL,
    limit_minor bigint NOT NULL,
    invoice_at_minor bigint NOT NULL,
    days_until_due integer NOT NULL,
    billing_email text NOT NULL,
    next_invoice_on date NOT NULL,
    set_by uuid NOT NULL CONSTRAINT fk_credit_line_set_by REFERENCES person,
    set_at timestamptz NOT NULL,
    CONSTRAINT ck_credit_line_amounts CHECK (limit_minor >= 0 AND invoice_at_minor > 0),
    CONSTRAINT ck_credit_line_days CHECK (days_until_due BETWEEN 1 AND 90)
);
CREATE TABLE brand_invoice (
    brand_id uuid NOT NULL CONSTRAINT fk_brand_invoice_brand_id REFERENCES brand,
    id uuid NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    days_until_due integer NOT NULL,
    state varchar(40) NOT NULL,
    stripe_invoice text CONSTRAINT uq_brand_invoice_stripe_invoice UNIQUE,
    number text,
    page_url text,
    paid_minor bigint NOT NULL DEFAULT 0,
    credited_minor bigint NOT NULL DEFAULT 0,
    failure text,
    created_at timestamptz NOT NULL,
    sent_at timestamptz,
    due_on timestamptz,
    read_at timestamptz NOT NULL,
    CONSTRAINT pk_brand_invoice PRIMARY KEY (brand_id, id),
    CONSTRAINT ck_brand_invoice_invoice_state
        CHECK (state IN ('planned', 'draft', 'open', 'paid', 'void', 'uncollectible', 'refused')),
    CONSTRAINT ck_brand_invoice_amounts CHECK (amount_minor > 0 AND paid_minor >= 0 AND credited_minor >= 0)
);
CREATE INDEX ix_brand_invoice_read ON brand_invoice (read_at)
    WHERE state NOT IN ('planned', 'refused');
-- What is being written is not written a second time.
CREATE UNIQUE INDEX uq_brand_invoice_unsent ON brand_invoice (brand_id) WHERE state IN ('planned', 'draft');
-- What an invoice got, by Stripe's own id: each is posted once, and a credit note may be taken back once.
CREATE TABLE invoice_movement (
    brand_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    object_id text NOT NULL,
    kind varchar(40) NOT NULL,
    amount_minor bigint NOT NULL,
    to_wallet_minor bigint NOT NULL,
    payment_intent text,
    available_at timestamptz,
    happened_at timestamptz NOT NULL,
    CONSTRAINT pk_invoice_movement PRIMARY KEY (brand_id, invoice_id, object_id, kind),
    CONSTRAINT fk_invoice_movement_brand_id_invoice_id
        FOREIGN KEY (brand_id, invoice_id) REFERENCES brand_invoice (brand_id, id),
    CONSTRAINT ck_invoice_movement_invoice_movement CHECK (kind IN ('payment', 'credit_note', 'credit_note_void')),
    CONSTRAINT ck_invoice_movement_amounts CHECK (amount_minor > 0 AND to_wallet_minor BETWEEN 0 AND amount_minor)
);

CREATE TABLE wallet_refund (
    brand_id uuid NOT NULL,
    id uuid NOT NULL,
    top_up_id uuid NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    state varchar(40) NOT NULL,
    stripe_refund text CONSTRAINT uq_wallet_refund_stripe_refund UNIQUE,
    failure text,
    asked_by uuid CONSTRAINT fk_wallet_refund_asked_by REFERENCES person,
    asked_at timestamptz NOT NULL,
    look_at timestamptz NOT NULL,
    CONSTRAINT pk_wallet_refund PRIMARY KEY (brand_id, id),
    CONSTRAINT fk_wallet_refund_brand_id_top_up_id
        FOREIGN KEY (brand_id, top_up_id) REFERENCES top_up (brand_id, id),
    CONSTRAINT ck_wallet_refund_refund_state CHECK (state IN ('asked', 'sent', 'arrived', 'failed', 'refused')),
    CONSTRAINT ck_wallet_refund_positive CHECK (amount_minor > 0),
    CONSTRAINT ck_wallet_refund_sent_names_its_refund
        CHECK (state IN ('asked', 'refused') OR stripe_refund IS NOT NULL)
);
CREATE INDEX ix_wallet_refund_look ON wallet_refund (look_at) WHERE state = 'sent';

-- A top-up that was taken back: at dispute by the payer's bank, or failed after it had succeeded.
CREATE TABLE top_up_reversal (
    brand_id uuid NOT NULL,
    id uuid NOT NULL,
    top_up_id uuid NOT NULL,
    kind varchar(40) NOT NULL,
    object_id text NOT NULL CONSTRAINT uq_top_up_reversal_object_id UNIQUE,
    state varchar(40) NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    fee_minor bigint NOT NULL,
    owed_minor bigint NOT NULL DEFAULT 0,
    reason text NOT NULL,
    opened_at timestamptz NOT NULL,
    closed_at timestamptz,
    CONSTRAINT pk_top_up_reversal PRIMARY KEY (brand_id, id),
    CONSTRAINT fk_top_up_reversal_brand_id_top_up_id
        FOREIGN KEY (brand_id, top_up_id) REFERENCES top_up (brand_id, id),
    CONSTRAINT ck_top_up_reversal_reversal_kind CHECK (kind IN ('dispute', 'failed_payment')),
    CONSTRAINT ck_top_up_reversal_reversal_state CHECK (state IN ('open', 'won', 'owed', 'cleared', 'written_off')),
    CONSTRAINT ck_top_up_reversal_amounts
        CHECK (amount_minor > 0 AND fee_minor >= 0 AND owed_minor BETWEEN 0 AND amount_minor),
    CONSTRAINT ck_top_up_reversal_owed_until_cleared CHECK (state IN ('open', 'owed') OR owed_minor = 0)
);
CREATE INDEX ix_top_up_reversal_freezes ON top_up_reversal (brand_id) WHERE state IN ('open', 'owed');
CREATE TABLE write_off (
    brand_id uuid NOT NULL,
    id uuid NOT NULL,
    reversal_id uuid NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    reason text NOT NULL,
    state varchar(40) NOT NULL,
    asked_by uuid NOT NULL CONSTRAINT fk_write_off_asked_by REFERENCES person,
    asked_at timestamptz NOT NULL,
    decided_by uuid CONSTRAINT fk_write_off_decided_by REFERENCES person,
    decided_at timestamptz,
    CONSTRAINT pk_write_off PRIMARY KEY (brand_id, id),
    CONSTRAINT fk_write_off_brand_id_reversal_id
        FOREIGN KEY (brand_id, reversal_id) REFERENCES top_up_reversal (brand_id, id),
    CONSTRAINT ck_write_off_write_off_state CHECK (state IN ('asked', 'approved', 'refused')),
    CONSTRAINT ck_write_off_positive CHECK (amount_minor > 0),
    CONSTRAINT ck_write_off_two_people
        CHECK (state <> 'approved' OR decided_by IS NOT NULL AND decided_by <> asked_by)
);
CREATE UNIQUE INDEX uq_write_off_live ON write_off (brand_id, reversal_id) WHERE state = 'asked';

-- What a brand can commit now, its accounts locked in the order in which postings lock them.
CREATE FUNCTION lock_brand_funds(p_brand uuid, p_currency text, OUT promo_minor bigint, OUT wallet_minor bigint,
                                 OUT owed_minor bigint, OUT limit_minor bigint, OUT frozen boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    -- A line's first draw needs a row to be decided on.
    INSERT INTO ledger_account (code, brand_id, currency, normal, floor_zero)
        SELECT k.code, p_brand, p_currency, k.normal, k.floor_zero FROM ledger_account_kind k
        WHERE k.code IN ('brand_receivable', 'brand_wallet')
            AND EXISTS (SELECT FROM credit_line c WHERE c.brand_id = p_brand)
            AND NOT EXISTS (SELECT FROM ledger_account a WHERE a.code = k.code AND a.brand_id = p_brand
                AND a.worker_id IS NULL AND a.currency = p_currency)
        ORDER BY k.code ON CONFLICT DO NOTHING;
    PERFORM a.id FROM ledger_account a
        WHERE a.brand_id = p_brand AND a.worker_id IS NULL AND a.currency = p_currency
            AND a.code IN ('brand_promo', 'brand_receivable', 'brand_reserved', 'brand_wallet')
        ORDER BY a.id FOR UPDATE;
    SELECT coalesce(sum(a.balance_minor) FILTER (WHERE a.code = 'brand_promo'), 0),
           coalesce(sum(a.balance_minor) FILTER (WHERE a.code = 'brand_wallet'), 0),
           coalesce(sum(a.balance_minor) FILTER (WHERE a.code = 'brand_receivable'), 0)
        INTO promo_minor, wallet_minor, owed_minor FROM ledger_account a
        WHERE a.brand_id = p_brand AND a.worker_id IS NULL AND a.currency = p_currency;
    SELECT coalesce(max(c.limit_minor), 0) INTO limit_minor FROM credit_line c
        WHERE c.brand_id = p_brand AND c.currency = p_currency;
    SELECT EXISTS (SELECT FROM top_up_reversal r WHERE r.brand_id = p_brand AND r.state IN ('open', 'owed'))
        INTO frozen;
END $$;

-- What a ticket holds, or has spent, of its brand's promo credit.
CREATE FUNCTION promo_behind_ticket(p_brand uuid, p_ticket uuid) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
    SELECT coalesce(sum(CASE e.side WHEN 'D' THEN e.amount_minor ELSE -e.amount_minor END), 0)::bigint
    FROM ledger_txn t JOIN ledger_entry e ON e.txn_id = t.id JOIN ledger_account a ON a.id = e.account_id
    WHERE t.ticket_id = p_ticket AND a.code = 'brand_promo' AND a.brand_id = p_brand
$$;

GRANT CREATE ON SCHEMA public TO humancloud_background;
ALTER FUNCTION lock_brand_funds(uuid, text) OWNER TO humancloud_background;
ALTER FUNCTION promo_behind_ticket(uuid, uuid) OWNER TO humancloud_background;
REVOKE CREATE ON SCHEMA public FROM humancloud_background;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['brand_customer', 'auto_top_up', 'auto_charge', 'funds_call', 'promo_credit', 'credit_line',
        'brand_invoice', 'invoice_movement', 'wallet_refund', 'top_up_reversal', 'write_off'] LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE ON %I TO humancloud_app, humancloud_background', name);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY background ON %I TO humancloud_background USING (true) WITH CHECK (true)', name);
        EXECUTE format('CREATE POLICY platform ON %I TO humancloud_app '
                       'USING (app_platform()) WITH CHECK (app_platform())', name);
    END LOOP;
    -- What a brand asks for itself.
    FOREACH name IN ARRAY ARRAY['brand_customer', 'auto_top_up', 'funds_call', 'wallet_refund'] LOOP
        EXECUTE format('CREATE POLICY brand ON %I TO humancloud_app '
                       'USING (brand_id = app_brand()) WITH CHECK (brand_id = app_brand())', name);
    END LOOP;
    -- What the platform and Stripe decide about it, and it reads.
    FOREACH name IN ARRAY ARRAY['auto_charge', 'promo_credit', 'credit_line', 'brand_invoice', 'invoice_movement',
        'top_up_reversal'] LOOP
        EXECUTE format('CREATE POLICY brand ON %I FOR SELECT TO humancloud_app USING (brand_id = app_brand())', name);
    END LOOP;
END $$;
-- Who looks at his payment may be the first to hear that it was taken back; what follows is the background's.
CREATE POLICY brand_tells ON top_up_reversal FOR INSERT TO humancloud_app WITH CHECK (brand_id = app_brand());

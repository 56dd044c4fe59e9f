-- What Stripe tells us, kept as it came, and what is seen of workers' banks.
CREATE TABLE stripe_event (
    endpoint varchar(40) NOT NULL CONSTRAINT event_endpoint CHECK (endpoint IN ('platform', 'connect')),
    event_id text NOT NULL,
    type text NOT NULL,
    account text,
    object_id text NOT NULL,
    happened_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    source varchar(40) NOT NULL CONSTRAINT event_source CHECK (source IN ('webhook', 'backfill')),
    headers jsonb NOT NULL,
    body bytea NOT NULL,
    state varchar(40) NOT NULL
        CONSTRAINT inbox_state CHECK (state IN ('waiting', 'handled', 'ignored', 'quarantined', 'failed')),
    quarantined_for varchar(40) CONSTRAINT event_quarantine CHECK (quarantined_for IN
        ('other_mode', 'other_version', 'wrong_endpoint', 'unknown_account', 'other_environment')),
    error text,
    attempts integer NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL,
    handled_at timestamptz,
    CONSTRAINT pk_stripe_event PRIMARY KEY (endpoint, event_id),
    CONSTRAINT ck_stripe_event_handled_at CHECK ((state IN ('handled', 'ignored')) = (handled_at IS NOT NULL)),
    CONSTRAINT ck_stripe_event_quarantined_for CHECK ((state = 'quarantined') = (quarantined_for IS NOT NULL)),
    CONSTRAINT ck_stripe_event_failed_says_why CHECK (state <> 'failed' OR error IS NOT NULL)
);
CREATE INDEX ix_stripe_event_due ON stripe_event (due_at, happened_at) WHERE state = 'waiting';
CREATE INDEX ix_stripe_event_left ON stripe_event (received_at) WHERE state IN ('quarantined', 'failed');

-- What was handled stays handled, for whoever asks.
CREATE FUNCTION refuse_unhandling() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'event % was handled at %', OLD.event_id, OLD.handled_at
        USING ERRCODE = 'check_violation', CONSTRAINT = 'handled_once';
END $$;
CREATE TRIGGER handled_once BEFORE UPDATE ON stripe_event FOR EACH ROW WHEN (OLD.state = 'handled')
    EXECUTE FUNCTION refuse_unhandling();

CREATE TABLE stripe_backfill (
    account text NOT NULL CONSTRAINT pk_stripe_backfill PRIMARY KEY,
    due_at timestamptz NOT NULL,
    read_at timestamptz
);
CREATE INDEX ix_stripe_backfill_due_at ON stripe_backfill (due_at);

CREATE TABLE bank_payout (
    id text NOT NULL CONSTRAINT pk_bank_payout PRIMARY KEY,
    worker_id uuid NOT NULL CONSTRAINT fk_bank_payout_worker_id_worker REFERENCES worker (id),
    amount_minor bigint NOT NULL,
    currency text NOT NULL CONSTRAINT ck_bank_payout_currency CHECK (currency ~ '^[a-z]{3}$'),
    state varchar(40) NOT NULL CONSTRAINT bank_payout_state
        CHECK (state IN ('pending', 'in_transit', 'paid', 'failed', 'canceled')),
    failure_code text,
    bank text,
    created_at timestamptz NOT NULL,
    arrives_at timestamptz NOT NULL,
    read_at timestamptz NOT NULL,
    CONSTRAINT ck_bank_payout_failure CHECK (state = 'failed' OR failure_code IS NULL)
);
CREATE INDEX ix_bank_payout_worker ON bank_payout (worker_id, created_at);

-- Forward only, whoever writes: paid may still turn out to have failed; failed and canceled are ends.
CREATE FUNCTION refuse_bank_payout_going_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.state, NEW.state) IN (
        ('pending', 'in_transit'), ('pending', 'paid'), ('pending', 'failed'), ('pending', 'canceled'),
        ('in_transit', 'paid'), ('in_transit', 'failed'), ('in_transit', 'canceled'), ('paid', 'failed')) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'bank payout % does not go from % to %', OLD.id, OLD.state, NEW.state
        USING ERRCODE = 'check_violation', CONSTRAINT = 'forward_only';
END $$;
CREATE TRIGGER forward_only BEFORE UPDATE ON bank_payout FOR EACH ROW WHEN (OLD.state <> NEW.state)
    EXECUTE FUNCTION refuse_bank_payout_going_back();

CREATE TABLE worker_bank (
    worker_id uuid NOT NULL CONSTRAINT pk_worker_bank PRIMARY KEY
        CONSTRAINT fk_worker_bank_worker_id_worker REFERENCES worker (id),
    bank text,
    read_at timestamptz NOT NULL
);

-- Workers whose bank refused the last three payouts that ended there: no transfer to them until it is another bank.
CREATE VIEW bank_pause WITH (security_invoker = true) AS
SELECT ended.worker_id, max(ended.created_at) AS last_failed_at
FROM (
    SELECT p.worker_id, p.state, p.created_at,
        row_number() OVER (PARTITION BY p.worker_id ORDER BY p.created_at DESC, p.id DESC) AS place
    FROM bank_payout p LEFT JOIN worker_bank b ON b.worker_id = p.worker_id
    WHERE p.state IN ('paid', 'failed') AND (b.bank IS NULL OR b.bank = p.bank)
) AS ended
WHERE ended.place <= 3
GROUP BY ended.worker_id
HAVING count(*) = 3 AND bool_and(ended.state = 'failed');

-- What came in is kept as it came: only what became of it is written.
GRANT SELECT, INSERT, UPDATE (state, quarantined_for, error, attempts, due_at, handled_at)
    ON stripe_event TO humancloud_app, humancloud_background;
GRANT SELECT, INSERT, UPDATE ON stripe_backfill TO humancloud_background;
GRANT SELECT, INSERT, UPDATE ON bank_payout, worker_bank TO humancloud_background;
GRANT SELECT ON bank_payout, worker_bank, bank_pause TO humancloud_app;
GRANT SELECT ON bank_pause TO humancloud_background;

ALTER TABLE stripe_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE stripe_event FORCE ROW LEVEL SECURITY;
CREATE POLICY background ON stripe_event TO humancloud_background USING (true) WITH CHECK (true);
CREATE POLICY platform ON stripe_event TO humancloud_app USING (app_platform()) WITH CHECK (app_platform());
ALTER TABLE bank_payout ENABLE ROW LEVEL SECURITY;
ALTER TABLE bank_payout FORCE ROW LEVEL SECURITY;
CREATE POLICY background ON bank_payout TO humancloud_background USING (true) WITH CHECK (true);
CREATE POLICY platform ON bank_payout FOR SELECT TO humancloud_app USING (app_platform());
CREATE POLICY worker ON bank_payout FOR SELECT TO humancloud_app USING (worker_id = app_worker());
ALTER TABLE worker_bank ENABLE ROW LEVEL SECURITY;
ALTER TABLE worker_bank FORCE ROW LEVEL SECURITY;
CREATE POLICY background ON worker_bank TO humancloud_background USING (true) WITH CHECK (true);
CREATE POLICY platform ON worker_bank FOR SELECT TO humancloud_app USING (app_platform());
CREATE POLICY worker ON worker_bank FOR SELECT TO humancloud_app USING (worker_id = app_worker());

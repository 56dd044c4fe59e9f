-- What operators decide (standing of workers, sign-ins, approval of brands), and what went wrong, kept.
ALTER TABLE person ADD COLUMN suspended_at timestamptz, ADD COLUMN suspended_for text NOT NULL DEFAULT '';
ALTER TABLE worker ADD COLUMN warned_at timestamptz;

CREATE TABLE standing_warning (
    id uuid CONSTRAINT pk_standing_warning PRIMARY KEY,
    worker_id uuid NOT NULL CONSTRAINT fk_standing_warning_worker_id REFERENCES worker (id),
    reason varchar(40) NOT NULL CONSTRAINT ck_standing_warning_warning_reason
        CHECK (reason IN ('conduct', 'wrong_answers', 'personal_data', 'fraud', 'shared_login', 'other')),
    note text NOT NULL,
    warned_by uuid NOT NULL CONSTRAINT fk_standing_warning_warned_by REFERENCES person (id),
    warned_at timestamptz NOT NULL,
    read_at timestamptz
);
CREATE INDEX ix_standing_warning_worker ON standing_warning (worker_id, warned_at);

CREATE TABLE suspension (
    id uuid CONSTRAINT pk_suspension PRIMARY KEY,
    worker_id uuid NOT NULL CONSTRAINT fk_suspension_worker_id REFERENCES worker (id),
    reason varchar(40) NOT NULL CONSTRAINT ck_suspension_suspension_reason
        CHECK (reason IN ('conduct', 'wrong_answers', 'personal_data', 'fraud', 'shared_login', 'other')),
    note text NOT NULL,
    warning_id uuid CONSTRAINT fk_suspension_warning_id REFERENCES standing_warning (id),
    unwarned_because text NOT NULL,
    suspended_by uuid NOT NULL CONSTRAINT fk_suspension_suspended_by REFERENCES person (id),
    suspended_at timestamptz NOT NULL,
    lifted_by uuid CONSTRAINT fk_suspension_lifted_by REFERENCES person (id),
    lifted_at timestamptz,
    CONSTRAINT ck_suspension_lifted_by_somebody CHECK ((lifted_at IS NULL) = (lifted_by IS NULL)),
    CONSTRAINT ck_suspension_warned_or_says_why_not CHECK (warning_id IS NOT NULL OR unwarned_because <> '')
);
CREATE UNIQUE INDEX uq_suspension_live ON suspension (worker_id) WHERE lifted_at IS NULL;
CREATE INDEX ix_suspension_worker ON suspension (worker_id, suspended_at);

CREATE TABLE appeal (
    id uuid CONSTRAINT pk_appeal PRIMARY KEY,
    suspension_id uuid NOT NULL CONSTRAINT fk_appeal_suspension_id REFERENCES suspension (id),
    worker_id uuid NOT NULL CONSTRAINT fk_appeal_worker_id REFERENCES worker (id),
    text text NOT NULL,
    written_at timestamptz NOT NULL,
    decided_at timestamptz,
    decided_by uuid CONSTRAINT fk_appeal_decided_by REFERENCES person (id),
    outcome varchar(40) CONSTRAINT ck_appeal_appeal_outcome CHECK (outcome IN ('upheld', 'lifted')),
    answer text NOT NULL DEFAULT '',
    CONSTRAINT ck_appeal_decided_wholly_or_not_at_all CHECK (num_nonnulls(decided_at, decided_by, outcome) IN (0, 3))
);
CREATE UNIQUE INDEX uq_appeal_open ON appeal (suspension_id) WHERE decided_at IS NULL;

-- Whoever suspended a worker does not decide the appeal while another operator could.
CREATE FUNCTION refuse_own_appeal() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF OLD.decided_at IS NOT NULL THEN
        RAISE EXCEPTION 'an appeal is decided once' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.decided_by = (SELECT suspended_by FROM suspension WHERE id = NEW.suspension_id) AND EXISTS (
        SELECT FROM staff s JOIN person p ON p.id = s.person_id
        WHERE s.role = 'operator' AND s.person_id <> NEW.decided_by AND p.suspended_at IS NULL) THEN
        RAISE EXCEPTION 'another operator decides this appeal' USING ERRCODE = 'HC003';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER appeal_is_decided_by_another BEFORE UPDATE ON appeal
    FOR EACH ROW EXECUTE FUNCTION refuse_own_appeal();
ALTER FUNCTION refuse_own_appeal() OWNER TO humancloud_background;

-- All that somebody is, in words.
CREATE FUNCTION person_roles(p_person uuid) RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT array(
        SELECT 'worker' FROM worker WHERE person_id = p_person
        UNION ALL SELECT 'platform ' || role::text FROM staff WHERE person_id = p_person
        UNION ALL SELECT m.role::text || ' of ' || b.name FROM member m JOIN brand b ON b.id = m.brand_id
            WHERE m.person_id = p_person)
$$;

GRANT SELECT, INSERT, UPDATE, DELETE ON standing_warning, suspension, appeal
    TO humancloud_app, humancloud_background;
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['standing_warning', 'suspension', 'appeal'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY background ON %I TO humancloud_background USING (true) WITH CHECK (true)', name);
        EXECUTE format('CREATE POLICY platform ON %I TO humancloud_app '
                       'USING (app_platform()) WITH CHECK (app_platform())', name);
        EXECUTE format('CREATE POLICY worker ON %I FOR SELECT TO humancloud_app '
                       'USING (worker_id = app_worker())', name);
    END LOOP;
END $$;
CREATE POLICY worker_reads ON standing_warning FOR UPDATE TO humancloud_app
    USING (worker_id = app_worker()) WITH CHECK (worker_id = app_worker());
CREATE POLICY worker_holds ON suspension FOR UPDATE TO humancloud_app
    USING (worker_id = app_worker()) WITH CHECK (false);
CREATE POLICY worker_objects ON appeal FOR INSERT TO humancloud_app
    WITH CHECK (worker_id = app_worker() AND decided_at IS NULL);

-- A brand is approved unless its sign-up says that it waits; so those that are there already are.
ALTER TABLE brand
    ADD COLUMN approved_at timestamptz DEFAULT app_now(),
    ADD COLUMN approved_by uuid CONSTRAINT fk_brand_approved_by REFERENCES person (id),
    ADD COLUMN refused_at timestamptz,
    ADD COLUMN refused_for text NOT NULL DEFAULT '',
    ADD CONSTRAINT ck_brand_approved_or_refused CHECK (approved_at IS NULL OR refused_at IS NULL);

CREATE TABLE job_error (
    job_id bigint CONSTRAINT pk_job_error PRIMARY KEY,
    kind text NOT NULL,
    said text NOT NULL,
    at timestamptz NOT NULL
);
-- Jobs after their last attempt, and jobs whose worker has shown no sign of life for half a minute.
CREATE VIEW dead_job AS
    SELECT j.id, j.task_name, j.args, j.status::text AS status, j.attempts,
           (SELECT max(e.at) FROM procrastinate_events e WHERE e.job_id = j.id) AS since,
           coalesce((SELECT r.kind || ': ' || r.said FROM job_error r WHERE r.job_id = j.id), '') AS error
    FROM procrastinate_jobs j
    WHERE j.status = 'failed' OR j.status = 'doing' AND NOT EXISTS (
        SELECT FROM procrastinate_workers w
        WHERE w.id = j.worker_id AND w.last_heartbeat > now() - interval '30 seconds');
GRANT SELECT ON dead_job TO humancloud_app, humancloud_background;
-- What the ledger holds in reserve for one ticket, and the first id that a day ago could have had.
CREATE FUNCTION reserved_for_ticket(p_ticket uuid) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(CASE e.side WHEN 'C' THEN e.amount_minor ELSE -e.amount_minor END), 0)::bigint
    FROM ledger_txn x JOIN ledger_entry e ON e.txn_id = x.id JOIN ledger_account a ON a.id = e.account_id
    WHERE x.ticket_id = p_ticket AND a.code = 'brand_reserved'
$$;
CREATE FUNCTION first_id_of_day() RETURNS uuid LANGUAGE sql STABLE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM now() - interval '1 day') * 1000)::bigint), 12, '0')
            || '70008000000000000000')::uuid
$$;

-- Open tickets that no active worker speaks the language or knows the subject of.
CREATE VIEW uncovered_now AS
    SELECT p.brand_id AS brand, p.lane FROM pool_ticket p WHERE p.state = 'open' GROUP BY p.brand_id, p.lane
    HAVING NOT EXISTS (
        SELECT FROM worker w WHERE w.status = 'active'
            AND split_part(p.lane, '/', 2) IN (SELECT lower(split_part(l, '-', 1)) FROM unnest(w.languages) AS l)
            AND (split_part(p.lane, '/', 3) = 'general' OR split_part(p.lane, '/', 3) = ANY (w.skills)));
CREATE TABLE uncovered_lane (
    brand_id uuid NOT NULL CONSTRAINT fk_uncovered_lane_brand_id REFERENCES brand (id),
    lane text NOT NULL,
    since timestamptz NOT NULL,
    CONSTRAINT pk_uncovered_lane PRIMARY KEY (brand_id, lane)
);
GRANT SELECT ON uncovered_now TO humancloud_app, humancloud_background;
GRANT SELECT, INSERT, UPDATE, DELETE ON uncovered_lane TO humancloud_app, humancloud_background;
ALTER TABLE uncovered_lane ENABLE ROW LEVEL SECURITY;
ALTER TABLE uncovered_lane FORCE ROW LEVEL SECURITY;
CREATE POLICY background ON uncovered_lane TO humancloud_background USING (true) WITH CHECK (true);
CREATE POLICY platform ON uncovered_lane TO humancloud_app USING (app_platform()) WITH CHECK (app_platform());
CREATE POLICY brand ON uncovered_lane FOR SELECT TO humancloud_app USING (brand_id = app_brand());

-- Make the kept counters true again; while it counts nobody moves a ticket.
CREATE FUNCTION recount_tickets() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    LOCK TABLE ticket, pool_ticket IN SHARE ROW EXCLUSIVE MODE;
    DELETE FROM ticket_move;
    DELETE FROM ticket_count;
    DELETE FROM pool_move;
    DELETE FROM pool_count;
    INSERT INTO ticket_count (brand_id, category, state, tickets)
        SELECT brand_id, category, state, count(*) FROM ticket GROUP BY 1, 2, 3;
    INSERT INTO pool_count (lane, tickets)
        SELECT lane, count(*) FROM pool_ticket WHERE state = 'open' GROUP BY 1;
END $$;
GRANT CREATE ON SCHEMA public TO humancloud_background;
ALTER FUNCTION recount_tickets() OWNER TO humancloud_background;
REVOKE CREATE ON SCHEMA public FROM humancloud_background;

CREATE TABLE invariant_check (
    name text CONSTRAINT pk_invariant_check PRIMARY KEY,
    checked_at timestamptz NOT NULL,
    took_ms integer NOT NULL,
    failed text NOT NULL DEFAULT ''
);
CREATE TABLE invariant_breach (
    id uuid CONSTRAINT pk_invariant_breach PRIMARY KEY,
    name text NOT NULL,
    first_seen timestamptz NOT NULL,
    last_seen timestamptz NOT NULL,
    offenders integer NOT NULL,
    sample jsonb NOT NULL,
    resolved_at timestamptz
);
CREATE UNIQUE INDEX uq_invariant_breach_live ON invariant_breach (name) WHERE resolved_at IS NULL;
CREATE INDEX ix_invariant_breach_seen ON invariant_breach (first_seen);
CREATE INDEX ix_event_acts ON event (id) WHERE kind = 'operator_acted';
GRANT SELECT, INSERT, UPDATE, DELETE ON job_error, invariant_check, invariant_breach
    TO humancloud_app, humancloud_background;

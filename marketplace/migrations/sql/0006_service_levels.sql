-- What a brand promises, how each ticket keeps it, and what happens to one that waits.
CREATE TABLE business_calendar (
    brand_id uuid NOT NULL CONSTRAINT fk_business_calendar_brand_id REFERENCES brand (id),
    time_zone text NOT NULL,
    periods jsonb NOT NULL,
    country text,
    subdivision text,
    closed_days date[] NOT NULL,
    CONSTRAINT pk_business_calendar PRIMARY KEY (brand_id),
    CONSTRAINT ck_business_calendar_part_has_its_country CHECK (country IS NOT NULL OR subdivision IS NULL)
);
CREATE TABLE sla_policy (
    brand_id uuid NOT NULL CONSTRAINT fk_sla_policy_brand_id REFERENCES brand (id),
    channel varchar(40) NOT NULL CONSTRAINT ck_sla_policy_sla_channel CHECK (channel IN ('email', 'chat')),
    first_minutes integer NOT NULL,
    next_minutes integer NOT NULL,
    resolution_minutes integer NOT NULL,
    CONSTRAINT pk_sla_policy PRIMARY KEY (brand_id, channel),
    CONSTRAINT ck_sla_policy_positive CHECK (first_minutes > 0 AND next_minutes > 0 AND resolution_minutes > 0)
);
CREATE TABLE ticket_clock (
    brand_id uuid NOT NULL,
    ticket_id uuid NOT NULL,
    kind varchar(40) NOT NULL CONSTRAINT ck_ticket_clock_clock_kind CHECK (kind IN ('first', 'next', 'resolution')),
    state varchar(40) NOT NULL
        CONSTRAINT ck_ticket_clock_clock_state CHECK (state IN ('running', 'paused', 'met', 'stopped')),
    seconds integer NOT NULL,
    started_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    left_seconds integer,
    met_at timestamptz,
    breached_at timestamptz,
    ladder_at timestamptz,
    CONSTRAINT pk_ticket_clock PRIMARY KEY (brand_id, ticket_id, kind),
    CONSTRAINT fk_ticket_clock_brand_id_ticket_id FOREIGN KEY (brand_id, ticket_id) REFERENCES ticket (brand_id, id),
    CONSTRAINT ck_ticket_clock_keeps_what_is_left CHECK ((state = 'running') = (left_seconds IS NULL)),
    CONSTRAINT ck_ticket_clock_met_at_some_time CHECK ((state = 'met') = (met_at IS NOT NULL))
);
CREATE INDEX ix_ticket_clock_due ON ticket_clock (due_at) WHERE state = 'running' AND breached_at IS NULL;
CREATE INDEX ix_ticket_clock_ladder ON ticket_clock (ladder_at) WHERE state = 'running' AND ladder_at IS NOT NULL;
CREATE TABLE backlog_ladder (
    brand_id uuid NOT NULL CONSTRAINT fk_backlog_ladder_brand_id REFERENCES brand (id),
    notify_percent integer,
    raise_percent integer,
    raise_every_percent integer NOT NULL,
    raise_step_basis_points integer NOT NULL,
    raise_cap_basis_points integer NOT NULL,
    daily_budget_minor bigint NOT NULL,
    widen_percent integer,
    give_back_percent integer,
    CONSTRAINT pk_backlog_ladder PRIMARY KEY (brand_id),
    CONSTRAINT ck_backlog_ladder_sensible CHECK (
        raise_step_basis_points > 0 AND raise_cap_basis_points >= raise_step_basis_points
        AND raise_every_percent > 0 AND daily_budget_minor >= 0)
);
CREATE TABLE ladder_step (
    brand_id uuid NOT NULL,
    ticket_id uuid NOT NULL,
    rung varchar(40) NOT NULL CONSTRAINT ck_ladder_step_rung CHECK (rung IN ('notify', 'raise', 'widen', 'give_back')),
    level integer NOT NULL DEFAULT 0,
    climbed_at timestamptz NOT NULL,
    detail text NOT NULL,
    said_at timestamptz,
    CONSTRAINT pk_ladder_step PRIMARY KEY (brand_id, ticket_id, rung, level),
    CONSTRAINT fk_ladder_step_brand_id_ticket_id FOREIGN KEY (brand_id, ticket_id) REFERENCES ticket (brand_id, id)
);
CREATE INDEX ix_ladder_step_unsaid ON ladder_step (brand_id) WHERE rung = 'notify' AND said_at IS NULL;
CREATE INDEX ix_ladder_step_said ON ladder_step (brand_id, said_at) WHERE rung = 'notify';
CREATE TABLE surge_day (
    brand_id uuid NOT NULL CONSTRAINT fk_surge_day_brand_id REFERENCES brand (id),
    day date NOT NULL,
    spent_minor bigint NOT NULL,
    CONSTRAINT pk_surge_day PRIMARY KEY (brand_id, day),
    CONSTRAINT ck_surge_day_not_negative CHECK (spent_minor >= 0)
);

ALTER TABLE terms
    ADD COLUMN base_terms_id uuid,
    ADD COLUMN surge_basis_points integer NOT NULL DEFAULT 0,
    ADD CONSTRAINT fk_terms_brand_id_base_terms_id
        FOREIGN KEY (brand_id, base_terms_id) REFERENCES terms (brand_id, id),
    ADD CONSTRAINT ck_terms_surge_has_a_base
        CHECK (surge_basis_points >= 0 AND (surge_basis_points > 0) = (base_terms_id IS NOT NULL));
CREATE UNIQUE INDEX uq_terms_surge ON terms (brand_id, base_terms_id, surge_basis_points)
    WHERE base_terms_id IS NOT NULL;

-- Tickets that are on their way already: the promises they were made stand as they are.
INSERT INTO ticket_clock (brand_id, ticket_id, kind, state, seconds, started_at, due_at)
    SELECT t.brand_id, t.id, 'first', 'running',
           greatest(60, extract(epoch FROM t.due_at - t.posted_at)::integer), t.posted_at, t.due_at
    FROM ticket t
    WHERE t.state IN ('screening', 'awaiting_funds', 'open', 'claimed')
        AND NOT EXISTS (SELECT FROM reply r WHERE r.brand_id = t.brand_id AND r.ticket_id = t.id);
INSERT INTO ticket_clock (brand_id, ticket_id, kind, state, seconds, started_at, due_at, left_seconds)
    SELECT t.brand_id, t.id, 'resolution', CASE t.state WHEN 'answered' THEN 'paused' ELSE 'running' END,
           w.seconds, t.posted_at, t.posted_at + make_interval(secs => w.seconds),
           CASE t.state WHEN 'answered' THEN greatest(0, w.seconds
               - extract(epoch FROM coalesce(t.answered_at, t.posted_at) - t.posted_at)::integer) END
    FROM ticket t, LATERAL (SELECT CASE t.channel WHEN 'chat' THEN 28800 ELSE 259200 END AS seconds) w
    WHERE t.state IN ('screening', 'awaiting_funds', 'open', 'claimed', 'answered');

-- A worker's reply moves the clocks of its ticket, by the brand's calendar.
CREATE POLICY worker ON business_calendar FOR SELECT TO humancloud_app USING (app_worker() IS NOT NULL);
CREATE POLICY worker ON sla_policy FOR SELECT TO humancloud_app USING (app_worker() IS NOT NULL);
CREATE POLICY worker ON ticket_clock TO humancloud_app USING (EXISTS (
    SELECT FROM claim c WHERE c.brand_id = ticket_clock.brand_id AND c.ticket_id = ticket_clock.ticket_id
        AND c.worker_id = app_worker()));
-- How long a lease lasts is said to everybody; a brand sets its own, and nobody the defaults.
CREATE POLICY everyone_reads ON lease_clock FOR SELECT TO humancloud_app USING (true);
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO humancloud_app, humancloud_background;

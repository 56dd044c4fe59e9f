-- How a brand wants its customers answered: silence, linked tickets, escalation queues, probation.

-- An answered ticket knows when silence ends it, so that the sweep reads one index whatever the brands chose.
ALTER TABLE ticket ADD COLUMN silence_ends_at timestamptz, ADD COLUMN follows_id uuid;
UPDATE ticket SET silence_ends_at = answered_at
        + CASE channel WHEN 'chat' THEN interval '15 minutes' ELSE interval '48 hours' END
    WHERE answered_at IS NOT NULL;
ALTER TABLE ticket
    ADD CONSTRAINT ck_ticket_answered_waits_until CHECK (state <> 'answered' OR silence_ends_at IS NOT NULL),
    ADD CONSTRAINT fk_ticket_brand_id_follows_id FOREIGN KEY (brand_id, follows_id) REFERENCES ticket (brand_id, id);
DROP INDEX ix_ticket_answered;
CREATE INDEX ix_ticket_silence ON ticket (silence_ends_at) WHERE state = 'answered';
CREATE UNIQUE INDEX uq_ticket_follows ON ticket (brand_id, follows_id) WHERE follows_id IS NOT NULL;

CREATE TABLE follow_up_policy (
    brand_id uuid NOT NULL CONSTRAINT fk_follow_up_policy_brand_id REFERENCES brand (id),
    channel varchar(40) NOT NULL CONSTRAINT follow_up_channel CHECK (channel IN ('email', 'chat')),
    silence_minutes integer NOT NULL,
    grace_minutes integer NOT NULL,
    CONSTRAINT pk_follow_up_policy PRIMARY KEY (brand_id, channel),
    CONSTRAINT ck_follow_up_policy_silence_limit CHECK (silence_minutes BETWEEN 5 AND 43200),
    CONSTRAINT ck_follow_up_policy_grace_limit CHECK (grace_minutes BETWEEN 1 AND 1440)
);

CREATE TABLE escalation_queue (
    brand_id uuid NOT NULL CONSTRAINT fk_escalation_queue_brand_id REFERENCES brand (id),
    key text NOT NULL,
    name text NOT NULL,
    decide_minutes integer NOT NULL,
    is_default boolean NOT NULL DEFAULT false,
    notify_email text,
    retired_at timestamptz,
    CONSTRAINT pk_escalation_queue PRIMARY KEY (brand_id, key),
    CONSTRAINT ck_escalation_queue_decide_limit CHECK (decide_minutes BETWEEN 15 AND 20160),
    CONSTRAINT ck_escalation_queue_default_is_in_use CHECK (NOT is_default OR retired_at IS NULL)
);
CREATE UNIQUE INDEX uq_escalation_queue_default ON escalation_queue (brand_id) WHERE is_default;

CREATE TABLE probation_policy (
    brand_id uuid NOT NULL CONSTRAINT fk_probation_policy_brand_id REFERENCES brand (id),
    replies integer NOT NULL,
    limit_minutes integer NOT NULL,
    after_limit varchar(40) NOT NULL CONSTRAINT after_limit CHECK (after_limit IN ('send', 'return')),
    accuracy_basis_points integer NOT NULL,
    CONSTRAINT pk_probation_policy PRIMARY KEY (brand_id),
    CONSTRAINT ck_probation_policy_replies_limit CHECK (replies BETWEEN 0 AND 100),
    CONSTRAINT ck_probation_policy_time_limit CHECK (limit_minutes BETWEEN 5 AND 10080),
    CONSTRAINT ck_probation_policy_share CHECK (accuracy_basis_points BETWEEN 0 AND 10000)
);

CREATE TABLE worker_standing (
    brand_id uuid NOT NULL CONSTRAINT fk_worker_standing_brand_id REFERENCES brand (id),
    worker_id uuid NOT NULL CONSTRAINT fk_worker_standing_worker_id REFERENCES worker (id),
    approved integer NOT NULL DEFAULT 0,
    rejected integer NOT NULL DEFAULT 0,
    lifted_at timestamptz,
    CONSTRAINT pk_worker_standing PRIMARY KEY (brand_id, worker_id),
    CONSTRAINT ck_worker_standing_counted CHECK (approved >= 0 AND rejected >= 0)
);

CREATE TABLE reply_review (
    brand_id uuid NOT NULL,
    id uuid NOT NULL,
    reply_id uuid NOT NULL,
    ticket_id uuid NOT NULL,
    worker_id uuid NOT NULL CONSTRAINT fk_reply_review_worker_id REFERENCES worker (id),
    state varchar(40) NOT NULL CONSTRAINT review_state CHECK (state IN
        ('waiting', 'approved', 'rejected', 'timed_out_sent', 'timed_out_returned', 'overtaken', 'called_off')),
    reason varchar(40) CONSTRAINT review_reason CHECK (reason IN
        ('off_voice', 'wrong', 'incomplete', 'policy', 'other')),
    note text NOT NULL DEFAULT '',
    after_limit varchar(40) NOT NULL CONSTRAINT review_after_limit CHECK (after_limit IN ('send', 'return')),
    asked_at timestamptz NOT NULL,
    decide_by timestamptz NOT NULL,
    decided_at timestamptz,
    decided_by text,
    CONSTRAINT pk_reply_review PRIMARY KEY (brand_id, id),
    CONSTRAINT uq_reply_review_brand_id_reply_id UNIQUE (brand_id, reply_id),
    CONSTRAINT fk_reply_review_brand_id_reply_id FOREIGN KEY (brand_id, reply_id) REFERENCES reply (brand_id, id),
    CONSTRAINT fk_reply_review_brand_id_ticket_id FOREIGN KEY (brand_id, ticket_id) REFERENCES ticket (brand_id, id),
    CONSTRAINT ck_reply_review_decided_has_its_time CHECK ((state = 'waiting') = (decided_at IS NULL)),
    CONSTRAINT ck_reply_review_rejected_has_a_reason CHECK (state <> 'rejected' OR reason IS NOT NULL)
);
CREATE UNIQUE INDEX uq_reply_review_waiting ON reply_review (ticket_id) WHERE state = 'waiting';
CREATE INDEX ix_reply_review_due ON reply_review (decide_by) WHERE state = 'waiting';
CREATE INDEX ix_reply_review_queue ON reply_review (brand_id, id) WHERE state = 'waiting';
CREATE INDEX ix_reply_review_ticket ON reply_review (brand_id, ticket_id, id);

-- Every brand has a queue for escalations from its first moment.
CREATE FUNCTION make_default_escalation_queue() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    INSERT INTO escalation_queue (brand_id, key, name, decide_minutes, is_default)
        VALUES (NEW.id, 'support', 'Support', 1440, true);
    RETURN NULL;
END $$;
CREATE TRIGGER brand_has_an_escalation_queue AFTER INSERT ON brand
    FOR EACH ROW EXECUTE FUNCTION make_default_escalation_queue();
INSERT INTO escalation_queue (brand_id, key, name, decide_minutes, is_default)
    SELECT id, 'support', 'Support', 1440, true FROM brand;

ALTER TABLE escalation
    ADD COLUMN decision_note text NOT NULL DEFAULT '',
    ADD COLUMN needless_reason text,
    ADD CONSTRAINT ck_escalation_needless_is_said_by_somebody CHECK (needless_reason IS NULL
        OR state = 'confirmed' AND decided_by <> 'silence' AND needless_reason <> ''),
    ADD CONSTRAINT fk_escalation_brand_id_queue FOREIGN KEY (brand_id, queue)
        REFERENCES escalation_queue (brand_id, key);

-- A reply that waits for approval is not in the thread yet, and leaves only approved.
ALTER TABLE reply ALTER COLUMN message_id DROP NOT NULL;
ALTER TABLE reply ADD CONSTRAINT ck_reply_leaves_in_the_thread
    CHECK (message_id IS NOT NULL OR state IN ('draft', 'awaiting_approval', 'recalled'));

CREATE FUNCTION refuse_unapproved_reply() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM reply_review r WHERE r.brand_id = NEW.brand_id AND r.reply_id = NEW.id
                   AND r.state IN ('approved', 'timed_out_sent')) THEN
        RAISE EXCEPTION 'reply % was not approved', NEW.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER reply_leaves_approved BEFORE UPDATE OF state ON reply FOR EACH ROW
    WHEN (OLD.state IN ('awaiting_approval', 'recalled') AND NEW.state IN ('queued', 'sent', 'failed'))
    EXECUTE FUNCTION refuse_unapproved_reply();

CREATE FUNCTION refuse_second_decision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'review % is decided', OLD.id USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER reply_review_is_decided_once BEFORE UPDATE OR DELETE ON reply_review FOR EACH ROW
    WHEN (OLD.state <> 'waiting') EXECUTE FUNCTION refuse_second_decision();

-- However a claim in review ends (taken back, withdrawn, suspended), nobody waits for its review any more,
-- and the worker keeps his text.
CREATE FUNCTION call_off_review() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    v_review reply_review;
BEGIN
    UPDATE reply_review SET state = 'called_off', decided_at = app_now(), decided_by = 'the end of the claim'
        WHERE ticket_id = OLD.ticket_id AND state = 'waiting' RETURNING * INTO v_review;
    IF FOUND THEN
        UPDATE reply SET state = 'recalled' WHERE brand_id = v_review.brand_id AND id = v_review.reply_id;
        INSERT INTO worker_draft (brand_id, ticket_id, worker_id, body, saved_at)
            SELECT v_review.brand_id, v_review.ticket_id, v_review.worker_id, r.body, app_now() FROM reply r
            WHERE r.brand_id = v_review.brand_id AND r.id = v_review.reply_id
            ON CONFLICT (brand_id, ticket_id, worker_id) DO UPDATE
                SET body = excluded.body, saved_at = excluded.saved_at WHERE worker_draft.body = '';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER pool_ticket_leaves_review AFTER UPDATE OF state ON pool_ticket FOR EACH ROW
    WHEN (OLD.state = 'in_review' AND NEW.state <> 'in_review') EXECUTE FUNCTION call_off_review();
CREATE TRIGGER pool_ticket_ends_in_review AFTER DELETE ON pool_ticket FOR EACH ROW
    WHEN (OLD.state = 'in_review') EXECUTE FUNCTION call_off_review();

GRANT CREATE ON SCHEMA public TO humancloud_background;
ALTER FUNCTION make_default_escalation_queue() OWNER TO humancloud_background;
ALTER FUNCTION refuse_unapproved_reply() OWNER TO humancloud_background;
ALTER FUNCTION call_off_review() OWNER TO humancloud_background;
REVOKE CREATE ON SCHEMA public FROM humancloud_background;

-- The rules that a worker's reply or escalation meets, and what they made of his own.
CREATE POLICY worker ON follow_up_policy FOR SELECT TO humancloud_app USING (app_worker() IS NOT NULL);
CREATE POLICY worker ON escalation_queue FOR SELECT TO humancloud_app USING (app_worker() IS NOT NULL);
CREATE POLICY worker ON probation_policy FOR SELECT TO humancloud_app USING (app_worker() IS NOT NULL);
CREATE POLICY worker ON worker_standing FOR SELECT TO humancloud_app USING (worker_id = app_worker());
CREATE POLICY worker ON reply_review FOR SELECT TO humancloud_app USING (worker_id = app_worker());
CREATE POLICY worker_asks ON reply_review FOR INSERT TO humancloud_app
    WITH CHECK (worker_id = app_worker() AND state = 'waiting');

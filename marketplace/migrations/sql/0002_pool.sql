-- The pool at full speed: lanes, a fair order, claims that arrive together in one commit, counters that are kept.

-- What decides claims. Only the entries further down are SECURITY DEFINER and set the planner: each SET costs as much as
-- several of these statements, so the parts before them run as whoever calls them.

-- Whether a live kill switch keeps tickets like this one away from workers.
CREATE FUNCTION is_stopped(p_brand uuid, p_category text, p_channel text) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM kill_switch k WHERE k.lifted_at IS NULL AND (
        k.kind = 'brand' AND k.brand_id = p_brand
        OR k.kind = 'category' AND k.brand_id = p_brand AND k.key = p_category
        OR k.kind = 'channel' AND k.key = p_channel AND (k.brand_id IS NULL OR k.brand_id = p_brand)))
$$;

-- Brands whose tickets a worker is not offered: his own, those he muted, those that stopped him.
CREATE FUNCTION brands_not_for(p_worker worker) RETURNS uuid[] LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN ARRAY(
        SELECT brand_id FROM member WHERE person_id = p_worker.person_id
        UNION ALL SELECT brand_id FROM brand_mute WHERE worker_id = p_worker.id
        UNION ALL SELECT brand_id FROM kill_switch WHERE kind = 'worker' AND key = p_worker.id::text
            AND lifted_at IS NULL AND brand_id IS NOT NULL);
END $$;

-- Whether a worker may claim at all: not suspended, not stopped on the whole platform.
CREATE FUNCTION may_claim(p_worker worker) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN coalesce(p_worker.status = 'active', false) AND NOT EXISTS (
        SELECT FROM kill_switch WHERE kind = 'worker' AND key = p_worker.id::text
            AND lifted_at IS NULL AND brand_id IS NULL);
END $$;

-- A newcomer gets first pick of a share of the tickets.
CREATE FUNCTION is_newcomer(p_worker worker) RETURNS boolean LANGUAGE sql IMMUTABLE AS
$$ SELECT p_worker.resolved_count < 10 $$;

-- What decides which tickets a worker is given, read at once: `lanes` in which he has room, brands that are `excluded`,
-- and whether anything is stopped at all (`stops`), which is rare and makes everything below look closer. The leases
-- are looked at after the index of his tickets: with them in WHERE the planner may walk the leases of everybody.
CREATE TYPE claiming AS (
    worker_id uuid, person_id uuid, newcomer boolean, barred boolean, stops boolean, excluded uuid[], lanes text[],
    all_lanes text[]);

CREATE FUNCTION claiming_of(p_worker uuid, p_now timestamptz) RETURNS claiming LANGUAGE plpgsql STABLE AS $$
DECLARE
    v claiming;
BEGIN
    SELECT w.id, w.person_id, is_newcomer(w), w.status <> 'active',
           EXISTS (SELECT FROM kill_switch WHERE lifted_at IS NULL),
           ARRAY(SELECT brand_id FROM member WHERE person_id = w.person_id)
               || ARRAY(SELECT brand_id FROM brand_mute WHERE worker_id = w.id),
           CASE WHEN held.email < w.email_cap THEN w.email_lanes ELSE '{}' END
               || CASE WHEN held.chat < w.chat_cap THEN w.chat_lanes ELSE '{}' END,
           w.email_lanes || w.chat_lanes
        INTO v
        FROM worker w CROSS JOIN LATERAL (
            SELECT count(*) FILTER (WHERE p.channel = 'email') AS email,
                   count(*) FILTER (WHERE p.channel = 'chat') AS chat
            FROM (SELECT channel, state, lease_ends_at FROM pool_ticket WHERE worker_id = p_worker OFFSET 0) AS p
            WHERE p.state = 'claimed' AND p.lease_ends_at > p_now) AS held
        WHERE w.id = p_worker;
    IF v.stops THEN
        SELECT v.barred OR NOT may_claim(w), brands_not_for(w) INTO v.barred, v.excluded
            FROM worker w WHERE w.id = p_worker;
    END IF;
    RETURN v;
END $$;

-- Where the open tickets of each lane begin. Before its head lies what was claimed since the last vacuum, thousands of
-- index entries at full speed: to walk past them once for a batch, not twice for a claim, made a claim twice as cheap.
-- A ticket that comes to lie before the head while the batch is decided is found by the next one.
CREATE TYPE pool_head AS (lane text, newcomers boolean, rank_at timestamptz);

CREATE FUNCTION heads_of(p_lanes text[]) RETURNS pool_head[] LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN ARRAY(
        SELECT (l.lane, f.newcomers, head.rank_at)::pool_head FROM unnest(p_lanes) AS l(lane)
            CROSS JOIN (VALUES (false), (true)) AS f(newcomers)
            CROSS JOIN LATERAL (SELECT t.rank_at FROM pool_ticket t
                WHERE t.state = 'open' AND t.lane = l.lane AND t.newcomers_first = f.newcomers
                ORDER BY t.rank_at LIMIT 1) AS head);
END $$;

-- The heads of every lane of some workers.
CREATE FUNCTION heads_for(p_workers uuid[]) RETURNS pool_head[] LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN heads_of(ARRAY(
        SELECT DISTINCT unnest(w.email_lanes || w.chat_lanes) FROM worker w WHERE w.id = ANY (p_workers)));
END $$;

-- The best open ticket for a worker; with `p_lock` nobody else is given it before this transaction ends.
-- Lanes are tried in the order of their heads; what is kept for newcomers comes last for everybody else. A brand
-- that is left out costs nothing: with one, the heads of the other brands are compared instead of walking past it.
CREATE FUNCTION find_next_ticket(p claiming, p_heads pool_head[], p_lock boolean) RETURNS uuid
LANGUAGE plpgsql AS $$
DECLARE
    v_worker uuid := p.worker_id;
    v_plain boolean := NOT p.stops AND cardinality(p.excluded) = 0;
    v_stream record;
    v_ticket uuid;
    v_head uuid;
BEGIN
    FOR v_stream IN
        SELECT h.lane, h.newcomers, h.rank_at FROM unnest(p_heads) AS h
            CROSS JOIN LATERAL (SELECT t.rank_at FROM pool_ticket t
                WHERE t.state = 'open' AND t.lane = h.lane AND t.newcomers_first = h.newcomers
                    AND t.rank_at >= h.rank_at
                ORDER BY t.rank_at LIMIT 1) AS head
        WHERE h.lane = ANY (p.lanes)
        ORDER BY h.newcomers AND NOT p.newcomer, head.rank_at
    LOOP
        IF v_plain THEN
            IF p_lock THEN
                SELECT t.ticket_id INTO v_ticket FROM pool_ticket t
                    WHERE t.state = 'open' AND t.lane = v_stream.lane AND t.newcomers_first = v_stream.newcomers
                        AND t.rank_at >= v_stream.rank_at
                        AND NOT EXISTS (SELECT FROM release r
                            WHERE r.ticket_id = t.ticket_id AND r.worker_id = v_worker)
                    ORDER BY t.rank_at, t.ticket_id FOR UPDATE SKIP LOCKED LIMIT 1;
            ELSE
                SELECT t.ticket_id INTO v_ticket FROM pool_ticket t
                    WHERE t.state = 'open' AND t.lane = v_stream.lane AND t.newcomers_first = v_stream.newcomers
                        AND t.rank_at >= v_stream.rank_at
                        AND NOT EXISTS (SELECT FROM release r
                            WHERE r.ticket_id = t.ticket_id AND r.worker_id = v_worker)
                    ORDER BY t.rank_at, t.ticket_id LIMIT 1;
            END IF;
        ELSE
            FOR v_head IN
                WITH RECURSIVE brands AS (
                    (SELECT t.brand_id FROM pool_ticket t WHERE t.state = 'open' AND t.lane = v_stream.lane
                        ORDER BY t.brand_id LIMIT 1)
                    UNION ALL
                    SELECT (SELECT t.brand_id FROM pool_ticket t WHERE t.state = 'open' AND t.lane = v_stream.lane
                        AND t.brand_id > b.brand_id ORDER BY t.brand_id LIMIT 1)
                    FROM brands b WHERE b.brand_id IS NOT NULL)
                SELECT heads.ticket_id FROM brands b CROSS JOIN LATERAL (
                    SELECT t.ticket_id, t.rank_at FROM pool_ticket t
                    WHERE t.state = 'open' AND t.lane = v_stream.lane AND t.brand_id = b.brand_id
                        AND t.newcomers_first = v_stream.newcomers
                        AND t.rank_at >= v_stream.rank_at
                        AND NOT EXISTS (SELECT FROM release r
                            WHERE r.ticket_id = t.ticket_id AND r.worker_id = v_worker)
                        AND NOT (p.stops AND is_stopped(t.brand_id, t.category, t.channel))
                    ORDER BY t.rank_at, t.ticket_id LIMIT 20) AS heads
                WHERE b.brand_id <> ALL (p.excluded)
                ORDER BY heads.rank_at, heads.ticket_id LIMIT 100
            LOOP
                IF NOT p_lock THEN
                    RETURN v_head;
                END IF;
                SELECT t.ticket_id INTO v_ticket FROM pool_ticket t
                    WHERE t.ticket_id = v_head AND t.state = 'open' FOR UPDATE SKIP LOCKED;
                EXIT WHEN v_ticket IS NOT NULL;
            END LOOP;
        END IF;
        IF v_ticket IS NOT NULL THEN
            RETURN v_ticket;
        END IF;
    END LOOP;
    RETURN NULL;
END $$;

-- Giving a ticket marks it in the pool, which whoever claims next sees; the rest of what a claim writes (`write_claims`)
-- follows for all claims of a transaction in one statement, which costs half of writing it for each.
CREATE TYPE given AS (ticket_id uuid, worker_id uuid, claim_id uuid);

-- Mark an open ticket as claimed; number and deadline are NULL when it is not open any more.
CREATE FUNCTION mark_claimed(p_ticket uuid, p_worker uuid, p_now timestamptz,
                             OUT claim_number int, OUT lease_ends_at timestamptz)
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE pool_ticket p
        SET state = 'claimed', worker_id = p_worker, claim_number = p.claim_number + 1,
            lease_ends_at = p_now + make_interval(secs => (
                SELECT l.read_seconds FROM lease_clock l
                WHERE l.channel = p.channel AND (l.brand_id = p.brand_id OR l.brand_id IS NULL)
                ORDER BY l.brand_id NULLS LAST LIMIT 1))
        WHERE p.ticket_id = p_ticket AND p.state = 'open'
        RETURNING p.claim_number, p.lease_ends_at INTO claim_number, lease_ends_at;
END $$;

-- The claims of tickets that were marked, their tickets' state, the counters' moves, and what happened.
CREATE FUNCTION write_claims(p_given given[], p_now timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    WITH marked AS (
        SELECT g.*, p.brand_id, p.claim_number, p.terms_id, p.lane
        FROM unnest(p_given) AS g JOIN pool_ticket p ON p.ticket_id = g.ticket_id
    ), claimed AS (
        INSERT INTO claim (brand_id, id, ticket_id, number, worker_id, terms_id, claimed_at)
            SELECT brand_id, claim_id, ticket_id, claim_number, worker_id, terms_id, p_now FROM marked
    ), moved AS (
        UPDATE ticket t SET state = 'claimed' FROM marked m WHERE t.brand_id = m.brand_id AND t.id = m.ticket_id
            RETURNING t.brand_id, t.category
    ), counted AS (
        INSERT INTO ticket_move (brand_id, from_category, from_state, to_category, to_state)
            SELECT brand_id, category, 'open', category, 'claimed' FROM moved
    ), left_pool AS (
        INSERT INTO pool_move (lane, change) SELECT lane, -1 FROM marked
    )
    INSERT INTO event (at, kind, brand_id, worker_id, subject_id, body)
        SELECT p_now, 'ticket_claimed', brand_id, worker_id, ticket_id,
               jsonb_build_object('claim_number', claim_number, 'terms', terms_id, 'lane', lane)
        FROM marked;
END $$;

-- Give a named ticket to a worker. Outcomes: claimed, mine (already held: the same lease goes on), taken, gone, capped,
-- released (the worker gave it back before), own_brand, restricted (suspended, or stopped everywhere), not_eligible
-- (language or skill), newcomers (kept for newcomers for a moment), stopped (a kill switch keeps it from everybody),
-- stopped_here (a kill switch keeps this worker from this brand). Whoever calls holds the worker's lock.
CREATE FUNCTION give_named(p_ticket uuid, p_worker uuid, p_now timestamptz,
                           OUT outcome text, OUT claim_number int, OUT lease_ends_at timestamptz)
LANGUAGE plpgsql AS $$
DECLARE
    v_pool pool_ticket;
    v_claiming claiming;
BEGIN
    -- Most losers of a race leave here without a lock and so without a write.
    SELECT * INTO v_pool FROM pool_ticket WHERE ticket_id = p_ticket;
    IF NOT FOUND THEN
        outcome := 'gone';
        RETURN;
    END IF;
    IF v_pool.state IN ('answered', 'in_review') OR v_pool.state = 'claimed' AND v_pool.lease_ends_at > p_now THEN
        IF v_pool.worker_id = p_worker THEN
            outcome := 'mine';
            claim_number := v_pool.claim_number;
            lease_ends_at := v_pool.lease_ends_at;
        ELSE
            outcome := 'taken';
        END IF;
        RETURN;
    END IF;
    v_claiming := claiming_of(p_worker, p_now);
    outcome := CASE
        WHEN v_claiming.barred IS NOT FALSE THEN 'restricted'
        WHEN EXISTS (SELECT FROM member WHERE brand_id = v_pool.brand_id
            AND person_id = v_claiming.person_id) THEN 'own_brand'
        WHEN EXISTS (SELECT FROM release WHERE ticket_id = p_ticket AND worker_id = p_worker) THEN 'released'
        WHEN v_pool.lane <> ALL (v_claiming.all_lanes) THEN 'not_eligible'
        WHEN v_pool.newcomers_first AND NOT v_claiming.newcomer THEN 'newcomers'
        WHEN v_claiming.stops AND is_stopped(v_pool.brand_id, v_pool.category, v_pool.channel) THEN 'stopped'
        WHEN v_claiming.stops AND EXISTS (SELECT FROM kill_switch WHERE kind = 'worker'
            AND key = p_worker::text AND lifted_at IS NULL AND brand_id = v_pool.brand_id) THEN 'stopped_here'
        WHEN v_pool.lane <> ALL (v_claiming.lanes) THEN 'capped' END;
    IF outcome IS NOT NULL THEN
        RETURN;
    END IF;
    IF v_pool.state = 'claimed' THEN
        PERFORM expire_lease(p_ticket, p_now);
    END IF;
    SELECT t.claim_number, t.lease_ends_at INTO claim_number, lease_ends_at
        FROM mark_claimed(p_ticket, p_worker, p_now) t;
    outcome := CASE WHEN claim_number IS NULL THEN 'taken' ELSE 'claimed' END;
END $$;

-- Give a worker the best open ticket he may have; outcome 'none' when there is none, 'capped' when he is full.
-- Whoever calls holds the worker's lock, and may know the heads of the worker's lanes.
CREATE FUNCTION give_next(p_worker uuid, p_heads pool_head[], p_now timestamptz, OUT outcome text, OUT ticket_id uuid,
                          OUT claim_number int, OUT lease_ends_at timestamptz)
LANGUAGE plpgsql AS $$
DECLARE
    v_claiming claiming := claiming_of(p_worker, p_now);
BEGIN
    IF v_claiming.barred IS NOT FALSE THEN
        outcome := 'restricted';
    ELSIF cardinality(v_claiming.lanes) = 0 THEN
        outcome := 'capped';
    ELSE
        ticket_id := find_next_ticket(v_claiming, coalesce(p_heads, heads_of(v_claiming.lanes)), true);
        IF ticket_id IS NULL THEN
            -- What waits where he has no room left is not nothing.
            outcome := CASE WHEN v_claiming.lanes <> v_claiming.all_lanes AND EXISTS (
                SELECT FROM pool_ticket t WHERE t.state = 'open' AND t.lane = ANY (v_claiming.all_lanes))
                THEN 'capped' ELSE 'none' END;
            RETURN;
        END IF;
        outcome := 'claimed';
        SELECT t.claim_number, t.lease_ends_at INTO claim_number, lease_ends_at
            FROM mark_claimed(ticket_id, p_worker, p_now) t;
    END IF;
END $$;

-- One worker's claims queue behind each other, so that the cap holds; the lock writes nothing.
CREATE FUNCTION lock_worker(p_worker uuid) RETURNS void LANGUAGE sql AS
$$ SELECT pg_advisory_xact_lock(hashtextextended(p_worker::text, 0)) $$;

-- The entries: they run as the background role, which row-level security lets through, and with plans that are made
-- once. Made anew for each value, the plans cost ten times the claim.
CREATE OR REPLACE FUNCTION claim_ticket(p_ticket uuid, p_worker uuid, p_claim uuid)
RETURNS TABLE (outcome text, claim_number int, lease_ends_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    v_now timestamptz;
BEGIN
    PERFORM lock_worker(p_worker);
    v_now := app_clock();
    SELECT g.outcome, g.claim_number, g.lease_ends_at INTO outcome, claim_number, lease_ends_at
        FROM give_named(p_ticket, p_worker, v_now) g;
    IF outcome = 'claimed' THEN
        PERFORM write_claims(ARRAY[(p_ticket, p_worker, p_claim)::given], v_now);
    END IF;
    RETURN NEXT;
END $$;

CREATE OR REPLACE FUNCTION claim_next_ticket(p_worker uuid, p_claim uuid)
RETURNS TABLE (outcome text, ticket_id uuid, claim_number int, lease_ends_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    v_now timestamptz;
BEGIN
    PERFORM lock_worker(p_worker);
    v_now := app_clock();
    SELECT g.outcome, g.ticket_id, g.claim_number, g.lease_ends_at
        INTO outcome, ticket_id, claim_number, lease_ends_at FROM give_next(p_worker, NULL, v_now) g;
    IF outcome = 'claimed' THEN
        PERFORM write_claims(ARRAY[(ticket_id, p_worker, p_claim)::given], v_now);
    END IF;
    RETURN NEXT;
END $$;

-- The ticket that a worker would be given now, for the loser of a race to be told.
CREATE FUNCTION next_best_ticket(p_worker uuid) RETURNS uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    v_claiming claiming := claiming_of(p_worker, app_clock());
BEGIN
    RETURN find_next_ticket(v_claiming, heads_of(v_claiming.lanes), false);
END $$;

-- What guidance made of those of `p_tickets` that are in the pool, by its newest suggestion. Suggestions belong to
-- brands and claimants; this verdict alone is for everybody.
CREATE FUNCTION pool_coverage(p_tickets uuid[]) RETURNS TABLE (ticket_id uuid, state text, reason text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
    SELECT p.ticket_id, s.state, s.reason FROM pool_ticket p CROSS JOIN LATERAL (
        SELECT g.state, g.reason FROM suggestion g WHERE g.brand_id = p.brand_id AND g.ticket_id = p.ticket_id
        ORDER BY g.id DESC LIMIT 1) AS s
    WHERE p.ticket_id = ANY (p_tickets)
$$;

-- Claims that arrived together, in one commit: for each its session, the ticket (NULL: the best one) and the id
-- that its claim would have. Outcomes as above, and 'signed_out', 'no_worker'; a loser is told the next best.
-- Locks are taken in one order (workers, then named tickets; "next" never waits), so two batches cannot deadlock.
CREATE FUNCTION claim_batch(p_sessions bytea[], p_tickets uuid[], p_claims uuid[])
RETURNS TABLE (place int, outcome text, ticket_id uuid, claim_number int, lease_ends_at timestamptz, next_best uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    v_now timestamptz;
    v_workers uuid[];
    v_people uuid[];
    v_heads pool_head[];
    v_given given[] := '{}';
    v_place int;
BEGIN
    SELECT array_agg(w.id ORDER BY asked.place), array_agg(s.person_id ORDER BY asked.place)
        INTO v_workers, v_people
        FROM unnest(p_sessions) WITH ORDINALITY AS asked(session, place)
        LEFT JOIN session s ON s.token_hash = asked.session AND s.expires_at > app_now()
        LEFT JOIN worker w ON w.person_id = s.person_id;
    PERFORM pg_advisory_xact_lock(lock) FROM (
        SELECT DISTINCT hashtextextended(w::text, 0) AS lock FROM unnest(v_workers) w
        WHERE w IS NOT NULL ORDER BY lock) AS locks;
    v_now := app_clock();
    FOR v_place IN
        SELECT n FROM generate_subscripts(p_sessions, 1) AS n ORDER BY p_tickets[n] NULLS LAST, n
    LOOP
        place := v_place;
        ticket_id := p_tickets[v_place];
        claim_number := NULL;
        lease_ends_at := NULL;
        next_best := NULL;
        IF v_workers[v_place] IS NULL THEN
            outcome := CASE WHEN v_people[v_place] IS NULL THEN 'signed_out' ELSE 'no_worker' END;
        ELSIF ticket_id IS NULL THEN
            v_heads := coalesce(v_heads, heads_for(v_workers));
            SELECT c.outcome, c.ticket_id, c.claim_number, c.lease_ends_at
                INTO outcome, ticket_id, claim_number, lease_ends_at
                FROM give_next(v_workers[v_place], v_heads, v_now) c;
        ELSE
            SELECT c.outcome, c.claim_number, c.lease_ends_at INTO outcome, claim_number, lease_ends_at
                FROM give_named(ticket_id, v_workers[v_place], v_now) c;
            IF outcome IN ('taken', 'gone', 'newcomers', 'stopped', 'stopped_here') THEN
                v_heads := coalesce(v_heads, heads_for(v_workers));
                next_best := find_next_ticket(claiming_of(v_workers[v_place], v_now), v_heads, false);
            END IF;
        END IF;
        IF outcome = 'claimed' THEN
            v_given := v_given || (ticket_id, v_workers[v_place], p_claims[v_place])::given;
        END IF;
        RETURN NEXT;
    END LOOP;
    IF v_given <> '{}' THEN
        PERFORM write_claims(v_given, v_now);
    END IF;
    UPDATE worker SET seen_at = v_now WHERE id = ANY (v_workers) AND seen_at <= v_now - interval '1 minute';
END $$;

-- Counters are kept, never counted: each change writes its move, and a roll-up adds the moves to the counters.
-- Who reads adds the moves that are not rolled up yet, so that a counter is exact in every snapshot.
-- The move from open to claimed is no trigger's: `write_claims` writes it for many claims at once.
CREATE FUNCTION note_ticket_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ticket_move (brand_id, from_category, from_state, to_category, to_state)
        VALUES (NEW.brand_id, CASE TG_OP WHEN 'UPDATE' THEN OLD.category END,
                CASE TG_OP WHEN 'UPDATE' THEN OLD.state END, NEW.category, NEW.state);
    RETURN NULL;
END $$;
CREATE TRIGGER ticket_posted_is_counted AFTER INSERT ON ticket
    FOR EACH ROW EXECUTE FUNCTION note_ticket_move();
CREATE TRIGGER ticket_moved_is_counted AFTER UPDATE OF state, category ON ticket
    FOR EACH ROW WHEN ((OLD.state <> NEW.state OR OLD.category <> NEW.category)
        AND NOT (OLD.state = 'open' AND NEW.state = 'claimed'))
    EXECUTE FUNCTION note_ticket_move();

CREATE FUNCTION note_pool_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.state = 'open' THEN
        INSERT INTO pool_move (lane, change) VALUES (OLD.lane, -1);
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.state = 'open' THEN
        INSERT INTO pool_move (lane, change) VALUES (NEW.lane, 1);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER pool_ticket_is_counted AFTER INSERT OR DELETE ON pool_ticket
    FOR EACH ROW EXECUTE FUNCTION note_pool_move();
CREATE TRIGGER pool_ticket_moved_is_counted AFTER UPDATE OF state, skill ON pool_ticket
    FOR EACH ROW WHEN (((OLD.state = 'open') <> (NEW.state = 'open') OR OLD.lane <> NEW.lane)
        AND NOT (OLD.state = 'open' AND NEW.state = 'claimed'))
    EXECUTE FUNCTION note_pool_move();

-- Add up to `p_limit` moves of each kind to their counters; how many there were.
CREATE FUNCTION roll_up_counters(p_limit int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    v_tickets int;
    v_pool int;
BEGIN
    WITH moved AS (
        DELETE FROM ticket_move WHERE id IN (
            SELECT id FROM ticket_move ORDER BY id LIMIT p_limit FOR UPDATE SKIP LOCKED)
        RETURNING brand_id, from_category, from_state, to_category, to_state
    ), added AS (
        INSERT INTO ticket_count AS c (brand_id, category, state, tickets)
            SELECT brand_id, category, state, sum(change) FROM (
                SELECT brand_id, from_category AS category, from_state AS state, -1 AS change FROM moved
                    WHERE from_state IS NOT NULL
                UNION ALL SELECT brand_id, to_category, to_state, 1 FROM moved) AS changes
            GROUP BY 1, 2, 3 HAVING sum(change) <> 0 ORDER BY 1, 2, 3
            ON CONFLICT (brand_id, category, state) DO UPDATE SET tickets = c.tickets + excluded.tickets
    )
    SELECT count(*) INTO v_tickets FROM moved;
    WITH moved AS (
        DELETE FROM pool_move WHERE id IN (
            SELECT id FROM pool_move ORDER BY id LIMIT p_limit FOR UPDATE SKIP LOCKED)
        RETURNING lane, change
    ), added AS (
        INSERT INTO pool_count AS c (lane, tickets)
            SELECT lane, sum(change) FROM moved GROUP BY 1 ORDER BY 1
            ON CONFLICT (lane) DO UPDATE SET tickets = c.tickets + excluded.tickets
    )
    SELECT count(*) INTO v_pool FROM moved;
    RETURN v_tickets + v_pool;
END $$;

INSERT INTO ticket_count (brand_id, category, state, tickets)
    SELECT brand_id, category, state, count(*) FROM ticket GROUP BY 1, 2, 3;
INSERT INTO pool_count (lane, tickets) SELECT lane, count(*) FROM pool_ticket WHERE state = 'open' GROUP BY 1;

GRANT SELECT, INSERT, UPDATE, DELETE ON brand_mute, pool_count, pool_move TO humancloud_app, humancloud_background;
REVOKE INSERT, UPDATE, DELETE ON category_stat, brand_stat, ticket_count, pool_count FROM humancloud_app;
REVOKE UPDATE, DELETE ON ticket_move, pool_move FROM humancloud_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO humancloud_app, humancloud_background;

GRANT CREATE ON SCHEMA public TO humancloud_background;
ALTER FUNCTION next_best_ticket(uuid) OWNER TO humancloud_background;
ALTER FUNCTION claim_batch(bytea[], uuid[], uuid[]) OWNER TO humancloud_background;
ALTER FUNCTION pool_coverage(uuid[]) OWNER TO humancloud_background;
ALTER FUNCTION roll_up_counters(int) OWNER TO humancloud_background;
REVOKE CREATE ON SCHEMA public FROM humancloud_background;

-- What a card shows before any claim, and what keeps a ticket away from everybody.
CREATE POLICY worker ON kill_switch FOR SELECT TO humancloud_app USING (app_worker() IS NOT NULL);
CREATE POLICY worker ON category_stat FOR SELECT TO humancloud_app USING (app_worker() IS NOT NULL);
CREATE POLICY worker ON brand_stat FOR SELECT TO humancloud_app USING (app_worker() IS NOT NULL);
-- Whoever moves a ticket notes it; what is noted is read by its owner alone.
CREATE POLICY everyone_writes ON ticket_move FOR INSERT TO humancloud_app WITH CHECK (true);
CREATE POLICY everywhere ON kill_switch FOR SELECT TO humancloud_app USING (brand_id IS NULL);

ALTER TABLE brand_mute ENABLE ROW LEVEL SECURITY;
ALTER TABLE brand_mute FORCE ROW LEVEL SECURITY;
CREATE POLICY background ON brand_mute TO humancloud_background USING (true) WITH CHECK (true);
CREATE POLICY worker ON brand_mute TO humancloud_app
    USING (worker_id = app_worker()) WITH CHECK (worker_id = app_worker());

-- Notes are read from the worker's claim on, and written while it lasts.
CREATE POLICY worker_reads ON note FOR SELECT TO humancloud_app USING (EXISTS (
    SELECT FROM claim c WHERE c.brand_id = note.brand_id AND c.ticket_id = note.ticket_id
        AND c.worker_id = app_worker() AND note.written_at < coalesce(c.ended_at, 'infinity')));
CREATE POLICY worker_writes ON note FOR INSERT TO humancloud_app WITH CHECK (worker_id = app_worker() AND EXISTS (
    SELECT FROM claim c WHERE c.brand_id = note.brand_id AND c.ticket_id = note.ticket_id
        AND c.worker_id = app_worker() AND c.ended_at IS NULL));

-- Rows that every claim changes are vacuumed long before a fifth of their table is dead.
ALTER TABLE pool_ticket SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 500, autovacuum_analyze_scale_factor = 0.05);
ALTER TABLE ticket_move SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
ALTER TABLE pool_move SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

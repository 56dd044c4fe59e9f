-- Claims are decided here, in one round trip, whoever asks.

-- End a lease that has run out; true when it did. The ticket keeps its place in the queue.
CREATE FUNCTION expire_lease(p_ticket uuid, p_now timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    v_pool pool_ticket;
    v_worker uuid;
BEGIN
    SELECT worker_id INTO v_worker FROM pool_ticket
        WHERE ticket_id = p_ticket AND state = 'claimed' AND lease_ends_at <= p_now FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE pool_ticket SET state = 'open', worker_id = NULL, lease_ends_at = NULL
        WHERE ticket_id = p_ticket RETURNING * INTO v_pool;
    UPDATE claim SET ended_at = p_now, end_reason = 'expired' WHERE ticket_id = p_ticket AND ended_at IS NULL;
    UPDATE ticket SET state = 'open' WHERE brand_id = v_pool.brand_id AND id = p_ticket;
    INSERT INTO event (kind, brand_id, worker_id, subject_id, body)
        VALUES ('lease_expired', v_pool.brand_id, v_worker, p_ticket,
                jsonb_build_object('claim_number', v_pool.claim_number));
    RETURN true;
END $$;

-- Give a ticket to a worker. Outcomes: claimed, mine (already held: the same lease goes on), taken, gone,
-- capped, released (the worker gave it back before), own_brand, restricted.
CREATE FUNCTION claim_ticket(p_ticket uuid, p_worker uuid, p_claim uuid)
RETURNS TABLE (outcome text, claim_number int, lease_ends_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    v_pool pool_ticket;
    v_worker worker;
    v_now timestamptz;
    v_read int;
BEGIN
    -- Most losers of a race leave here without a lock and so without a write.
    SELECT * INTO v_pool FROM pool_ticket WHERE ticket_id = p_ticket;
    IF NOT FOUND THEN
        RETURN QUERY SELECT 'gone', NULL::int, NULL::timestamptz;
        RETURN;
    END IF;
    v_now := app_clock();
    IF v_pool.worker_id = p_worker AND (v_pool.state = 'answered' OR v_pool.lease_ends_at > v_now) THEN
        RETURN QUERY SELECT 'mine', v_pool.claim_number, v_pool.lease_ends_at;
        RETURN;
    END IF;
    IF v_pool.state = 'answered' OR v_pool.state = 'claimed' AND v_pool.lease_ends_at > v_now THEN
        RETURN QUERY SELECT 'taken', NULL::int, NULL::timestamptz;
        RETURN;
    END IF;
    SELECT * INTO v_worker FROM worker WHERE id = p_worker AND status = 'active';
    IF NOT FOUND THEN
        RETURN QUERY SELECT 'restricted', NULL::int, NULL::timestamptz;
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM member WHERE brand_id = v_pool.brand_id AND person_id = v_worker.person_id) THEN
        RETURN QUERY SELECT 'own_brand', NULL::int, NULL::timestamptz;
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM release WHERE ticket_id = p_ticket AND worker_id = p_worker) THEN
        RETURN QUERY SELECT 'released', NULL::int, NULL::timestamptz;
        RETURN;
    END IF;
    -- One worker's claims queue behind each other, so that the cap holds; the lock writes nothing.
    PERFORM pg_advisory_xact_lock(hashtextextended(p_worker::text, 0));
    IF (SELECT count(*) FROM pool_ticket p
            WHERE p.worker_id = p_worker AND p.state = 'claimed' AND p.channel = v_pool.channel
                AND p.lease_ends_at > v_now)
        >= (CASE v_pool.channel WHEN 'chat' THEN v_worker.chat_cap ELSE v_worker.email_cap END) THEN
        RETURN QUERY SELECT 'capped', NULL::int, NULL::timestamptz;
        RETURN;
    END IF;
    IF v_pool.state = 'claimed' THEN
        PERFORM expire_lease(p_ticket, v_now);
    END IF;
    SELECT l.read_seconds INTO v_read FROM lease_clock l
        WHERE l.channel = v_pool.channel AND (l.brand_id = v_pool.brand_id OR l.brand_id IS NULL)
        ORDER BY l.brand_id NULLS LAST LIMIT 1;
    UPDATE pool_ticket p
        SET state = 'claimed', worker_id = p_worker, claim_number = p.claim_number + 1,
            lease_ends_at = v_now + make_interval(secs => v_read)
        WHERE p.ticket_id = p_ticket AND p.state = 'open'
        RETURNING * INTO v_pool;
    IF NOT FOUND THEN
        RETURN QUERY SELECT 'taken', NULL::int, NULL::timestamptz;
        RETURN;
    END IF;
    INSERT INTO claim (brand_id, id, ticket_id, number, worker_id, terms_id, claimed_at)
        VALUES (v_pool.brand_id, p_claim, p_ticket, v_pool.claim_number, p_worker, v_pool.terms_id, v_now);
    UPDATE ticket SET state = 'claimed' WHERE brand_id = v_pool.brand_id AND id = p_ticket;
    INSERT INTO event (at, kind, brand_id, worker_id, subject_id, body)
        VALUES (v_now, 'ticket_claimed', v_pool.brand_id, p_worker, p_ticket,
                jsonb_build_object('claim_number', v_pool.claim_number, 'terms', v_pool.terms_id));
    RETURN QUERY SELECT 'claimed', v_pool.claim_number, v_pool.lease_ends_at;
END $$;

-- Give a worker the best open ticket he may have; outcome 'none' when there is none.
CREATE FUNCTION claim_next_ticket(p_worker uuid, p_claim uuid)
RETURNS TABLE (outcome text, ticket_id uuid, claim_number int, lease_ends_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    v_ticket uuid;
    v_worker worker;
    v_now timestamptz := app_clock();
    v_email int;
    v_chat int;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(p_worker::text, 0));
    SELECT * INTO v_worker FROM worker WHERE id = p_worker AND status = 'active';
    SELECT count(*) FILTER (WHERE p.channel = 'email'), count(*) FILTER (WHERE p.channel = 'chat')
        INTO v_email, v_chat FROM pool_ticket p
        WHERE p.worker_id = p_worker AND p.state = 'claimed' AND p.lease_ends_at > v_now;
    SELECT p.ticket_id INTO v_ticket FROM pool_ticket p
        WHERE p.state = 'open'
            AND (p.channel = 'email' AND v_email < v_worker.email_cap
                 OR p.channel = 'chat' AND v_chat < v_worker.chat_cap)
            AND NOT EXISTS (SELECT FROM release r WHERE r.ticket_id = p.ticket_id AND r.worker_id = p_worker)
            AND NOT EXISTS (SELECT FROM member m
                            WHERE m.brand_id = p.brand_id AND m.person_id = v_worker.person_id)
        ORDER BY p.rank_at, p.ticket_id
        FOR UPDATE SKIP LOCKED LIMIT 1;
    IF v_ticket IS NULL THEN
        RETURN QUERY SELECT 'none', NULL::uuid, NULL::int, NULL::timestamptz;
        RETURN;
    END IF;
    RETURN QUERY SELECT c.outcome, v_ticket, c.claim_number, c.lease_ends_at
        FROM claim_ticket(v_ticket, p_worker, p_claim) c;
END $$;

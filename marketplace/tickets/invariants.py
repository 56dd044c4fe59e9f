"""What must always hold of tickets, the pool and claims."""

from marketplace.kernel.invariants import Invariant

INVARIANTS = (
    Invariant(
        name="every_live_ticket_is_in_the_pool",
        sentence="Every ticket that is open, claimed (in review too) or answered stands in the pool.",
        sql="SELECT t.id::text FROM brand b "
        "CROSS JOIN (VALUES ('open'), ('claimed'), ('answered')) AS s(state) "
        "JOIN ticket t ON t.brand_id = b.id AND t.state = s.state "
        "LEFT JOIN pool_ticket p ON p.ticket_id = t.id WHERE p.ticket_id IS NULL LIMIT :limit",
    ),
    Invariant(
        name="the_pool_and_the_ticket_agree",
        sentence="Every row of the pool has a ticket in the same state, in review a claimed one; an ended has none.",
        sql="SELECT p.ticket_id::text || ' pool ' || p.state || ', ticket ' || coalesce(t.state, 'missing') "
        "FROM pool_ticket p LEFT JOIN ticket t ON t.brand_id = p.brand_id AND t.id = p.ticket_id "
        "WHERE t.state IS DISTINCT FROM CASE p.state WHEN 'in_review' THEN 'claimed' ELSE p.state END LIMIT :limit",
    ),
    Invariant(
        name="one_live_claim_a_ticket",
        sentence="No ticket has two live claims.",
        sql="SELECT ticket_id::text FROM claim WHERE ended_at IS NULL GROUP BY ticket_id "
        "HAVING count(*) > 1 LIMIT :limit",
    ),
    Invariant(
        name="the_holder_has_the_live_claim",
        sentence="Who holds a ticket in the pool has its live claim under the same number, and nobody else has one.",
        sql="SELECT coalesce(p.ticket_id, c.ticket_id)::text FROM pool_ticket p "
        "FULL JOIN (SELECT ticket_id, worker_id, number FROM claim WHERE ended_at IS NULL) c "
        "ON c.ticket_id = p.ticket_id WHERE (p.worker_id, CASE WHEN p.worker_id IS NOT NULL THEN p.claim_number END) "
        "IS DISTINCT FROM (c.worker_id, c.number) LIMIT :limit",
    ),
    Invariant(
        name="no_claim_past_its_deadline",
        sentence="No live claim is past its deadline for longer than 60 seconds.",
        sql="SELECT ticket_id::text || ' since ' || lease_ends_at::text FROM pool_ticket "
        "WHERE state = 'claimed' AND lease_ends_at < :now - interval '60 seconds' "
        "ORDER BY lease_ends_at LIMIT :limit",
    ),
    Invariant(
        name="every_open_ticket_has_a_reader",
        sentence="Every open ticket can be claimed by an active worker, or its brand is told that nobody covers it.",
        sql="SELECT n.lane || ' of brand ' || n.brand::text FROM uncovered_now n "
        "WHERE NOT EXISTS (SELECT FROM uncovered_lane u WHERE u.brand_id = n.brand AND u.lane = n.lane) "
        "LIMIT :limit",
    ),
    Invariant(
        name="the_pool_and_the_reviews_agree",
        sentence="A ticket is in review exactly while a reply of its holder waits for the brand's approval.",
        sql="SELECT coalesce(p.ticket_id, v.ticket_id)::text FROM "
        "(SELECT ticket_id, worker_id FROM pool_ticket WHERE state = 'in_review') AS p "
        "FULL JOIN (SELECT ticket_id, worker_id FROM reply_review WHERE state = 'waiting') AS v USING (ticket_id) "
        "WHERE p.worker_id IS DISTINCT FROM v.worker_id LIMIT :limit",
    ),
    Invariant(
        name="no_review_past_its_time",
        sentence="No reply waits for approval longer than 60 seconds past its time limit.",
        sql="SELECT ticket_id::text || ' since ' || decide_by::text FROM reply_review "
        "WHERE state = 'waiting' AND decide_by < :now - interval '60 seconds' ORDER BY decide_by LIMIT :limit",
    ),
    Invariant(
        name="no_reply_leaves_unapproved",
        sentence="No reply left or leaves while its review waits, or after it came back.",
        sql="SELECT r.id::text FROM reply_review v JOIN reply r ON r.brand_id = v.brand_id AND r.id = v.reply_id "
        "WHERE r.state IN ('queued', 'sent', 'failed') AND v.state NOT IN ('approved', 'timed_out_sent') "
        "LIMIT :limit",
    ),
    Invariant(
        name="every_sent_reply_carries_its_label",
        sentence="Every sent reply carries the affiliation label it left with, and its proof.",
        sql="SELECT id::text FROM reply WHERE state = 'sent' AND (label = '' OR label_proof = '' OR sent_at IS NULL) "
        "LIMIT :limit",
    ),
    Invariant(
        name="kept_counters_are_true",
        sentence="The kept counters of tickets equal the tickets.",
        sql="SELECT coalesce(k.brand_id, c.brand_id)::text || ' ' || coalesce(k.category, c.category) || ' ' || "
        "coalesce(k.state, c.state) || ': kept ' || coalesce(k.tickets, 0) || ', there ' || coalesce(c.tickets, 0) "
        "FROM (SELECT brand_id, category, state, sum(tickets) AS tickets FROM ("
        "SELECT brand_id, category, state, tickets FROM ticket_count "
        "UNION ALL SELECT brand_id, from_category, from_state, -1 FROM ticket_move WHERE from_state IS NOT NULL "
        "UNION ALL SELECT brand_id, to_category, to_state, 1 FROM ticket_move) AS kept "
        "GROUP BY 1, 2, 3 HAVING sum(tickets) <> 0) AS k "
        "FULL JOIN (SELECT brand_id, category, state::text AS state, count(*) AS tickets FROM ticket "
        "GROUP BY 1, 2, 3) AS c USING (brand_id, category, state) "
        "WHERE coalesce(k.tickets, 0) <> coalesce(c.tickets, 0) LIMIT :limit",
    ),
    Invariant(
        name="kept_pool_counters_are_true",
        sentence="The kept counters of the pool equal the pool.",
        sql="SELECT coalesce(k.lane, c.lane) || ': kept ' || coalesce(k.tickets, 0) || ', there ' || "
        "coalesce(c.tickets, 0) FROM (SELECT lane, sum(tickets) AS tickets FROM ("
        "SELECT lane, tickets FROM pool_count UNION ALL SELECT lane, change FROM pool_move) AS kept "
        "GROUP BY 1 HAVING sum(tickets) <> 0) AS k "
        "FULL JOIN (SELECT lane, count(*) AS tickets FROM pool_ticket WHERE state = 'open' GROUP BY 1) AS c "
        "USING (lane) WHERE coalesce(k.tickets, 0) <> coalesce(c.tickets, 0) LIMIT :limit",
    ),
)

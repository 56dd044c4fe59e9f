"""What must always hold of the money behind tickets.

What is looked at grows with a day's work, not with the years': ids sort by birth, so a day is a range of them.
"""

from marketplace.kernel.invariants import Invariant

INVARIANTS = (
    Invariant(
        name="every_ticket_in_the_pool_is_paid_for",
        sentence="Every ticket in the pool has its whole price in reserve.",
        sql="SELECT p.ticket_id::text || ': needs ' || m.total_minor || ', has ' || h.held FROM pool_ticket p "
        "JOIN terms m ON m.brand_id = p.brand_id AND m.id = p.terms_id "
        "CROSS JOIN LATERAL reserved_for_ticket(p.ticket_id) AS h(held) "
        "WHERE h.held < m.total_minor LIMIT :limit",
    ),
    Invariant(
        name="no_ended_ticket_holds_money",
        sentence="A ticket that has ended holds nothing in reserve any more.",
        sql="SELECT t.id::text || ': ' || t.state || ' holds ' || h.held FROM ("
        "SELECT DISTINCT ticket_id FROM ledger_txn WHERE id > first_id_of_day() AND ticket_id IS NOT NULL) AS x "
        "JOIN ticket t ON t.id = x.ticket_id CROSS JOIN LATERAL reserved_for_ticket(t.id) AS h(held) "
        "WHERE t.state IN ('screening', 'held_back', 'awaiting_funds', 'resolved', 'withdrawn', 'expired') "
        "AND h.held <> 0 LIMIT :limit",
    ),
    Invariant(
        name="the_ledger_balances",
        sentence="Debits equal credits in every posting of the last day.",
        sql="SELECT e.txn_id::text FROM ledger_txn x JOIN ledger_entry e ON e.txn_id = x.id "
        "WHERE x.id > first_id_of_day() GROUP BY e.txn_id, e.currency "
        "HAVING sum(CASE e.side WHEN 'D' THEN e.amount_minor ELSE -e.amount_minor END) <> 0 LIMIT :limit",
    ),
    Invariant(
        name="books_agree",
        sentence="Stripe's record and the ledger agree: no break is open.",
        sql="SELECT id::text || ': ' || kind FROM book_break WHERE resolved_at IS NULL AND kind <> 'late' "
        "ORDER BY opened_at LIMIT :limit",
    ),
    Invariant(
        name="books_are_proven",
        sentence="The last proof of the books holds, and while payouts are sent it is not older than a day.",
        sql="SELECT coalesce(r.ran_at::text, 'never') FROM (SELECT) AS one LEFT JOIN LATERAL "
        "(SELECT ran_at, ok FROM book_run ORDER BY ran_at DESC, id DESC LIMIT 1) AS r ON true "
        "WHERE NOT r.ok OR coalesce(r.ran_at, '-infinity') < :now - interval '26 hours' AND EXISTS "
        "(SELECT FROM payout WHERE state = 'accepted' AND paid_at > :now - interval '24 hours') LIMIT :limit",
    ),
    Invariant(
        name="a_sent_payout_is_posted",
        sentence="Every payout sent in the last day names one transfer, and the ledger says so.",
        sql="SELECT p.id::text FROM payout p LEFT JOIN ledger_txn t ON t.key = 'sent:' || p.stripe_transfer "
        "WHERE p.state = 'accepted' AND p.paid_at > :now - interval '24 hours' AND t.id IS NULL LIMIT :limit",
    ),
    Invariant(
        name="a_sent_earning_has_its_payout",
        sentence="Every earning that was sent is in one payout that was.",
        sql="SELECT e.id::text FROM earning e LEFT JOIN payout_line l ON l.earning_id = e.id AND NOT l.dropped "
        "WHERE e.state = 'sent' AND e.payable_at > :now - interval '30 days' AND l.earning_id IS NULL LIMIT :limit",
    ),
    Invariant(
        name="kept_balances_are_true",
        sentence="The kept balance of every account that moved in the last day is the sum of its entries.",
        sql="SELECT a.id::text || ' ' || a.code FROM ledger_account a JOIN ledger_entry e ON e.account_id = a.id "
        "WHERE a.id IN (SELECT f.account_id FROM ledger_txn x JOIN ledger_entry f ON f.txn_id = x.id "
        "WHERE x.id > first_id_of_day()) AND a.floor_zero GROUP BY a.id HAVING a.balance_minor <> "
        "sum(CASE WHEN e.side = a.normal THEN e.amount_minor ELSE -e.amount_minor END) LIMIT :limit",
    ),
    Invariant(
        name="no_call_about_funds_waits_for_a_person",
        sentence="Every request to Stripe about a brand's money was answered for.",
        sql="SELECT c.key || ': ' || c.outcome FROM funds_call c WHERE c.state = 'retired' "
        "AND c.outcome LIKE 'A person must%' AND c.created_at > :now - interval '30 days' LIMIT :limit",
    ),
    Invariant(
        name="what_was_taken_back_is_owed",
        sentence="A brand's books owe at least what was taken back of its payments and is not settled.",
        sql="SELECT r.brand_id::text || ': ' || r.owed FROM (SELECT brand_id, currency, sum(owed_minor) AS owed "
        "FROM top_up_reversal WHERE state IN ('open', 'owed') GROUP BY brand_id, currency) r "
        "LEFT JOIN ledger_account a ON a.code = 'brand_receivable' AND a.brand_id = r.brand_id "
        "AND a.currency = r.currency WHERE coalesce(a.balance_minor, 0) < r.owed LIMIT :limit",
    ),
)

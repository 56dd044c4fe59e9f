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
)

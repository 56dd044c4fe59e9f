"""What tickets cost that ended elsewhere or came back, as the ledger posted it."""

from collections.abc import Sequence

from sqlalchemy import ARRAY, Uuid, bindparam, text

from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, TicketId
from marketplace.tickets.lost_work import Loss, LostWork


def posted_losses(tx: Tx, *, brand: BrandId, tickets: Sequence[TicketId]) -> list[LostWork]:
    """Each escalation fee with the platform's share of it, and each price that a reopen took back."""
    rows = tx.execute(_POSTED, {"brand": brand, "tickets": list(tickets)})
    return [
        LostWork(
            kind=Loss(row.kind),
            reference=row.reference,
            ticket=TicketId(row.ticket_id),
            amount_minor=row.amount_minor,
            currency=row.currency,
            at=row.posted_at,
        )
        for row in rows
    ]


# An `escalate` posting credits the worker and the platform with what was paid, and the wallet with the rest; a
# `reopen` posting credits the reservation with the whole price that was taken back. Their keys name what they are for.
_POSTED = text("""
    SELECT 'escalation_fee' AS kind, x.id AS reference, t.ticket_id, e.currency, t.posted_at,
        CAST(sum(e.amount_minor) AS bigint) AS amount_minor
    FROM ledger_txn t
    JOIN escalation x ON x.brand_id = :brand AND x.ticket_id = t.ticket_id
        AND t.key = 'escalate:' || x.ticket_id || ':' || x.number
    JOIN ledger_entry e ON e.txn_id = t.id AND e.side = 'C'
    JOIN ledger_account a ON a.id = e.account_id AND a.brand_id = :brand
        AND a.code IN ('worker_pending', 'platform_fee')
    WHERE t.ticket_id = ANY(:tickets) AND t.kind = 'escalate'
    GROUP BY x.id, t.ticket_id, e.currency, t.posted_at
    UNION ALL
    SELECT 'reopened', r.id, t.ticket_id, e.currency, t.posted_at, CAST(sum(e.amount_minor) AS bigint)
    FROM ledger_txn t
    JOIN resolution r ON r.brand_id = :brand AND r.ticket_id = t.ticket_id AND t.key = 'reopen:' || r.id
    JOIN ledger_entry e ON e.txn_id = t.id AND e.side = 'C'
    JOIN ledger_account a ON a.id = e.account_id AND a.brand_id = :brand AND a.code = 'brand_reserved'
    WHERE t.ticket_id = ANY(:tickets) AND t.kind = 'reopen'
    GROUP BY r.id, t.ticket_id, e.currency, t.posted_at
    ORDER BY posted_at, reference
""").bindparams(bindparam("tickets", type_=ARRAY(Uuid)))

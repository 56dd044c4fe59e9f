"""What a brand's recall of a ticket pays, and what it gives back: one posting, in the fact's transaction."""

from datetime import timedelta
from uuid import UUID

from billing.accounts import pending, platform_fee, reserved, wallet
from billing.ledger import Leg, credit, debit, post, standing_for_ticket
from billing.models import Earning, EarningKind, EarningState
from billing.spend import give_back
from marketplace.events.facts import TicketTakenBack, TicketWithdrawn
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import EarningId, WorkerId, new_id
from marketplace.kernel.money import Money
from marketplace.tickets import recalls
from marketplace.tickets.models import Terms
from marketplace.tickets.recall_models import Recall, RecallPay
from marketplace.tickets.terms import terms_of


def settle_recall(tx: Tx, fact: TicketTakenBack | TicketWithdrawn) -> None:
    """Pay who worked on the recalled ticket; the rest of its reservation goes back to the wallet.

    How much is reserved is read from the ledger, so that nothing of it can stay behind.
    """
    recall = recalls.recall_of(tx, brand=fact.owner, recall=fact.recall)
    if recall.terms_id is None:
        return  # it never opened, or its escalation was decided: nothing is reserved
    terms = terms_of(tx, brand=recall.brand_id, terms=recall.terms_id)
    parts = _parts(recall, terms)
    whole = standing_for_ticket(
        tx, reserved(recall.brand_id), ticket=recall.ticket_id, currency=terms.currency
    ).amount_minor
    platform = _platform_share(recall.pays, terms)
    paid = sum(amount for _, amount in parts)
    fresh = post(
        tx,
        kind="recall" if paid else "release",
        key=f"{'recall' if paid else 'release'}:{recall.ticket_id}:{recall.number}",
        currency=terms.currency,
        legs=[
            debit(reserved(recall.brand_id), whole),
            *_to_workers(recall, parts),
            credit(platform_fee(recall.brand_id), platform),
            credit(wallet(recall.brand_id), whole - paid - platform),
        ],
        now=recall.recalled_at,
        ticket=recall.ticket_id,
    )
    if fresh:
        give_back(tx, brand=recall.brand_id, ticket=recall.ticket_id, amount_minor=whole - paid - platform)
        _write_earnings(tx, recall, terms, parts)


def _parts(recall: Recall, terms: Terms) -> list[tuple[WorkerId, int]]:
    """Each credited worker's share, by largest remainder."""
    if recall.pays is RecallPay.NOTHING:
        return []
    minor = terms.pay_minor if recall.pays is RecallPay.FULL_PRICE else terms.escalation_fee_minor
    shares = Money(amount_minor=minor, currency=terms.currency).split(
        [one["weight"] for one in recall.credits]
    )
    workers = [WorkerId(UUID(one["worker"])) for one in recall.credits]
    return [(worker, share.amount_minor) for worker, share in zip(workers, shares, strict=True)]


def _platform_share(pays: RecallPay, terms: Terms) -> int:
    """The platform keeps its share of what is paid, as for a resolution or a confirmed escalation."""
    match pays:
        case RecallPay.NOTHING:
            return 0
        case RecallPay.ESCALATION_FEE:
            fee = Money(amount_minor=terms.escalation_fee_minor, currency=terms.currency)
            return fee.share(terms.fee_basis_points).amount_minor
        case RecallPay.FULL_PRICE:
            return terms.fee_minor


def _to_workers(recall: Recall, parts: list[tuple[WorkerId, int]]) -> list[Leg]:
    return [credit(pending(recall.brand_id, worker), amount) for worker, amount in parts]


def _write_earnings(tx: Tx, recall: Recall, terms: Terms, parts: list[tuple[WorkerId, int]]) -> None:
    window_ends_at = recall.recalled_at + timedelta(hours=terms.review_window_hours)
    for worker, amount in parts:
        if not amount:
            continue
        tx.add(
            Earning(
                brand_id=recall.brand_id,
                id=EarningId(new_id()),
                ticket_id=recall.ticket_id,
                worker_id=worker,
                kind=EarningKind.RECALL,
                resolution_id=None,
                escalation_id=None,
                recall_id=recall.id,
                terms_id=terms.id,
                amount_minor=amount,
                currency=terms.currency,
                state=EarningState.IN_WINDOW,
                accrued_at=recall.recalled_at,
                window_ends_at=window_ends_at,
            )
        )
    tx.flush()

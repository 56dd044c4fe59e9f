"""What a brand's recall of a ticket pays, and what it gives back: one posting, in the fact's transaction."""

from billing.accounts import pending, platform_fee, reserved
from billing.earnings import write_earnings
from billing.ledger import credit, debit, post, standing_for_ticket
from billing.models import EarningKind
from billing.pay_parts import Part, split_pay
from billing.reservations import back_to_brand
from billing.spend import give_back
from marketplace.events.facts import TicketTakenBack, TicketWithdrawn
from marketplace.kernel.db import Tx
from marketplace.kernel.money import Money
from marketplace.tickets import recalls
from marketplace.tickets.models import Terms
from marketplace.tickets.recall_models import Recall, RecallPay
from marketplace.tickets.terms import terms_of


def settle_recall(tx: Tx, fact: TicketTakenBack | TicketWithdrawn) -> None:
    """Pay who worked on the recalled ticket; the rest of its reservation goes back to the brand.

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
    paid = sum(part.amount_minor for part in parts)
    fresh = post(
        tx,
        kind="recall" if paid else "release",
        key=f"{'recall' if paid else 'release'}:{recall.ticket_id}:{recall.number}",
        currency=terms.currency,
        legs=[
            debit(reserved(recall.brand_id), whole),
            *(credit(pending(recall.brand_id, part.worker), part.amount_minor) for part in parts),
            credit(platform_fee(recall.brand_id), platform),
            *back_to_brand(
                tx,
                brand=recall.brand_id,
                ticket=recall.ticket_id,
                amount_minor=whole - paid - platform,
                spent_minor=paid + platform,
            ),
        ],
        now=recall.recalled_at,
        ticket=recall.ticket_id,
    )
    if fresh:
        give_back(tx, brand=recall.brand_id, ticket=recall.ticket_id, amount_minor=whole - paid - platform)
        write_earnings(
            tx,
            parts,
            kind=EarningKind.RECALL,
            terms=terms,
            ticket=recall.ticket_id,
            recall=recall.id,
            accrued_at=recall.recalled_at,
        )


def _parts(recall: Recall, terms: Terms) -> list[Part]:
    """Each credited worker's share, by largest remainder. What a recall pays is one line, whatever surged before."""
    if recall.pays is RecallPay.NOTHING:
        return []
    minor = terms.pay_minor if recall.pays is RecallPay.FULL_PRICE else terms.escalation_fee_minor
    pay = Money(amount_minor=minor, currency=terms.currency)
    return split_pay(
        recall.credits, pay=pay, base_pay=pay, fee=Money(amount_minor=0, currency=terms.currency)
    )


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

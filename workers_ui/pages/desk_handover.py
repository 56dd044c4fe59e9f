"""What a desk says of the time before this claim: the conversation in quotes, and how the last review went."""

from collections.abc import Mapping
from datetime import datetime

from guidance.handover import Handover, Quote, handover
from marketplace.kernel.db import Scope, Tx, rescope
from marketplace.kernel.ids import BrandId, TicketId, WorkerId
from marketplace.tickets.escalation_queries import find_own_escalation
from marketplace.tickets.linked import Followed, find_followed
from marketplace.tickets.models import Author, EscalationState
from marketplace.tickets.queries import Desk, masked_thread
from marketplace.tickets.reply_models import AfterLimit, ReviewReason, ReviewState
from marketplace.tickets.review_queries import OwnReview, find_own_review
from marketplace.tickets.worker_queries import OwnReply
from workers_ui.presenters.handover import HandoverPanel, HandoverPart, HandoverQuote, ReviewNotice

NOT_COUNTED = "Not counted against you: you sent the brand’s own answer. "
RETURNED: Mapping[ReviewReason, str] = {
    ReviewReason.OFF_VOICE: "it does not sound like the brand",
    ReviewReason.WRONG: "something in it is wrong",
    ReviewReason.INCOMPLETE: "it does not answer everything",
    ReviewReason.POLICY: "it is against the brand’s policy",
    ReviewReason.OTHER: "see the note",
}
SENDS_OR_RETURNS: Mapping[AfterLimit, str] = {
    AfterLimit.SEND: "If it does not answer in time, your reply is sent.",
    AfterLimit.RETURN: "If it does not answer in time, your reply comes back to you.",
}


def panel_of(
    tx: Tx, desk: Desk, *, worker: WorkerId, own: Mapping[datetime, OwnReply], brand: str
) -> HandoverPanel | None:
    """For a claim that is not the ticket's first, or a ticket that goes on from another; None for a plain one."""
    followed, before = _before(tx, desk, worker)
    this = handover(desk.thread)
    if followed is None and (desk.claim_number == 1 or not this.replies):
        return None
    found = this if this.replies or before is None else before
    names = _Names(own=own, brand=brand)
    parts = [*_parts(this, names), *(_parts(before, names, earlier=True) if before else ())]
    return HandoverPanel(
        sentence=_sentence(found),
        parts=tuple(parts),
        before=f"Goes on from #{followed.number}, “{followed.subject}”, settled before." if followed else "",
    )


def review_notice(tx: Tx, *, ticket: TicketId, worker: WorkerId, brand: str) -> ReviewNotice | None:
    """That the worker's reply waits, or why his last one came back; nothing once it left."""
    found = find_own_review(tx, ticket=ticket, worker=worker)
    return None if found is None else _notice(found, brand)


def _notice(found: OwnReview, brand: str) -> ReviewNotice | None:
    match found.state:
        case ReviewState.WAITING:
            return ReviewNotice(
                waiting=True,
                sentence=f"{brand} reads your reply before it is sent. {SENDS_OR_RETURNS[found.after_limit]}",
                text=found.text,
                decide_by=found.decide_by,
            )
        case ReviewState.APPROVED | ReviewState.TIMED_OUT_SENT:
            return None
        case ReviewState.REJECTED:
            reason = RETURNED[found.reason] if found.reason else "see the note"
            return ReviewNotice(
                waiting=False,
                sentence=f"{brand} returned your reply: {reason}. {NOT_COUNTED if found.as_shown else ''}"
                "Your text is below.",
                note=found.note,
            )
        case ReviewState.TIMED_OUT_RETURNED:
            said = (
                f"Nobody at {brand} looked at your reply in time. Your text is below; you may send it again."
            )
        case ReviewState.OVERTAKEN:
            said = (
                "The customer wrote before your reply was approved, so it was not sent. Your text is below."
            )
        case ReviewState.OUTDATED:
            said = (
                f"What your reply rests on changed at {brand} before it was sent, so it came back. That counts "
                "against nobody. Read what guidance shows now; your text is below."
            )
        case ReviewState.CALLED_OFF:
            said = "Your reply was not sent: the claim under which you wrote it ended. Your text is below."
    return ReviewNotice(waiting=False, sentence=said)


def decision_sentence(tx: Tx, *, ticket: TicketId, worker: WorkerId, brand: str) -> str:
    """How the brand decided on the worker's escalation of a ticket, and what it wrote to him."""
    found = find_own_escalation(tx, ticket=ticket, worker=worker)
    if found is None:
        return ""
    note = f" It wrote: “{found.decision_note}”" if found.decision_note else ""
    match found.state:
        case EscalationState.OPEN:
            return f"{brand} has not decided yet."
        case EscalationState.REJECTED:
            return f"{brand} rejected your escalation: it could have been answered.{note}"
        case EscalationState.CONFIRMED if found.needless_reason is not None:
            why = f"your messages before it were needless: “{found.needless_reason}”"
            return f"{brand} confirmed your escalation, without the fee, for {why}.{note}"
        case EscalationState.CONFIRMED:
            return f"{brand} confirmed your escalation; its fee is under Earnings.{note}"


class _Names:
    """Who said a quote, as the worker at this desk calls them."""

    def __init__(self, *, own: Mapping[datetime, OwnReply], brand: str) -> None:
        self._own, self._brand = own, brand

    def of(self, quote: Quote) -> str:
        match quote.author:
            case Author.CUSTOMER:
                return "Customer"
            case Author.BRAND:
                return self._brand
            case Author.WORKER:
                return "You" if quote.said_at in self._own else "Another expert"


def _before(tx: Tx, desk: Desk, worker: WorkerId) -> tuple[Followed | None, Handover | None]:
    """The settled ticket that this one goes on from. Its thread is the brand's: with the brand of the claimed
    ticket's own row the transaction may read it, masked; afterwards it is the worker's alone again."""
    if desk.follows is None:
        return None, None
    rescope(tx, Scope(worker=worker, brand=desk.brand))
    followed = find_followed(tx, brand=BrandId(desk.brand), ticket=desk.follows)
    said = handover(masked_thread(tx, brand=desk.brand, ticket=desk.follows))
    rescope(tx, Scope(worker=worker))
    return followed, said


def _sentence(found: Handover) -> str:
    times = {0: "Nobody has answered yet", 1: "Answered once before"}
    return times.get(found.replies, f"Answered {found.replies} times before")


def _parts(found: Handover, names: _Names, *, earlier: bool = False) -> tuple[HandoverPart, ...]:
    open_ = (found.open_question,) if found.open_question else ()
    when = " in the ticket before" if earlier else ""
    titled = (
        (f"Promised{when}: keep it, or say why not", found.promised, True),
        ("Open now", open_, True),
        (f"Answered{when}", found.answered, False),
        (f"Asked{when}", found.asked, False),
    )
    return tuple(
        HandoverPart(
            title=title,
            quotes=tuple(
                HandoverQuote(text=quote.text, who=names.of(quote), said_at=quote.said_at) for quote in quotes
            ),
            warns=warns,
        )
        for title, quotes, warns in titled
    )

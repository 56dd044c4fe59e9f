"""A brand's tickets as its people see them: states in words, the thread with receipts, what may be done."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from guidance.models import SuggestionState
from guidance.queries import ReceiptView, SuggestionView
from marketplace.kernel.ids import MessageId, ReplyId
from marketplace.kernel.money import Money
from marketplace.tickets.brand_queries import ReplyLine, TicketLine
from marketplace.tickets.gate_models import Rating, RatingReason
from marketplace.tickets.holding_queries import Holding
from marketplace.tickets.models import (
    Author,
    Channel,
    Customer,
    Escalation,
    EscalationReason,
    EscalationState,
    Message,
    ReplyState,
    Resolution,
    ResolvedBy,
    Ticket,
    TicketState,
)
from marketplace.tickets.ratings import MOST_STARS
from marketplace.tickets.recall_models import Recall
from workers_ui.pages import recall_views, receipt_views
from workers_ui.pages.ticket_states import STATES
from workers_ui.presenters import brand as views
from workers_ui.presenters.receipts import Receipt
from workers_ui.presenters.values import Action, Badge, Tone
from workers_ui.presenters.worker import Author as Speaker
from workers_ui.presenters.worker import ThreadMessage

WAITING_STATES = frozenset(
    {TicketState.SCREENING, TicketState.AWAITING_FUNDS, TicketState.OPEN, TicketState.CLAIMED}
)
CLOSED_STATES = frozenset({TicketState.WITHDRAWN, TicketState.EXPIRED})
CHANNELS: Mapping[Channel, str] = {Channel.EMAIL: "E-mail", Channel.CHAT: "Chat"}
REPLY_STATES: Mapping[ReplyState, Badge] = {
    ReplyState.DRAFT: Badge(label="draft"),
    ReplyState.AWAITING_APPROVAL: Badge(label="awaiting approval", tone=Tone.WARN),
    ReplyState.QUEUED: Badge(label="on its way", tone=Tone.INFO),
    ReplyState.SENT: Badge(label="sent", tone=Tone.GOOD),
    ReplyState.FAILED: Badge(label="not delivered", tone=Tone.BAD),
    ReplyState.RECALLED: Badge(label="recalled", tone=Tone.NEUTRAL),
}
ESCALATION_REASONS: Mapping[EscalationReason, str] = {
    EscalationReason.NO_GROUNDED_ANSWER: "no grounded answer",
    EscalationReason.NEEDS_BRAND_ACTION: "needs an action of yours",
    EscalationReason.POLICY_EXCEPTION: "asks for an exception",
    EscalationReason.SENSITIVE: "sensitive",
    EscalationReason.OTHER: "another reason",
}
RATING_REASONS: Mapping[RatingReason, str] = {
    RatingReason.WRONG_ANSWER: "a wrong answer",
    RatingReason.NOT_SOLVED: "not solved",
    RatingReason.TOO_SLOW: "too slow",
    RatingReason.TONE: "the tone",
    RatingReason.POLICY: "your policy",
    RatingReason.OTHER: "another reason",
}
RESOLVERS: Mapping[ResolvedBy, str] = {
    ResolvedBy.CUSTOMER: "the customer",
    ResolvedBy.SILENCE: "the customer’s silence",
    ResolvedBy.BRAND: "you",
}
WAITS_FOR: Mapping[str, str] = {
    "wallet": "Waits for money in the wallet.",
    "spend cap": "Waits for room under the spend cap.",
    "frozen": "Waits until a payment that was taken back is settled.",
}
NOT_YOURS = "Your role does not include this."


def number_label(number: int) -> str:
    return f"#{number}"


def ticket_row(line: TicketLine) -> views.BrandTicketRow:
    return views.BrandTicketRow(
        ticket=str(line.id),
        number=number_label(line.number),
        subject=line.subject,
        customer=line.customer_name or line.customer_email or "not named",
        category=line.category,
        channel=CHANNELS[line.channel].lower(),
        state=STATES[line.state],
        updated_at=line.changed_at,
        due_at=line.due_at if line.state in WAITING_STATES else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """All that was said and done about a ticket."""

    ticket: Ticket
    brand: str
    customer: Customer
    messages: Iterable[Message]
    replies: tuple[ReplyLine, ...]
    receipts: Mapping[ReplyId, ReceiptView]
    escalations: tuple[tuple[Escalation, str], ...]
    resolutions: tuple[Resolution, ...]
    recalls: tuple[Recall, ...]
    articles_path: str
    queue_names: Mapping[str, str]
    ratings: tuple[Rating, ...] = ()
    holdings: tuple[Holding, ...] = ()


def thread(story: Story) -> tuple[views.BrandThreadEntry, ...]:
    """Messages in clear with their receipts, and between them what happened to the ticket."""
    replies = {reply.message: reply for reply in story.replies}
    said = [_said(story, message, replies) for message in story.messages]
    happened = [
        views.BrandThreadEntry(
            message=ThreadMessage(author=Speaker.SYSTEM, author_label="Ticket", text=text, sent_at=at)
        )
        for at, text in _happened(story)
    ]
    return tuple(sorted([*_before(story), *said, *happened], key=lambda entry: entry.message.sent_at))


def _before(story: Story) -> list[views.BrandThreadEntry]:
    """What was said before the ticket was posted, as the brand sent it along."""
    if not story.ticket.context:
        return []
    earlier = ThreadMessage(
        author=Speaker.SYSTEM,
        author_label="Conversation before",
        text=story.ticket.context,
        sent_at=story.ticket.posted_at,
    )
    return [views.BrandThreadEntry(message=earlier)]


def _said(story: Story, message: Message, replies: Mapping[MessageId, ReplyLine]) -> views.BrandThreadEntry:
    reply = replies.get(message.id)
    if reply is None:
        is_brand = message.author is Author.BRAND
        who = story.brand if is_brand else story.customer.name or "Customer"
        speaker = Speaker.BRAND if is_brand else Speaker.CUSTOMER
        return views.BrandThreadEntry(
            message=ThreadMessage(
                author=speaker, author_label=who, text=message.body, sent_at=message.written_at
            )
        )
    return views.BrandThreadEntry(
        message=ThreadMessage(
            author=Speaker.WORKER,
            author_label=receipt_views.alias(reply.worker_name),
            text=message.body,
            sent_at=reply.sent_at or reply.written_at,
            affiliation_label=reply.label,
            state=REPLY_STATES[reply.state],
        ),
        receipt=_receipt(story, reply),
    )


def _receipt(story: Story, reply: ReplyLine) -> Receipt | None:
    stored = story.receipts.get(reply.id)
    if stored is None:
        return None
    return receipt_views.receipt(
        stored,
        worker_alias=receipt_views.alias(reply.worker_name),
        sent_at=reply.sent_at or reply.written_at,
        label=reply.label,
        articles_path=story.articles_path,
    )


def _happened(story: Story) -> Iterable[tuple[datetime, str]]:
    for holding in story.holdings:
        yield holding.at, _held_up(holding)
    for escalation, worker in story.escalations:
        reason = ESCALATION_REASONS[escalation.reason]
        queue = story.queue_names.get(escalation.queue, escalation.queue)
        raised = f"Escalated to {queue} by {receipt_views.alias(worker)}: {reason}."
        yield escalation.escalated_at, f"{raised} “{escalation.note}”" if escalation.note else raised
        if escalation.decided_at is not None:
            yield escalation.decided_at, _decision(escalation)
    for resolution in story.resolutions:
        yield resolution.resolved_at, f"Resolved by {RESOLVERS[resolution.by]}."
        if resolution.reopened_at is not None:
            yield resolution.reopened_at, "Reopened by the customer’s message."
    yield from recall_views.happened(story.recalls)
    for rating in story.ratings:
        yield rating.rated_at, f"Rated by the customer: {rating_label(rating)}."


def rating_label(rating: Rating) -> str:
    """ "4 of 5 stars, too slow: “Took two days.”" """
    reason = f", {RATING_REASONS[rating.reason]}" if rating.reason else ""
    comment = f": “{rating.comment}”" if rating.comment else ""
    return f"{rating.stars} of {MOST_STARS} stars{reason}{comment}"


def _held_up(holding: Holding) -> str:
    if holding.kept:
        return f"Kept by you: {holding.reason}."
    return WAITS_FOR.get(holding.reason, f"Waits: {holding.reason}.")


def _decision(escalation: Escalation) -> str:
    said = f"Escalation {escalation.state} by {escalation.decided_by}."
    if escalation.needless_reason is not None:
        said += f" No fee, for the replies before it were needless: “{escalation.needless_reason}”"
    return f"{said} “{escalation.decision_note}”" if escalation.decision_note else said


def facts(
    story: Story, *, category: str, language: str, terms_version: int | None
) -> tuple[views.TicketFact, ...]:
    ticket, customer = story.ticket, story.customer
    who = ", ".join(part for part in (customer.name, customer.email) if part) or "not named"
    terms = f"version {terms_version}, fixed for this ticket" if terms_version else "fixed when it opens"
    pairs = (
        ("Customer", who),
        ("Category", category),
        ("Channel", f"{CHANNELS[ticket.channel]}, {language}"),
        ("Your number", ticket.external_id),
        ("Terms", terms),
        *(("Rating", f"{rating.stars} of {MOST_STARS} stars") for rating in story.ratings[-1:]),
    )
    return tuple(views.TicketFact(label=label, value=value) for label, value in pairs)


def linked(label: str, ticket: Ticket, *, tickets_path: str) -> views.LinkedTicket:
    return views.LinkedTicket(
        label=label,
        href=f"{tickets_path}/{ticket.id}",
        number=number_label(ticket.number),
        subject=ticket.subject,
        state=STATES[ticket.state],
    )


def shown_guidance(found: SuggestionView | None, *, articles_path: str) -> views.ShownGuidance | None:
    if found is None:
        return None
    sure = f"{round(100 * found.confidence)} % sure"
    drafted = f"Guidance had drafted an answer and was {sure}."
    silent = f"Guidance found no grounded answer ({sure}) and said so."
    return views.ShownGuidance(
        sentence=drafted if found.state is SuggestionState.READY else silent,
        next_step=found.next_step,
        passages=receipt_views.passages_of(found, articles_path),
    )


def escalation_panel(
    story: Story, *, path: str, may: bool, fee: Money | None, replies_before: int
) -> views.Escalation | None:
    """The escalation that waits for the brand's word, if one does."""
    waiting = [one for one, _ in story.escalations if one.state is EscalationState.OPEN]
    if not waiting:
        return None
    reason = "" if may else NOT_YOURS
    return views.Escalation(
        reason=ESCALATION_REASONS[waiting[-1].reason],
        queue=story.queue_names.get(waiting[-1].queue, waiting[-1].queue),
        note=waiting[-1].note,
        raised_at=waiting[-1].escalated_at,
        decide_by=waiting[-1].decide_by,
        replies_before=replies_before,
        confirm_action=Action(
            href=f"{path}/escalation-confirmation",
            label="Confirm: ours to answer",
            allowed=may,
            reason=reason,
        ),
        reject_action=Action(
            href=f"{path}/escalation-rejection",
            label="Reject: it could have been answered",
            allowed=may,
            reason=reason,
        ),
        fee=fee,
    )


def message_action(story: Story, *, path: str, may: bool) -> Action:
    """Adding what the customer wrote; after the review window it opens a ticket that goes on from this one."""
    reason = _no_message(story) if may else NOT_YOURS
    return Action(href=f"{path}/messages", label="Add the message", allowed=not reason, reason=reason)


def ending_actions(ticket: Ticket, *, path: str, may: bool) -> tuple[Action, Action]:
    """The customer's confirmation and the brand's own resolution: both need an answer to accept."""
    reason = _no_ending(ticket.state) if may else NOT_YOURS
    return (
        Action(href=f"{path}/confirmation", label="Customer confirms it", allowed=not reason, reason=reason),
        Action(href=f"{path}/resolution", label="Resolve it", allowed=not reason, reason=reason),
    )


def _no_message(story: Story) -> str:
    state = story.ticket.state
    if state in CLOSED_STATES:
        return f"The ticket is {STATES[state].label}. Post the message as a new ticket."
    return ""


def _no_ending(state: TicketState) -> str:
    match state:
        case TicketState.ANSWERED:
            return ""
        case TicketState.RESOLVED:
            return "The ticket is resolved already."
        case TicketState.ESCALATED:
            return "The ticket is yours: a worker escalated it."
        case TicketState.HELD_BACK:
            return "You answer this one yourself, outside the pool. Withdraw it when that is done."
        case TicketState.CLAIMED:
            return "A worker is writing an answer."
        case _:
            return "There is no answer yet."

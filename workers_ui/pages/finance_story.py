"""One earning from ticket to transfer, as steps and postings for one screen."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from uuid import UUID

from billing import ledger
from billing.finance_queries import Story, StoryPayout, amount_of
from billing.models import EarningKind, EarningState, PayoutBatch, PayoutState, Side
from guidance.queries import ReceiptView
from marketplace.kernel.ids import EarningId, ReplyId, WorkerId
from marketplace.kernel.money import Money
from marketplace.tickets.masking import mask
from marketplace.tickets.models import (
    Claim,
    Escalation,
    EscalationReason,
    EscalationState,
    Reply,
    ReplyState,
    Resolution,
    ResolvedBy,
)
from marketplace.tickets.recall_models import Recall, RecallKind, RecallPay
from workers_ui.pages import receipt_views
from workers_ui.pages.finance_labels import PAYOUT_BADGES
from workers_ui.pages.finance_views import EARNINGS, address
from workers_ui.presenters.finance import Fact, Posting, PostingEntry, StoryStep
from workers_ui.presenters.receipts import Receipt

RESOLVED_BECAUSE = {
    ResolvedBy.CUSTOMER: "The customer confirmed that it is solved.",
    ResolvedBy.SILENCE: "The customer had nothing to add until the waiting time ended.",
    ResolvedBy.BRAND: "The brand closed it as solved.",
}
ESCALATED_BECAUSE = {
    EscalationReason.NO_GROUNDED_ANSWER: "The brand's knowledge holds no answer.",
    EscalationReason.NEEDS_BRAND_ACTION: "Only the brand can do what is needed.",
    EscalationReason.POLICY_EXCEPTION: "It asks for an exception from a rule.",
    EscalationReason.SENSITIVE: "It is sensitive.",
    EscalationReason.OTHER: "For another reason, in the note.",
}
EARNED_FOR = {
    EarningKind.RESOLUTION: "a resolution",
    EarningKind.ESCALATION: "a confirmed escalation",
    EarningKind.RECALL: "a ticket that the brand took back",
    EarningKind.TIP: "a tip of the brand",
    EarningKind.BONUS: "a day below the hourly floor",
    EarningKind.RESTORED: "rejected pay that an appeal restored",
}
LOOKED_AT = {
    EarningState.HELD: "Held by the platform",
    EarningState.DISPUTED: "Disputed by the brand",
    EarningState.REJECTED: "Rejected; the pay went back to the brand",
}
RECALLED = {
    RecallKind.TAKE_BACK: "The brand took the ticket back, to answer it itself.",
    RecallKind.WITHDRAWAL: "The brand withdrew the ticket.",
}
RECALL_PAYS = {
    RecallPay.NOTHING: "Nobody had worked on it: nothing is paid.",
    RecallPay.ESCALATION_FEE: "There was no reply yet: who was on it earns the escalation fee.",
    RecallPay.FULL_PRICE: "There was a reply: the full price is paid.",
}


def in_queue(earning: EarningId | None, query: Mapping[str, str]) -> str:
    """The address of another earning of the same queue; empty where there is none."""
    return address(f"{EARNINGS}/{earning}", **query) if earning else ""


def steps(story: Story, receipts: Sequence[ReceiptView]) -> tuple[StoryStep, ...]:
    """What happened, in order: ticket, terms, the work, its end, the earning, the batch, the transfer."""
    by_reply = {receipt.reply: receipt for receipt in receipts}
    work = sorted(_work(story, by_reply), key=lambda step: step.happened_at or story.ticket.posted_at)
    return (_posted(story), _terms(story), *work, _earned(story), *_after(story))


def postings(story: Story) -> tuple[Posting, ...]:
    """Each ledger transaction with its entries."""
    in_order = groupby(story.postings, key=lambda leg: (leg.txn, leg.kind, leg.key, leg.posted_at))
    return tuple(
        Posting(kind=kind, key=key, posted_at=at, entries=tuple(_entry(story, leg) for leg in legs))
        for (_, kind, key, at), legs in in_order
    )


def _posted(story: Story) -> StoryStep:
    ticket = story.ticket
    return StoryStep(
        title="Posted",
        happened_at=ticket.posted_at,
        summary=f"{story.brand_name} posted ticket #{ticket.number}.",
        reply_text=story.question,
        facts=(
            Fact(label="Channel", value=ticket.channel.value),
            Fact(label="Language", value=ticket.language),
            Fact(label="Category", value=ticket.category),
            Fact(label="The brand's own number", value=ticket.external_id),
        ),
    )


def _terms(story: Story) -> StoryStep:
    terms = story.terms
    reserved = next((leg.posted_at for leg in story.postings if leg.kind == "reserve"), terms.created_at)

    def money(amount_minor: int) -> Money:
        return Money(amount_minor=amount_minor, currency=terms.currency)

    return StoryStep(
        title="Price reserved",
        happened_at=reserved,
        summary=f"Version {terms.version} of the terms for {terms.category}, frozen for this ticket.",
        facts=(
            Fact(label="Total", amount=money(terms.total_minor)),
            Fact(label=f"Platform fee ({terms.fee_basis_points / 100:g} %)", amount=money(terms.fee_minor)),
            Fact(label="Worker's pay", amount=money(terms.pay_minor)),
            Fact(label="If escalated", amount=money(terms.escalation_fee_minor)),
            Fact(label="Review window", value=f"{terms.review_window_hours} hours"),
        ),
    )


def _work(story: Story, receipts: dict[ReplyId, ReceiptView]) -> Iterator[StoryStep]:
    for claim in story.claims:
        yield _claimed(story, claim)
    for reply in story.replies:
        yield _replied(story, reply, receipts.get(reply.id))
    for escalation in story.escalations:
        yield from _escalated(story, escalation)
    for resolution in story.resolutions:
        yield from _resolved(story, resolution)
    for recall in story.recalls:
        yield _recalled(story, recall)


def _claimed(story: Story, claim: Claim) -> StoryStep:
    ended = () if claim.ended_at is None else (Fact(label="Ended", at=claim.ended_at),)
    reason = "" if claim.end_reason is None else f" It ended: {claim.end_reason.value.replace('_', ' ')}."
    return StoryStep(
        title="Claimed",
        happened_at=claim.claimed_at,
        summary=f"Claim {claim.number}, by {_worker(story, claim.worker_id)}.{reason}",
        facts=ended,
    )


def _replied(story: Story, reply: Reply, receipt: ReceiptView | None) -> StoryStep:
    if reply.message_id is None:
        return _wrote(story, reply)
    return StoryStep(
        title="Replied",
        happened_at=reply.written_at,
        summary=f"{_worker(story, reply.worker_id)} answered; the reply is {reply.state.value}.",
        reply_text=mask(reply.body).text,
        receipt=_receipt(story, reply, receipt) if receipt else None,
        facts=(
            *(() if reply.sent_at is None else (Fact(label="Sent", at=reply.sent_at),)),
            Fact(label="Label sent with it", value=reply.label),
            Fact(label="Proof of the label", value=reply.label_proof),
        ),
        done=reply.sent_at is not None,
    )


def _wrote(story: Story, reply: Reply) -> StoryStep:
    """A reply that the customer never got: it waits for its approval, or came back."""
    waits = reply.state is ReplyState.AWAITING_APPROVAL
    became = "it waits for the brand's approval" if waits else "it was not sent, and pays nobody"
    return StoryStep(
        title="Wrote a reply",
        happened_at=reply.written_at,
        summary=f"{_worker(story, reply.worker_id)} wrote this; {became}.",
        reply_text=mask(reply.body).text,
        done=not waits,
    )


def _escalated(story: Story, escalation: Escalation) -> Iterator[StoryStep]:
    note = (Fact(label="Note", value=mask(escalation.note).text),) if escalation.note else ()
    yield StoryStep(
        title="Escalated",
        happened_at=escalation.escalated_at,
        summary=f"{_worker(story, escalation.worker_id)} handed it to the brand. "
        f"{ESCALATED_BECAUSE[escalation.reason]}",
        facts=note,
    )
    if escalation.decided_at is None:
        return
    confirmed = escalation.state is EscalationState.CONFIRMED
    yield StoryStep(
        title="Escalation confirmed" if confirmed else "Escalation rejected",
        happened_at=escalation.decided_at,
        summary=_decided(escalation),
        facts=(
            Fact(label="Decided by", value=escalation.decided_by or ""),
            *_said(("Needless before it", escalation.needless_reason), ("Note", escalation.decision_note)),
        ),
    )


def _decided(escalation: Escalation) -> str:
    if escalation.state is not EscalationState.CONFIRMED:
        return "It could have been answered: nothing is paid, and the price went back to the wallet."
    if escalation.needless_reason is not None:
        return "It was the brand's to answer, after needless messages: no fee, and the price went back."
    return "It was the brand's to answer: the worker earns the escalation fee."


def _said(*pairs: tuple[str, str | None]) -> tuple[Fact, ...]:
    return tuple(Fact(label=label, value=mask(text).text) for label, text in pairs if text)


def _resolved(story: Story, resolution: Resolution) -> Iterator[StoryStep]:
    pays = story.earning.resolution_id == resolution.id
    shares = _shares(story, resolution)
    yield StoryStep(
        title="Resolved",
        happened_at=resolution.resolved_at,
        summary=RESOLVED_BECAUSE[resolution.by] + (" This earning is its pay." if pays else ""),
        facts=(*shares, Fact(label="Review window ends", at=resolution.window_ends_at)),
    )
    if resolution.reopened_at is not None:
        yield StoryStep(
            title="Reopened",
            happened_at=resolution.reopened_at,
            summary="The ticket came back inside its window: its pay returned to the reservation."
            + (" This earning was taken back." if pays else ""),
        )


def _recalled(story: Story, recall: Recall) -> StoryStep:
    return StoryStep(
        title="Taken back" if recall.kind is RecallKind.TAKE_BACK else "Withdrawn",
        happened_at=recall.recalled_at,
        summary=f"{RECALLED[recall.kind]} {RECALL_PAYS[recall.pays]}",
        facts=(
            *_shares(story, recall),
            Fact(label="Reason", value=mask(recall.reason).text),
            Fact(label="By", value=recall.by),
        ),
    )


def _shares(story: Story, resolution: Resolution | Recall) -> tuple[Fact, ...]:
    """Who earns which part, where it is more than one."""
    if len(resolution.credits) < 2:
        return ()
    weights = sum(int(credit["weight"]) for credit in resolution.credits)
    return tuple(
        Fact(
            label=f"Share of {_worker(story, WorkerId(UUID(credit['worker'])))}",
            value=f"{int(credit['weight']) * 100 // weights} %",
        )
        for credit in resolution.credits
    )


def _earned(story: Story) -> StoryStep:
    earning = story.earning
    return StoryStep(
        title="Earned",
        happened_at=earning.accrued_at,
        summary=f"{_worker(story, earning.worker_id)} earned, for {EARNED_FOR[earning.kind]}.",
        facts=(
            Fact(label="Amount", amount=amount_of(earning)),
            Fact(label="Earning", value=str(earning.id)),
        ),
    )


def _after(story: Story) -> Iterator[StoryStep]:
    earning = story.earning
    if earning.state is EarningState.REVERSED:
        return  # its resolution's step says that it was reopened
    if earning.state in LOOKED_AT:
        yield StoryStep(
            title=LOOKED_AT[earning.state], happened_at=None, summary="It is not paid.", done=False
        )
        return
    if earning.payable_at is None:
        yield StoryStep(
            title="Review window",
            happened_at=None,
            summary="Payable once the window closes without a reopening.",
            facts=(Fact(label="Closes", at=earning.window_ends_at),),
            done=False,
        )
        return
    yield StoryStep(
        title="Review window closed",
        happened_at=earning.payable_at,
        summary="The pay is the worker's for good.",
    )
    for one in story.payouts:
        yield _batched(story, one.batch)
        if one.payout.state is not PayoutState.VOID:
            yield _transferred(one)
    if not any(one.live for one in story.payouts):
        yield StoryStep(title="Batch", happened_at=None, summary="The next batch may take it.", done=False)


def _batched(story: Story, batch: PayoutBatch) -> StoryStep:
    signed = (
        ("Drafted by", batch.created_by),
        ("Submitted by", batch.submitted_by),
        ("Approved by", batch.approved_by),
        ("Also approved by", batch.seconded_by),
        ("Released by", batch.released_by),
    )
    who = (
        Fact(label=label, value=story.person_names[person]) for label, person in signed if person is not None
    )
    return StoryStep(
        title=f"Batch {batch.number}",
        happened_at=batch.created_at,
        summary=f"The batch is {batch.state.value.replace('_', ' ')}.",
        facts=(*who, Fact(label="Content hash", value=batch.content_hash)),
        done=batch.approved_by is not None,
    )


def _transferred(one: StoryPayout) -> StoryStep:
    payout = one.payout
    amount = Fact(label="Amount", amount=Money(amount_minor=payout.amount_minor, currency=payout.currency))
    to = Fact(label="To", value=payout.destination)
    kept = Money(amount_minor=payout.netted_minor, currency=payout.currency)
    netted = (Fact(label="Kept against debt", amount=kept),) if payout.netted_minor else ()
    sent = () if payout.stripe_transfer is None else (Fact(label="Transfer", value=payout.stripe_transfer),)
    call = () if one.call is None else (Fact(label="Request's key", value=one.call.key),)
    return StoryStep(
        title="Transfer",
        happened_at=one.batch.finished_at if payout.state is PayoutState.REJECTED else payout.paid_at,
        summary=_transfer_summary(one),
        facts=(amount, *netted, *sent, to, *call),
        done=payout.state is PayoutState.ACCEPTED,
    )


def _transfer_summary(one: StoryPayout) -> str:
    others = one.earnings - 1
    with_others = f"together with {others} more" if others else "for this earning alone"
    if one.payout.failure:
        return f"{PAYOUT_BADGES[one.payout.state].label.capitalize()}: {one.payout.failure}"
    match one.payout.state:
        case PayoutState.PLANNED:
            return f"One transfer, {with_others}; it waits for two signatures and the release."
        case PayoutState.ACCEPTED:
            return f"Stripe accepted one transfer, {with_others}."
        case PayoutState.NETTED:
            return f"Nothing was sent, {with_others}: all of it went against what the worker owed."
        case (
            PayoutState.SENDING
            | PayoutState.UNKNOWN
            | PayoutState.REJECTED
            | PayoutState.VOID
            | PayoutState.CANCELLED
        ):
            return f"One transfer, {with_others}: {PAYOUT_BADGES[one.payout.state].label}."


def _receipt(story: Story, reply: Reply, stored: ReceiptView) -> Receipt:
    return receipt_views.receipt(
        stored,
        worker_alias=_worker(story, reply.worker_id),
        sent_at=reply.sent_at or reply.written_at,
        label=reply.label,
    )


def _entry(story: Story, leg: ledger.Posting) -> PostingEntry:
    return PostingEntry(
        account=" · ".join(_account(story, leg)),
        debit=leg.amount if leg.side is Side.DEBIT else None,
        credit=leg.amount if leg.side is Side.CREDIT else None,
    )


def _account(story: Story, leg: ledger.Posting) -> Iterable[str]:
    yield leg.code
    if leg.brand is not None:
        yield story.brand_names[leg.brand]
    if leg.worker is not None:
        yield _worker(story, leg.worker)


def _worker(story: Story, worker: WorkerId) -> str:
    return story.worker_names.get(worker, "another worker")

"""Finance's rows and totals as view models."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from urllib.parse import urlencode

from babel.numbers import format_currency

from billing.batch_queries import PAYOUT_ROWS, BatchCard, PayoutRow, ReadyToPay
from billing.earning_queue import PAGE_ROWS
from billing.models import BatchState, EarningState, PayoutState, ReviewCause
from billing.payout_holds import Held
from billing.payout_models import PayoutsStop
from billing.payout_rules import minimum_payout_minor
from marketplace.kernel.ids import PersonId
from marketplace.kernel.money import Money
from workers_ui.pages.finance_labels import BATCH_BADGES, EARNING_BADGES, HOLD_BADGES, PAYOUT_BADGES
from workers_ui.presenters.finance import (
    BatchLine,
    BatchRow,
    HoldRow,
    PayoutsSwitch,
    Signature,
    StateSum,
)
from workers_ui.presenters.values import ONE_PAGE, Action, FormState, Notice, Pager, Tone
from workers_ui.templating import major_units

EARNINGS = "/finance/earnings"
BATCHES = "/finance/batches"
HOLDS = "/finance/held-workers"


def address(base: str, **asked: object) -> str:
    """`base` with the parameters that say something."""
    given = {name: str(value) for name, value in asked.items() if value}
    return f"{base}?{urlencode(given)}" if given else base


def pager(base: str, query: Mapping[str, str], *, page: int, shown: int, rows: int = PAGE_ROWS) -> Pager:
    """Links to the pages beside this one; `shown` is how many rows it has of `rows` at most."""
    if page == 1 and shown < rows:
        return ONE_PAGE
    first = (page - 1) * rows
    return Pager(
        previous_href=address(base, **query, page=page - 1 if page > 2 else "") if page > 1 else "",
        next_href=address(base, **query, page=page + 1) if shown == rows else "",
        label=f"{first + 1:,} to {first + shown:,}" if shown else "Nothing on this page",
    )


def batch_row(card: BatchCard) -> BatchRow:
    return BatchRow(
        batch=str(card.batch.id),
        number=str(card.batch.number),
        state=BATCH_BADGES[card.batch.state],
        payout_count=card.payouts,
        earning_count=card.earnings,
        amount=card.amount,
        created_at=card.batch.created_at,
        created_by=card.name(card.batch.created_by),
    )


def payable_sums(ready: Sequence[ReadyToPay]) -> tuple[StateSum, ...]:
    """What a batch drafted now would hold."""
    badge = EARNING_BADGES[EarningState.PAYABLE]
    return tuple(StateSum(state=badge, count=one.earnings, amount=one.ready) for one in ready if one.earnings)


def left_out(ready: Sequence[ReadyToPay]) -> tuple[Notice, ...]:
    """What is payable and has to wait, by currency."""
    return tuple(
        Notice(
            text=f"{_count(one.waiting_earnings, 'earning')} of {_count(one.waiting_workers, 'worker')} in "
            f"{one.waiting.currency.upper()} wait: no account that takes transfers yet, held, or below the "
            f"minimum payout of {_amount(minimum_payout(one.waiting.currency))}. They stay payable.",
            href=address(EARNINGS, state=EarningState.PAYABLE.value),
            link_label="Show what is payable",
        )
        for one in ready
        if one.waiting_earnings
    )


def minimum_payout(currency: str) -> Money:
    return Money(amount_minor=minimum_payout_minor(currency), currency=currency)


REVIEWS = {
    ReviewCause.FIRST_PAYOUT: "This worker's first payout",
    ReviewCause.BANK_CHANGED: "To a new account or bank",
}


def payout_line(row: PayoutRow, *, may_cancel: bool) -> BatchLine:
    """`may_cancel`: the batch is released, and this person may stop what Stripe was not asked for."""
    waits = may_cancel and row.state in (PayoutState.PLANNED, PayoutState.SENDING)
    return BatchLine(
        notes=tuple(_notes(row)),
        cancel=Action(href=f"/finance/payouts/{row.payout}/cancel", label="Do not send") if waits else None,
        payout=str(row.payout),
        worker=row.worker_name,
        earning_count=row.earnings,
        amount=row.amount,
        state=PAYOUT_BADGES[row.state],
        transfer=row.transfer or "",
        problem=row.failure or "",
    )


def _notes(row: PayoutRow) -> Iterator[str]:
    if row.review is not None:
        yield f"{REVIEWS[row.review]}: {'confirmed' if row.reviewed else 'look before it is submitted'}."
    if row.netted.amount_minor:
        yield f"{_amount(row.netted)} is kept against what they owed."
    if row.reversed.amount_minor:
        yield f"{_amount(row.reversed)} came back."


def batch_callouts(card: BatchCard, stop: PayoutsStop | None) -> tuple[Notice, ...]:
    """What keeps this batch from going on."""
    batch, found = card.batch, []
    if card.unseen and batch.state is BatchState.DRAFT:
        found.append(
            Notice(
                text=f"{_count(card.unseen, 'payout')} to confirm before the batch is submitted: a worker's first, "
                "or to a new account or bank. Who confirms may submit, and somebody else approves.",
                tone=Tone.WARN,
            )
        )
    if batch.shortfall_minor is not None and batch.state is BatchState.RELEASING:
        missing = Money(amount_minor=batch.shortfall_minor, currency=batch.currency)
        found.append(
            Notice(text=f"{_amount(missing)} is missing at Stripe. {batch.shortfall_note}", tone=Tone.BAD)
        )
    if stop is not None and batch.finished_at is None:
        found.append(Notice(text=f"All payouts are stopped: {stop.reason}", tone=Tone.BAD, href=BATCHES))
    return tuple(found)


def signatures(card: BatchCard) -> tuple[Signature, ...]:
    """Who did what to the batch so far."""
    batch = card.batch
    acts = (
        ("Drafted", batch.created_by, batch.created_at),
        ("Submitted", batch.submitted_by, batch.submitted_at),
        ("Approved", batch.approved_by, batch.approved_at),
        ("Approved as the second", batch.seconded_by, batch.seconded_at),
        ("Released", batch.released_by, batch.released_at),
    )
    return tuple(
        Signature(act=act, person=card.name(person), at=at) for act, person, at in acts if at is not None
    )


def batch_actions(card: BatchCard, person: PersonId, *, needs_second: bool) -> tuple[Action, ...]:
    """The next step, if there is one: allowed or with the reason why not for `person`."""
    base = f"{BATCHES}/{card.batch.id}"
    match card.batch.state:
        case BatchState.DRAFT if card.unseen:
            return (
                Action(
                    href=f"{base}/confirmation", label=f"I looked: confirm {_count(card.unseen, 'payout')}"
                ),
                Action(
                    href=f"{base}/submission",
                    label="Submit for approval",
                    allowed=False,
                    reason="Some payouts have to be confirmed first.",
                ),
            )
        case BatchState.DRAFT:
            return (Action(href=f"{base}/submission", label="Submit for approval"),)
        case BatchState.APPROVED if needs_second:
            own = person in (card.batch.submitted_by, card.batch.approved_by)
            reason = "You signed it already. A third person has to approve it." if own else ""
            return (
                Action(
                    href=f"{base}/second-approval",
                    label="Approve as the second",
                    allowed=not own,
                    reason=reason,
                ),
            )
        case BatchState.SUBMITTED:
            own = card.batch.submitted_by == person
            reason = "You submitted it. A second person has to approve it." if own else ""
            return (Action(href=f"{base}/approval", label="Approve", allowed=not own, reason=reason),)
        case BatchState.APPROVED:
            return (Action(href=f"{base}/release", label="Release the payouts"),)
        case _:
            return ()


def void_action(card: BatchCard) -> Action | None:
    """A batch may be given up until it is released."""
    if card.batch.state not in (BatchState.DRAFT, BatchState.SUBMITTED, BatchState.APPROVED):
        return None
    return Action(href=f"{BATCHES}/{card.batch.id}/void", label="Give the batch up")


def is_under_way(card: BatchCard) -> bool:
    """Whether money of this batch has left, or may have."""
    return card.batch.state in (BatchState.RELEASING, BatchState.DONE, BatchState.DONE_WITH_FAILURES)


def batch_pager(card: BatchCard, *, page: int, shown: int) -> Pager:
    return pager(f"{BATCHES}/{card.batch.id}", {}, page=page, shown=shown, rows=PAYOUT_ROWS)


def payouts_switch(stop: PayoutsStop | None, name: str, form: FormState) -> PayoutsSwitch:
    if stop is None:
        return PayoutsSwitch(form=form)
    return PayoutsSwitch(
        reason=stop.reason, thrown_by=name or "A check of ours", thrown_at=stop.thrown_at, form=form
    )


def hold_row(held: Held, goes_at: datetime | None) -> HoldRow:
    return HoldRow(
        worker=held.worker_name,
        cause=HOLD_BADGES[held.cause],
        reason=held.reason,
        placed_by=held.placed_by or "What Stripe said",
        placed_at=held.placed_at,
        waiting=held.waiting,
        lift=Action(href=f"{HOLDS}/{held.hold}/lift", label="Let them be paid again"),
        goes_at=goes_at,
    )


def _amount(amount: Money) -> str:
    return str(format_currency(major_units(amount), amount.currency.upper(), locale="en"))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"

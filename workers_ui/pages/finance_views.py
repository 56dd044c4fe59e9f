"""Finance's rows and totals as view models."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from billing.batch_queries import PAYOUT_ROWS, BatchCard, PayoutRow, ReadyToPay
from billing.earning_queue import PAGE_ROWS
from billing.models import BatchState, EarningState
from marketplace.kernel.ids import PersonId
from workers_ui.pages.finance_labels import BATCH_BADGES, EARNING_BADGES, PAYOUT_BADGES
from workers_ui.presenters.finance import BatchLine, BatchRow, Signature, StateSum
from workers_ui.presenters.values import ONE_PAGE, Action, Notice, Pager

EARNINGS = "/finance/earnings"
BATCHES = "/finance/batches"


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
            f"{one.waiting.currency.upper()} wait: no account that takes transfers yet, or below the minimum "
            "payout. They stay payable.",
            href=address(EARNINGS, state=EarningState.PAYABLE.value),
            link_label="Show what is payable",
        )
        for one in ready
        if one.waiting_earnings
    )


def payout_line(row: PayoutRow) -> BatchLine:
    return BatchLine(
        payout=str(row.payout),
        worker=row.worker_name,
        earning_count=row.earnings,
        amount=row.amount,
        state=PAYOUT_BADGES[row.state],
        transfer=row.transfer or "",
        problem=row.failure or "",
    )


def signatures(card: BatchCard) -> tuple[Signature, ...]:
    """Who did what to the batch so far."""
    batch = card.batch
    acts = (
        ("Drafted", batch.created_by, batch.created_at),
        ("Submitted", batch.submitted_by, batch.submitted_at),
        ("Approved", batch.approved_by, batch.approved_at),
        ("Released", batch.released_by, batch.released_at),
    )
    return tuple(
        Signature(act=act, person=card.name(person), at=at) for act, person, at in acts if at is not None
    )


def batch_actions(card: BatchCard, person: PersonId) -> tuple[Action, ...]:
    """The next step, if there is one: allowed or with the reason why not for `person`."""
    base = f"{BATCHES}/{card.batch.id}"
    match card.batch.state:
        case BatchState.DRAFT:
            return (Action(href=f"{base}/submission", label="Submit for approval"),)
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


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"

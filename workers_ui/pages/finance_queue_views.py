"""The queue of earnings in words: rows, sums, what it is narrowed to, filters kept, many held at once."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

from billing.earning_queue import AGES, NOT_SENT, AgeTotal, EarningLine, StateTotal
from billing.models import EarningKind, EarningState
from billing.queue_models import BulkHold, SavedView
from workers_ui.pages.finance_filters import (
    CURRENCY_CHOICES,
    FLAG_CHOICES,
    FLAGS,
    KIND_CHOICES,
    KINDS,
    Asked,
)
from workers_ui.pages.finance_labels import EARNING_BADGES
from workers_ui.pages.finance_views import EARNINGS, address
from workers_ui.presenters.finance import StateSum
from workers_ui.presenters.finance_queue import (
    AgeCell,
    AgeingRow,
    EarningRow,
    FilterForm,
    HoldRefusal,
    KeptView,
)
from workers_ui.presenters.values import Badge, Choice, FilterTab, Notice, Tone

OWED = (EarningState.IN_WINDOW, EarningState.PAYABLE, EarningState.HELD, EarningState.DISPUTED)
KIND_BADGES: Mapping[EarningKind, Badge] = {
    kind: Badge(label=label.lower(), tone=Tone.INFO)
    for kind, label in KINDS.items()
    if kind is not EarningKind.RESOLUTION
}
NO_ACCOUNT = Badge(label="no payout account", tone=Tone.WARN)
REASONS: Mapping[str, str] = {
    "quality": "The answer is being looked at again",
    "account": "The account is being looked at",
    "duplicate": "It may be paid twice",
    "asked": "The brand asked for it",
    "other": "Another reason",
}
"""Why earnings are held; the worker reads it."""

REASON_CHOICES = tuple(Choice(value=key, label=label) for key, label in REASONS.items())


def queue_address(query: Mapping[str, str], **changed: str) -> str:
    return address(EARNINGS, **{**query, **changed})


def reason(why: str, note: str) -> str:
    """What the worker reads; empty when no reason was chosen."""
    said = REASONS.get(why, "")
    return f"{said}: {note.strip()}" if said and note.strip() else said


def earning_row(line: EarningLine, query: Mapping[str, str]) -> EarningRow:
    """One row; the worker's and the brand's names narrow the list that is asked for by `query`."""
    without = not line.can_receive and line.state in NOT_SENT
    kind = KIND_BADGES.get(line.kind)
    return EarningRow(
        earning=str(line.earning),
        href=address(f"{EARNINGS}/{line.earning}", **query),
        worker=line.worker_name,
        brand=line.brand_name,
        ticket_number=f"#{line.ticket_number}",
        subject=line.subject,
        amount=line.amount,
        state=EARNING_BADGES[line.state],
        earned_at=line.accrued_at,
        flags=(*((kind,) if kind else ()), *((NO_ACCOUNT,) if without else ())),
        worker_href=queue_address(query, worker=str(line.worker)),
        brand_href=queue_address(query, brand=line.brand_slug),
    )


def earning_tabs(totals: Sequence[StateTotal], asked: Asked) -> tuple[FilterTab, ...]:
    """All, and every state, each with its count under the other filters."""
    counts = {state: sum(one.count for one in totals if one.state is state) for state in EarningState}
    everything = FilterTab(
        label="All",
        href=queue_address(asked.query, state=""),
        count=sum(counts.values()),
        current=asked.filter.state is None,
    )
    by_state = (
        FilterTab(
            label=EARNING_BADGES[state].label.capitalize(),
            href=queue_address(asked.query, state=state.value),
            count=count,
            current=asked.filter.state is state,
        )
        for state, count in counts.items()
    )
    return (everything, *by_state)


def state_sums(totals: Sequence[StateTotal], state: EarningState | None) -> tuple[StateSum, ...]:
    """One sum per state and currency; of one state alone where it is chosen."""
    return tuple(
        StateSum(state=EARNING_BADGES[one.state], count=one.count, amount=one.amount)
        for one in totals
        if state in (None, one.state)
    )


def count_matching(totals: Sequence[StateTotal], state: EarningState | None) -> int:
    return sum(one.count for one in totals if state in (None, one.state))


def narrowings(asked: Asked) -> tuple[Notice, ...]:
    """The worker and brand the list is narrowed to, each with the way back."""
    named = (
        ("worker", asked.worker_name, "Only earnings of {}.", "Show every worker"),
        ("brand", asked.brand_name, "Only earnings at {}.", "Show every brand"),
    )
    return tuple(
        Notice(text=text.format(name), href=queue_address(asked.query, **{key: ""}), link_label=label)
        for key, name, text, label in named
        if name
    )


def filter_form(asked: Asked) -> FilterForm:
    return FilterForm(
        form=asked.form,
        kinds=KIND_CHOICES,
        currencies=CURRENCY_CHOICES,
        flags=FLAG_CHOICES,
        chosen=tuple(_in_words(asked)),
        kept={name: asked.query[name] for name in ("state", "worker", "brand") if name in asked.query},
        clear_href=queue_address({name: asked.query.get(name, "") for name in ("state", "worker", "brand")}),
    )


def _in_words(asked: Asked) -> list[str]:
    wanted, query = asked.filter, asked.query
    said = [
        f"“{wanted.text}”" if wanted.text else "",
        KINDS[wanted.kind] if wanted.kind else "",
        wanted.currency.upper() if wanted.currency else "",
        f"at least {query['least']}" if wanted.least_minor is not None else "",
        f"at most {query['most']}" if wanted.most_minor is not None else "",
        f"from {query['since']}" if wanted.since else "",
        f"to {query['until']}" if wanted.until else "",
        FLAGS[wanted.flag] if wanted.flag else "",
    ]
    return [one for one in said if one]


def saved_views(rows: Sequence[SavedView], asked: Asked) -> tuple[KeptView, ...]:
    return tuple(
        KeptView(
            name=row.name,
            href=queue_address(dict(parse_qsl(row.query))),
            current=row.query == asked.address,
        )
        for row in rows
    )


def refusals(row: BulkHold) -> tuple[HoldRefusal, ...]:
    return tuple(HoldRefusal(href=f"{EARNINGS}/{one['earning']}", why=one["why"]) for one in row.refusals)


def ageing_rows(totals: Sequence[AgeTotal], *, now: datetime) -> tuple[AgeingRow, ...]:
    """A row for each state and currency that owes anything; each cell leads to its earnings."""
    kinds = dict.fromkeys((one.state, one.amount.currency) for one in totals)
    by_place = {(one.state, one.amount.currency, one.age): one for one in totals}
    return tuple(
        AgeingRow(
            state=EARNING_BADGES[state],
            currency=currency.upper(),
            cells=tuple(_age_cell(by_place.get((state, currency, age)), age, now) for age in AGES),
        )
        for state, currency in sorted(kinds, key=lambda one: (OWED.index(one[0]), one[1]))
    )


def _age_cell(total: AgeTotal | None, age: str, now: datetime) -> AgeCell | None:
    if total is None:
        return None
    first, end = AGES[age]
    today = now.astimezone(UTC).date()
    since = (today - timedelta(days=end - 1)).isoformat() if end else ""
    until = (today - timedelta(days=first)).isoformat() if first else ""
    return AgeCell(
        count=total.count,
        amount=total.amount,
        href=address(
            EARNINGS, state=total.state.value, currency=total.amount.currency, since=since, until=until
        ),
    )

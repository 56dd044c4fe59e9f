"""A worker's money as pages show it: totals that nothing is in twice, pay sums by part, days, months."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_skeleton
from babel.numbers import format_currency

from billing.models import EarningKind, EarningState
from billing.next_payout import NextPayout, Waits
from billing.statements import MonthMoved, Movement, Statement
from billing.worker_queries import CurrencySums, EarningLine, PayoutAbility, SentTransfer
from marketplace.accounts.payable_countries import Payability
from marketplace.kernel.money import Money
from workers_ui.presenters import worker as views
from workers_ui.presenters.charts import Bar, BarChart
from workers_ui.presenters.frame import Frame
from workers_ui.presenters.values import Badge, Tone
from workers_ui.templating import major_units

CHART_DAYS = 7

STATES: Mapping[EarningState, Badge] = {
    EarningState.IN_WINDOW: Badge(label="pending"),
    EarningState.PAYABLE: Badge(label="payable", tone=Tone.GOOD),
    EarningState.BATCHED: Badge(label="in a batch", tone=Tone.INFO),
    EarningState.SENDING: Badge(label="on the way", tone=Tone.INFO),
    EarningState.SENT: Badge(label="paid", tone=Tone.GOOD),
    EarningState.REVERSED: Badge(label="taken back", tone=Tone.WARN),
    EarningState.HELD: Badge(label="held", tone=Tone.WARN),
    EarningState.DISPUTED: Badge(label="disputed", tone=Tone.WARN),
    EarningState.REJECTED: Badge(label="rejected", tone=Tone.WARN),
    EarningState.CLAWED_BACK: Badge(label="clawed back", tone=Tone.WARN),
    EarningState.UNCLAIMED: Badge(label="unclaimed", tone=Tone.WARN),
}
LOST: Mapping[EarningState, tuple[str, str]] = {
    EarningState.REVERSED: ("Taken back", "the ticket was reopened"),
    EarningState.REJECTED: ("Rejected", "see below"),
    EarningState.CLAWED_BACK: ("Rejected after it was paid", "your next payouts are less by it"),
}
BESIDE_THE_PRICE: Mapping[EarningKind, tuple[str, str]] = {
    EarningKind.TIP: ("Tip", "all of it is yours"),
    EarningKind.BONUS: ("Up to the hourly floor", "from Human Cloud"),
    EarningKind.RESTORED: ("Restored by your appeal", "the rejected line stays as it was"),
}
MOVEMENTS: Mapping[str, str] = {
    "accrue": "Earned",
    "escalate": "Escalation confirmed",
    "recall": "The brand took the ticket back",
    "reopen": "Taken back: the ticket was reopened",
    "sent": "Transfer",
    "reversed": "Transfer taken back",
    "write_off": "Debt written off",
    "reverse": "Put right",
    "net": "Kept against what you owed",
    "unnet": "Not kept after all: the transfer was not made",
    "escheat": "Went to unclaimed property",
    "tip": "Tip",
    "tip_refund": "Tip taken back by the brand",
    "bonus": "Up to the hourly floor",
    "qa_reject": "Rejected",
    "clawback": "Rejected after it was paid",
    "restore": "Restored by your appeal",
}


def totals(sums: CurrencySums, coming: NextPayout | None) -> views.EarningTotals:
    """`coming` is what the next payout in this currency would be, where anything is payable."""
    return views.EarningTotals(
        payable_note=_coming(coming) if coming else "goes into the next batch",
        may_ask_for_rest=coming is not None and coming.waits is Waits.SMALL,
        pending=sums.of(EarningState.IN_WINDOW),
        payable=sums.of(EarningState.PAYABLE, EarningState.BATCHED),
        on_the_way=sums.of(EarningState.SENDING),
        paid=sums.of(EarningState.SENT),
        today=sums.since,
    )


def _coming(coming: NextPayout) -> str:
    """What a payable sum waits for, in a few words."""
    netted = coming.netted.amount_minor
    less = f"less {written(coming.netted, Locale.parse('en'))} that you owe" if netted else ""
    match coming.waits:
        case Waits.NOTHING:
            return ", ".join(filter(None, ("next payout: the next batch", less)))
        case Waits.ACCOUNT:
            return "waits for your payout set-up"
        case Waits.HOLD | Waits.STOP:
            return f"waits: {coming.reason}"
        case Waits.SMALL:
            minimum = written(coming.minimum, Locale.parse("en"))
            return ", ".join(
                filter(None, (f"next payout: from {minimum} on, until then it is carried", less))
            )


def line(earned: EarningLine) -> views.EarningLine:
    taken_back = earned.state in LOST
    return views.EarningLine(
        earning=str(earned.earning),
        ticket_number=f"#{earned.ticket_number}",
        subject=earned.subject,
        brand=earned.brand,
        state=STATES[earned.state],
        amount=Money(amount_minor=0, currency=earned.amount.currency) if taken_back else earned.amount,
        earned_at=earned.accrued_at,
        payable_at=earned.window_ends_at if earned.state is EarningState.IN_WINDOW else None,
        sum_parts=_parts(earned),
    )


def chart(days: Mapping[date, Money], *, currency: str, today: date, locale: str) -> BarChart | None:
    """The last seven days as bars, with what they say in a sentence; None when nothing was earned in them."""
    shown = [today - timedelta(days=ago) for ago in reversed(range(CHART_DAYS))]
    nothing = Money(amount_minor=0, currency=currency)
    values = {day: days.get(day, nothing) for day in shown}
    total = sum(value.amount_minor for value in values.values())
    if not total:
        return None
    best = max(shown, key=lambda day: values[day].amount_minor)
    known = Locale.parse(locale, sep="-")
    whole = written(Money(amount_minor=total, currency=currency), known)
    return BarChart(
        caption=f"{whole} earned in seven days; {format_skeleton('EEEE', best, locale=known)} was the best "
        f"with {written(values[best], known)}.",
        column="Earned",
        bars=tuple(
            Bar(label=format_skeleton("E", day, locale=known), value=value) for day, value in values.items()
        ),
    )


def setup(ability: PayoutAbility, reach: Payability, *, payments_on: bool) -> views.PayoutSetup:
    """What stands between a worker and his money, and the one button that moves it on."""
    if ability.can_receive:
        bank = "Stripe passes it on to your bank." if ability.reaches_bank else "Your bank is not set up yet."
        return views.PayoutSetup(
            ready=True,
            title="Payout set-up",
            text=f"Transfers reach your account at Stripe. {bank}",
            action_label="Change at Stripe" if payments_on else "",
        )
    if reach is Payability.NONE:
        return views.PayoutSetup(
            ready=False,
            title="Payouts do not reach your country yet",
            text="What you earn stays yours and waits until they do.",
        )
    if not payments_on:
        return views.PayoutSetup(
            ready=False,
            title="Payouts are switched off here",
            text="This installation has no payment provider yet. What you earn stays yours and waits.",
        )
    if ability.begun:
        return views.PayoutSetup(
            ready=False,
            title="Finish your payout set-up",
            text=_unfinished(ability),
            action_label="Go on at Stripe",
        )
    return views.PayoutSetup(
        ready=False,
        title="Say where your money goes",
        text="Stripe pays you out. It asks who you are and for your bank account; we never see either.",
        action_label="Set up payouts",
    )


def statement_link(owed: MonthMoved) -> views.StatementLink:
    return views.StatementLink(month=owed.month, closing=owed.closing, paid=owed.paid)


def statement_page(
    frame: Frame, found: Statement, transfers: tuple[SentTransfer, ...], *, name: str, month: date
) -> views.StatementPage:
    sent = sum(one.amount.amount_minor for one in transfers)
    return views.StatementPage(
        frame=frame,
        worker_name=name,
        month=month,
        opening=found.opening,
        movements=tuple(_movement(one) for one in found.movements),
        closing=found.closing,
        earned=found.earned,
        transferred=found.transferred,
        transfers_agree=sent == found.transferred.amount_minor,
        is_final=found.is_final,
        file_href=f"/worker/earnings/statements/{month:%Y-%m}.csv?currency={found.currency}",
        issued_at=frame.now,
        transfers=tuple(
            views.StatementTransfer(transfer=one.transfer, amount=one.amount, sent_at=one.sent_at)
            for one in transfers
        ),
    )


def today_in(now: datetime, zone: str) -> date:
    return now.astimezone(ZoneInfo(zone)).date()


def _parts(earned: EarningLine) -> tuple[views.PaySumPart, ...]:
    """What the terms pay, and each thing that changed it; the parts add up to what the line shows."""
    terms = f"terms {earned.terms_version}"
    if earned.kind is EarningKind.ESCALATION:
        parts = [views.PaySumPart(label="Confirmed escalation", amount=earned.amount, reason=terms)]
    elif earned.kind is EarningKind.RECALL:
        parts = [views.PaySumPart(label="Taken back by the brand", amount=earned.amount, reason=terms)]
    elif earned.kind in BESIDE_THE_PRICE:
        label, reason = BESIDE_THE_PRICE[earned.kind]
        parts = [views.PaySumPart(label=label, amount=earned.amount, reason=reason)]
    else:
        parts = [
            views.PaySumPart(
                label=f"Pay for {earned.category}", amount=earned.pay - earned.surge_of_pay, reason=terms
            )
        ]
        if earned.surge_of_pay.amount_minor:
            parts.append(views.PaySumPart(label="Surge", amount=earned.surge_of_pay, reason="it waited long"))
        shared = earned.amount - earned.pay
        if shared.amount_minor:
            parts.append(
                views.PaySumPart(
                    label="Share of another expert", amount=shared, reason="more than one of you replied"
                )
            )
    if earned.state in LOST:
        back = Money(amount_minor=-earned.amount.amount_minor, currency=earned.amount.currency)
        label, reason = LOST[earned.state]
        if earned.kind is EarningKind.TIP:
            reason = "by the brand, in its window"
        parts.append(views.PaySumPart(label=label, amount=back, reason=reason))
    return tuple(parts)


def _movement(moved: Movement) -> views.StatementMovement:
    about = f" · {moved.brand} #{moved.ticket_number}" if moved.ticket_number is not None else ""
    return views.StatementMovement(
        happened_at=moved.at,
        text=f"{MOVEMENTS.get(moved.kind, moved.kind)}{about}",
        reference=moved.transfer or "",
        amount=moved.amount,
    )


def _unfinished(ability: PayoutAbility) -> str:
    if ability.disabled_reason:
        return "Stripe still needs something from you before money can reach you. It says what on its page."
    return "Your account at Stripe is begun, and not ready to receive money yet."


def written(amount: Money, locale: Locale) -> str:
    """`amount` in running text, where no template formats it."""
    return str(format_currency(major_units(amount), amount.currency.upper(), locale=locale))

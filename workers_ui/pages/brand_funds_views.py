"""What a brand has beside its wallet, what it owes and what goes back, in plain words."""

from collections.abc import Mapping

from billing.funds_models import (
    AutoTopUp,
    AutoTopUpState,
    BrandInvoice,
    InvoiceState,
    RefundState,
    ReversalKind,
    ReversalState,
    TopUpReversal,
    WalletRefund,
)
from billing.funds_queries import BrandFunds, CategorySpend
from billing.invoices import left_of
from marketplace.kernel.money import Money, exponent
from workers_ui.presenters import brand_funds as views
from workers_ui.presenters.values import EMPTY_FORM, Badge, FormState, Notice, Tone

INVOICES: Mapping[InvoiceState, Badge] = {
    InvoiceState.PLANNED: Badge(label="being made", tone=Tone.INFO),
    InvoiceState.DRAFT: Badge(label="being made", tone=Tone.INFO),
    InvoiceState.OPEN: Badge(label="to pay", tone=Tone.WARN),
    InvoiceState.PAID: Badge(label="paid", tone=Tone.GOOD),
    InvoiceState.VOID: Badge(label="void"),
    InvoiceState.UNCOLLECTIBLE: Badge(label="overdue", tone=Tone.BAD),
    InvoiceState.REFUSED: Badge(label="not sent", tone=Tone.BAD),
}
REFUNDS: Mapping[RefundState, Badge] = {
    RefundState.ASKED: Badge(label="asked for", tone=Tone.INFO),
    RefundState.SENT: Badge(label="on its way", tone=Tone.INFO),
    RefundState.ARRIVED: Badge(label="paid back", tone=Tone.GOOD),
    RefundState.FAILED: Badge(label="came back", tone=Tone.WARN),
    RefundState.REFUSED: Badge(label="refused", tone=Tone.BAD),
}
# Stripe's words for why a bank did not take a refund.
FAILURES: Mapping[str, str] = {
    "expired_or_canceled_card": "The card has expired or was cancelled.",
    "lost_or_stolen_card": "The card was reported lost.",
    "unknown": "The bank did not say why.",
}
AUTO: Mapping[AutoTopUpState, Badge] = {
    AutoTopUpState.AWAITING_METHOD: Badge(label="waits for its first payment", tone=Tone.INFO),
    AutoTopUpState.ON: Badge(label="on", tone=Tone.GOOD),
    AutoTopUpState.STOPPED: Badge(label="stopped", tone=Tone.BAD),
    AutoTopUpState.OFF: Badge(label="off"),
}


def funds_part(
    funds: BrandFunds,
    spend: list[CategorySpend],
    *,
    currency: str | None,
    auto_form: FormState = EMPTY_FORM,
    refund_form: FormState = EMPTY_FORM,
) -> views.FundsPart:
    code = funds.promo.currency
    return views.FundsPart(
        promo=funds.promo,
        owed=funds.owed,
        refundable=funds.refundable,
        limit=Money(amount_minor=funds.line.limit_minor, currency=code) if funds.line else None,
        is_frozen=bool(_frozen(funds)),
        notices=(*_frozen(funds), *_stopped(funds.auto)),
        auto=_auto(funds, code, auto_form) if currency else None,
        spend=tuple(_spend(one) for one in spend),
        invoices=tuple(_invoice(one) for one in funds.invoices),
        refunds=tuple(_refund(one) for one in funds.refunds),
        refund_form=refund_form,
    )


def _frozen(funds: BrandFunds) -> tuple[Notice, ...]:
    return tuple(
        Notice(text=_why(one), tone=Tone.BAD)
        for one in funds.reversals
        if one.state in (ReversalState.OPEN, ReversalState.OWED)
    )


def _why(one: TopUpReversal) -> str:
    amount = _written(one.amount_minor, one.currency)
    owed = _written(one.owed_minor, one.currency)
    if one.state is ReversalState.OPEN:
        return (
            f"Your bank disputes a top-up of {amount}. Until it decides, no new ticket of yours opens; "
            "those in the pool and those that somebody answers go on, and workers are paid."
        )
    came = "lost its dispute" if one.kind is ReversalKind.DISPUTE else "was taken back by your bank"
    return (
        f"A top-up of {amount} {came}, and {owed} of it is still owed. Top up that much: it settles the debt "
        "first, and then your waiting tickets open."
    )


def _stopped(auto: AutoTopUp | None) -> tuple[Notice, ...]:
    if auto is None or auto.state is not AutoTopUpState.STOPPED:
        return ()
    said = (auto.stopped_reason or "").rstrip(".")
    return (
        Notice(
            text=f"Automatic top-up has stopped: {said}. Save it again below to go on, or remove the method first.",
            tone=Tone.WARN,
        ),
    )


def _auto(funds: BrandFunds, currency: str, form: FormState) -> views.AutoTopUpPart:
    auto = funds.auto
    if auto is None:
        return views.AutoTopUpPart(
            state=AUTO[AutoTopUpState.OFF],
            sentence="The first payment saves your card or bank account; later ones need nobody.",
            form=form,
        )
    typed = {
        "threshold": _typed(auto.threshold_minor, currency),
        "amount": _typed(auto.amount_minor, currency),
        "monthly_limit": _typed(auto.monthly_limit_minor, currency),
    }
    charged = _written(funds.charged_this_month.amount_minor, currency)
    return views.AutoTopUpPart(
        state=AUTO[auto.state],
        sentence=f"Charged this month: {charged} of {_written(auto.monthly_limit_minor, currency)} at most.",
        form=form if form is not EMPTY_FORM else FormState(values=typed),
        is_set=auto.state in (AutoTopUpState.ON, AutoTopUpState.AWAITING_METHOD),
        has_method=auto.payment_method is not None,
    )


def _spend(one: CategorySpend) -> views.SpendRow:
    minor = one.spent.amount_minor
    each = (2 * minor + one.resolutions) // (2 * one.resolutions) if one.resolutions > 0 else None
    return views.SpendRow(
        category_label=one.name,
        spent=one.spent,
        resolutions=max(0, one.resolutions),
        each=None if each is None else Money(amount_minor=each, currency=one.spent.currency),
    )


def _invoice(row: BrandInvoice) -> views.InvoiceRow:
    asks = row.state in (InvoiceState.OPEN, InvoiceState.UNCOLLECTIBLE)
    return views.InvoiceRow(
        number=row.number or "not numbered yet",
        amount=Money(amount_minor=row.amount_minor, currency=row.currency),
        left=Money(amount_minor=left_of(row) if asks else 0, currency=row.currency),
        state=INVOICES[row.state],
        made_at=row.created_at,
        due_at=row.due_on if asks else None,
        page_url=row.page_url if row.page_url and asks else "",
    )


def _refund(row: WalletRefund) -> views.RefundRow:
    return views.RefundRow(
        amount=Money(amount_minor=row.amount_minor, currency=row.currency),
        state=REFUNDS[row.state],
        asked_at=row.asked_at,
        problem=FAILURES.get(row.failure or "", row.failure or ""),
    )


def _typed(amount_minor: int, currency: str) -> str:
    """ "12.50", as a field takes it."""
    digits = exponent(currency)
    whole, part = divmod(amount_minor, 10**digits)
    return f"{whole}.{part:0{digits}d}" if digits else str(whole)


def _written(amount_minor: int, currency: str) -> str:
    return f"{_typed(amount_minor, currency)} {currency.upper()}"

"""A brand's wallet and prices as its people see them."""

from collections.abc import Mapping, Sequence

from billing import top_ups
from billing.brand_queries import WalletMovement
from billing.models import TopUp, TopUpState
from marketplace.kernel.money import BASIS_POINTS, Money
from marketplace.tickets.models import Category, Terms
from marketplace.tickets.terms import FEE_BASIS_POINTS
from workers_ui.presenters import brand as views
from workers_ui.presenters.values import Choice, Notice, Tone

CURRENCY_NAMES: Mapping[str, str] = {
    "usd": "US dollar",
    "eur": "Euro",
    "gbp": "Pound sterling",
    "cad": "Canadian dollar",
    "aud": "Australian dollar",
    "chf": "Swiss franc",
    "jpy": "Japanese yen",
}
CURRENCIES = tuple(Choice(value=code, label=CURRENCY_NAMES[code]) for code in top_ups.CURRENCIES)
MOVED: Mapping[str, str] = {
    "top_up": "Top-up",
    "reserve": "Reserved for",
    "reserve_more": "Reserved for the raised price of",
    "escalate": "Back after the escalation of",
    "release": "Back from",
    "recall": "Back after taking back",
    "draw": "From your credit line for",
    "offset": "Paid what you owed",
    "invoice_paid": "Paid beyond an invoice",
    "credit_note": "Credit on an invoice",
    "refund_hold": "On its way back to you",
    "refund_release": "Not paid back after all",
    "refund_failed": "Came back from your bank",
    "top_up_failed": "A top-up was taken back by your bank",
    "dispute_won": "A dispute was decided for you",
}
RETURNED: Mapping[TopUpState, Notice] = {
    TopUpState.PAID: Notice(text="Your top-up has arrived.", tone=Tone.GOOD),
    TopUpState.PROCESSING: Notice(
        text="Your bank is sending the money. It is in your wallet as soon as it arrives.", tone=Tone.INFO
    ),
    TopUpState.FAILED: Notice(text="The payment failed. Nothing was charged.", tone=Tone.BAD),
    TopUpState.EXPIRED: Notice(text="The payment page has expired. Start another top-up.", tone=Tone.WARN),
}
NOT_PAID = Notice(text="The top-up is not paid yet.", tone=Tone.WARN)


def fee_percent() -> str:
    """ "20 %"."""
    return f"{100 * FEE_BASIS_POINTS / BASIS_POINTS:g} %"


def returned(top_up: TopUp) -> Notice:
    """What to say to somebody who comes back from the payment page."""
    return RETURNED.get(top_up.state, NOT_PAID)


def movement(moved: WalletMovement) -> views.WalletMovement:
    return views.WalletMovement(
        happened_at=moved.at,
        text=MOVED.get(moved.kind, moved.kind.replace("_", " ").capitalize()),
        amount=moved.amount,
        balance_after=moved.balance_after,
        ticket=str(moved.ticket) if moved.ticket_number else "",
        ticket_number=f"#{moved.ticket_number}" if moved.ticket_number else "",
    )


def price_rows(categories: Sequence[Category], own_terms: Mapping[str, Terms]) -> tuple[views.PriceRow, ...]:
    """One row a category, with the newest terms it has of its own."""
    return tuple(_price_row(one, own_terms.get(one.key)) for one in categories)


def _price_row(category: Category, terms: Terms | None) -> views.PriceRow:
    label = f"{category.name} (default)" if category.is_default else category.name
    if terms is None:
        return views.PriceRow(category=category.key, category_label=label)
    return views.PriceRow(
        category=category.key,
        category_label=label,
        total=_money(terms, terms.total_minor),
        pay=_money(terms, terms.pay_minor),
        fee=_money(terms, terms.fee_minor),
        version=terms.version,
        since=terms.created_at,
        escalation_fee=_money(terms, terms.escalation_fee_minor),
    )


def _money(terms: Terms, amount_minor: int) -> Money:
    return Money(amount_minor=amount_minor, currency=terms.currency)

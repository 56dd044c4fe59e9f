"""The books as view models: a verdict in one sentence, breaks in plain words."""

from collections.abc import Sequence

from billing.book_queries import Books, Day, OpenBreak, ProposedPosting
from billing.books import Statement
from billing.books_models import BreakKind
from billing.connected_balances import NegativeAccount
from billing.manual_postings import PLATFORMS_OWN
from marketplace.kernel.ids import PersonId
from workers_ui.presenters.finance_books import BreakCard, DayRow, HandPosting, NegativeRow, Proven
from workers_ui.presenters.values import EMPTY_FORM, Action, Badge, Choice, FormState, Notice, Tone

BOOKS = "/finance/books"
HOLDS = Badge(label="holds", tone=Tone.GOOD)
FAILS = Badge(label="fails", tone=Tone.BAD)
TITLES = {
    BreakKind.NOT_IN_LEDGER: "Stripe moved money that the ledger does not know",
    BreakKind.NOT_IN_STRIPE: "The ledger posted what Stripe never did",
    BreakKind.AMOUNT_DIFFERS: "Stripe and the ledger say different amounts",
    BreakKind.UNKNOWN_TYPE: "Stripe moved money of a kind we do not know; it stands in suspense",
    BreakKind.LATE: "It agrees now, and came more than a day late",
}
ACCOUNTS = {
    "stripe_available": "Stripe, available",
    "stripe_pending": "Stripe, pending",
    "stripe_reserve": "Stripe, reserved",
    "bank": "Bank",
    "suspense_stripe": "Suspense",
    "stripe_fees": "Stripe's fees",
    "dispute_loss": "Lost disputes",
    "bad_debt_brand": "Bad debt of brands",
    "bad_debt_worker": "Bad debt of workers",
    "incentive_expense": "Incentives",
    "unclaimed_property": "Unclaimed property",
    "rounding_fx": "Rounding",
}


def verdict(books: Books) -> Notice:
    """The state of the books in one sentence."""
    if books.ran_at is None:
        return Notice(text="The books have not been proven yet.", tone=Tone.WARN)
    if books.stopped is None:
        return Notice(text="Proven: the ledger and Stripe agree to the cent.", tone=Tone.GOOD)
    return Notice(text=f"Not proven. No payout begins, because {books.stopped}.", tone=Tone.BAD)


def proven(statements: Sequence[Statement]) -> tuple[Proven, ...]:
    """What fails first."""
    ordered = sorted(statements, key=lambda one: one.ok)
    return tuple(
        Proven(
            sentence=one.what[0].upper() + one.what[1:] + ".",
            said=one.said,
            state=HOLDS if one.ok else FAILS,
        )
        for one in ordered
    )


def break_card(one: OpenBreak, person: PersonId, form: FormState = EMPTY_FORM) -> BreakCard:
    """`person` may close what nobody else looks after."""
    href = f"{BOOKS}/breaks/{one.id}"
    label = "Take it over" if one.owner else "I look after it"
    return BreakCard(
        href=href,
        title=TITLES[one.kind],
        about=one.about,
        at_stripe=one.at_stripe,
        in_ledger=one.in_ledger,
        opened_at=one.opened_at,
        owner=_owner(one, person),
        stops=one.kind is not BreakKind.LATE,
        take=None if one.owner == person else Action(href=f"{href}/owner", label=label),
        may_resolve=one.owner in (None, person),
        postings=tuple(_posting(posting, person) for posting in one.postings),
        form=form,
    )


def _owner(one: OpenBreak, person: PersonId) -> str:
    if one.owner is None:
        return "nobody looks after it yet"
    return "you look after it" if one.owner == person else f"{one.owner_name} looks after it"


def _posting(one: ProposedPosting, person: PersonId) -> HandPosting:
    own = one.proposer == person
    return HandPosting(
        sentence=f"debit {ACCOUNTS[one.debit]}, credit {ACCOUNTS[one.credit]}",
        reason=one.reason,
        proposed_by=f"proposed by {one.proposer_name}",
        amount=one.amount,
        approve=Action(
            href=f"{BOOKS}/postings/{one.id}/approval",
            label="Post it",
            allowed=not own,
            reason="You proposed it. A second person has to post it." if own else "",
        ),
    )


def negative_row(one: NegativeAccount) -> NegativeRow:
    return NegativeRow(worker=one.worker_name, account=one.account, balance=one.balance, since=one.since)


def day_row(one: Day) -> DayRow:
    proofs = "1 proof" if one.runs == 1 else f"{one.runs} proofs"
    said = proofs if not one.failed else f"{one.failed} of {proofs} failed"
    return DayRow(day=one.day, said=said, state=FAILS if one.failed else HOLDS)


def accounts() -> tuple[Choice, ...]:
    return tuple(Choice(value=code, label=ACCOUNTS[code]) for code in PLATFORMS_OWN)

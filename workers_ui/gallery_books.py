"""Sample views of the books: proven, broken, and not yet looked at."""

from collections.abc import Callable, Mapping
from datetime import date

from workers_ui.gallery_samples import MakeFrame, ago, finance_frame, usd
from workers_ui.pages.finance_books_views import FAILS, HOLDS, accounts
from workers_ui.presenters.finance_books import (
    BooksPage,
    BreakCard,
    DayRow,
    HandPosting,
    NegativeRow,
    Proven,
)
from workers_ui.presenters.values import Action, FormState, Notice, Tone
from workers_ui.templating import PageView

PATH = "/finance/books"
BALANCE = Proven(
    sentence="The ledger equals Stripe's balance in USD.",
    said="ledger 48,210.55 USD, Stripe 48,210.55 USD",
    state=HOLDS,
)
COVER = Proven(
    sentence="Clients' money is covered in USD.",
    said="46,900.10 USD owed to brands and workers, 48,210.55 USD in cash",
    state=HOLDS,
)


def books(frame: MakeFrame) -> PageView:
    return BooksPage(
        frame=finance_frame(frame, PATH),
        verdict=Notice(text="Proven: the ledger and Stripe agree to the cent.", tone=Tone.GOOD),
        ran_at=ago(minutes=12),
        proven=(BALANCE, COVER),
        breaks=(),
        negative=(),
        days=(
            DayRow(day=date(2026, 11, 27), said="13 proofs", state=HOLDS),
            DayRow(day=date(2026, 11, 26), said="2 of 24 proofs failed", state=FAILS),
        ),
        accounts=accounts(),
    )


def books_broken(frame: MakeFrame) -> PageView:
    mine = BreakCard(
        href=f"{PATH}/breaks/1",
        title="Stripe moved money that the ledger does not know",
        about=("adjustment du_1Qx8", "dp:du_1Qx8:withdrawn"),
        at_stripe=usd(-1_500),
        in_ledger=usd(0),
        opened_at=ago(hours=5),
        owner="you look after it",
        stops=True,
        take=None,
        may_resolve=True,
        postings=(
            HandPosting(
                sentence="debit Lost disputes, credit Stripe, available",
                reason="A dispute whose event never reached us.",
                proposed_by="proposed by Ines Maia",
                amount=usd(1_500),
                approve=Action(href=f"{PATH}/postings/1/approval", label="Post it"),
            ),
        ),
        form=FormState(values={"note": "."}, problem="Say in a few words how it was put right."),
    )
    late = BreakCard(
        href=f"{PATH}/breaks/2",
        title="It agrees now, and came more than a day late",
        about=("transfer tr_1Qx9", "sent:tr_1Qx9"),
        at_stripe=usd(-16_000),
        in_ledger=usd(-16_000),
        opened_at=ago(days=5),
        owner="Jonas Brandt looks after it",
        stops=False,
        take=Action(href=f"{PATH}/breaks/2/owner", label="Take it over"),
        may_resolve=False,
        postings=(),
    )
    return BooksPage(
        frame=finance_frame(frame, PATH),
        verdict=Notice(
            text="Not proven. No payout begins, because Stripe and the ledger differ.", tone=Tone.BAD
        ),
        ran_at=ago(minutes=2),
        proven=(Proven(sentence="No break is open.", said="1 open", state=FAILS), BALANCE, COVER),
        breaks=(mine, late),
        negative=(
            NegativeRow(worker="Ana Reyes", account="acct_1Qx7", balance=usd(-4_000), since=ago(hours=30)),
        ),
        days=(DayRow(day=date(2026, 11, 27), said="4 of 13 proofs failed", state=FAILS),),
        accounts=accounts(),
    )


def books_unread(frame: MakeFrame) -> PageView:
    return BooksPage(
        frame=finance_frame(frame, PATH),
        verdict=Notice(text="The books have not been proven yet.", tone=Tone.WARN),
        ran_at=None,
        proven=(),
        breaks=(),
        negative=(),
        days=(),
        accounts=accounts(),
    )


BUILDERS: Mapping[str, Callable[[MakeFrame], PageView]] = {
    "books": books,
    "books-broken": books_broken,
    "books-unread": books_unread,
}

"""A platform whose every cent came through fake Stripe, so that its books can be proven."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from billing import earnings, top_ups
from billing.books import Statement, keep_books, payouts_stopped_by_books
from billing.books_models import BookBreak, BookRun, BreakKind
from billing.breaks import open_breaks
from billing.connected_balances import look_at_destinations
from billing.models import TopUp
from billing.stripe_books import StripeBooks
from marketplace.kernel.clock import app_now
from marketplace.kernel.ids import BrandId, PayoutId, TopUpId, WorkerId
from marketplace.kernel.money import Money
from tests.billing.funding import connection_to
from tests.billing.paying import PRICE, Till
from tests.builders import a_brand, a_resolved_ticket, usd

FLOAT_MINOR = 50_000
TOP_UP = usd(100_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A till with the platform's own money at Stripe, and the books beside it."""

    till: Till
    port: StripeBooks

    @classmethod
    def of(cls, till: Till, *, float_minor: int = FLOAT_MINOR) -> "House":
        till.server.turn("balance/fund", amount_minor=float_minor)
        return cls.at(till)

    @classmethod
    def at(cls, till: Till) -> "House":
        """One whose money is there already."""
        return cls(till=till, port=StripeBooks(connection_to(till.server)))

    def brand(self, top_up: Money = TOP_UP) -> BrandId:
        """One whose wallet was paid for at Stripe."""
        with self.till.database.transaction() as tx:
            brand = a_brand(tx, price=PRICE, funds=usd(0))
            asked = TopUpId(
                top_ups.ask_top_up(tx, brand=brand, amount=top_up, person=None, now=app_now(tx)).id
            )
        top_ups.open_checkout(
            self.till.database, self.till.gateway, brand=brand, top_up=asked, return_url="http://app.example/"
        )
        with self.till.database.transaction() as tx:
            session = tx.get_one(TopUp, (brand, asked)).checkout_session
        self.till.server.turn(f"checkout/{session}", action="pay")
        top_ups.settle(self.till.database, self.till.gateway, brand=brand, top_up=asked)
        return brand

    def a_payout(self, worker: WorkerId | None = None) -> tuple[WorkerId, PayoutId]:
        """One worker's released payout of 16.00."""
        worker, brand = worker or self.till.worker(), self.brand()
        with self.till.database.transaction() as tx:
            a_resolved_ticket(tx, brand, worker)
        self.pass_review()
        batch = self.till.released()
        return worker, next(one.id for one in self.till.payouts(batch))

    def pass_review(self) -> None:
        """Everything accrued so far becomes payable; Stripe's days pass too."""
        self.till.later(hours=73)
        with self.till.database.transaction() as tx:
            while earnings.mature(tx, now=app_now(tx)):
                pass

    def send(self) -> None:
        """As the background process does: look where the money goes, then send."""
        look_at_destinations(self.till.database, self.port)
        self.till.send()

    def keep(self) -> BookRun:
        return keep_books(self.till.database, self.port)

    def failed(self) -> list[str]:
        """What the last proof could not say."""
        with self.till.database.transaction() as tx:
            newest = select(BookRun).order_by(BookRun.ran_at.desc(), BookRun.id.desc()).limit(1)
            run = tx.scalars(newest).one()
        found = [Statement(**one) for one in run.statements]
        assert run.ok is all(one.ok for one in found)
        return [one.what for one in found if not one.ok]

    def breaks(self) -> list[BookBreak]:
        with self.till.database.transaction() as tx:
            return list(open_breaks(tx))

    def kinds(self) -> list[BreakKind]:
        return [one.kind for one in self.breaks()]

    def stopped(self) -> str | None:
        with self.till.database.transaction() as tx:
            return payouts_stopped_by_books(tx)

    def movements(self, type_: str) -> list[dict[str, Any]]:
        """The platform's own at fake Stripe."""
        everything = self.till.server.look("objects/balance_transaction")
        return [one for one in everything if one["type"] == type_]

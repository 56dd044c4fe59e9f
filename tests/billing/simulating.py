"""A platform's weeks in minutes, by its real commands and out of one seed, with Stripe at its worst.

Each round: brands' tickets are posted, answered and resolved, each resolution submitted eight times at once; the
review passes; a batch is signed by two people and sent by two senders, who lose replies and get stored 500s until
keys have died; banks are paid; and every event is told late, shuffled, and some of them twice.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random
from threading import Barrier

from sqlalchemy import func, select, text

from billing import top_ups
from billing.connected_balances import look_at_destinations
from billing.gateway import Transfer
from billing.ledger import proof, total_of
from billing.models import Earning, EarningState, Payout, PayoutState, StripeCall, TopUp
from billing.sending import send_due
from billing.stored_calls import UNSETTLED
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import BrandId, TicketId, TopUpId, WorkerId, new_id
from marketplace.kernel.money import Money
from marketplace.tickets.endings import resolve_ticket
from marketplace.tickets.models import ResolvedBy
from tests.billing.inbox_post import Post
from tests.billing.keeping import House
from tests.billing.paying import PAY, PRICE, WatchedGateway
from tests.billing.stripe_server import StripeServer
from tests.builders import a_brand, an_open_ticket, answer, usd

AT_ONCE = 8
PER_COMMIT = 25
RESOLVED_PER_COMMIT = 10
POSTERS = 3
BANKS = 6
LOST_REPLIES = STORED_500S = 0.05
TOLD_TWICE = 0.10
# A key lives for 20 hours with us and for 24 at Stripe; two empty look-ups are 10 minutes apart.
WAITS: Sequence[Mapping[str, float]] = [
    {"minutes": 1},
    {"hours": 25},
    *[{"minutes": 11}] * 3,
    {"hours": 25},
    *[{"minutes": 11}] * 6,
    {"hours": 25},
    *[{"minutes": 11}] * 6,
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    tickets: int
    rounds: int
    brands: int
    workers: int


class UnluckyGateway(WatchedGateway):
    """Of the transfers it asks for, one in twenty loses its reply and one in twenty gets a 500 that Stripe keeps."""

    def __init__(self, server: StripeServer, database: Database, *, chance: Random) -> None:
        super().__init__(server, database)
        self.chance = chance
        self.faults: Counter[str] = Counter()

    def execute_transfer(self, params: Mapping[str, object], *, key: str) -> Transfer:
        drawn = self.chance.random()
        if drawn < LOST_REPLIES:
            self._fault("after_lost_reply")
        elif drawn < LOST_REPLIES + STORED_500S:
            self._fault(self.chance.choice(("500", "500_after")))
        return super().execute_transfer(params, key=key)

    def _fault(self, kind: str) -> None:
        self.faults[kind] += 1
        self.server.fault(kind, path="/v1/transfers")


@dataclass(slots=True, kw_only=True)
class Simulation:
    """`senders` have connections of their own: two of them send at once."""

    house: House
    senders: Sequence[tuple[Database, UnluckyGateway]]
    size: Size
    chance: Random
    post: Post | None = None
    brands: list[BrandId] = field(default_factory=list)
    workers: list[WorkerId] = field(default_factory=list)
    told: set[str] = field(default_factory=set)
    told_twice: int = 0

    @property
    def database(self) -> Database:
        return self.house.till.database

    def run(self) -> None:
        """Everything, until nothing is under way."""
        self.workers = [self.house.till.worker() for _ in range(self.size.workers)]
        self.brands = [self._brand() for _ in range(self.size.brands)]
        self._tell_events()
        for number in range(self.size.rounds):
            self._resolve(self._answered(number, self.size.tickets // self.size.rounds))
            self.house.pass_review()
            self._pay()
            self._bank()
            self._tell_events()

    def prepare(self) -> None:
        """One round's tickets, paid for and answered; the rest is for somebody else."""
        self.workers = [self.house.till.worker() for _ in range(self.size.workers)]
        wallet = Money(amount_minor=self._needed(), currency="usd")
        self.brands = [self.house.brand(wallet) for _ in range(self.size.brands)]
        self._answered(0, self.size.tickets)

    def _needed(self) -> int:
        return 2 * PRICE.amount_minor * self.size.tickets // self.size.brands

    def _brand(self) -> BrandId:
        """Its wallet is filled by a checkout, of which only an event will tell."""
        needed = Money(amount_minor=self._needed(), currency="usd")
        with self.database.transaction() as tx:
            brand = a_brand(tx, price=PRICE, funds=usd(0))
            asked = TopUpId(
                top_ups.ask_top_up(tx, brand=brand, amount=needed, person=None, now=app_now(tx)).id
            )
        top_ups.open_checkout(
            self.database,
            self.house.till.gateway,
            brand=brand,
            top_up=asked,
            return_url="http://app.example/",
        )
        with self.database.transaction() as tx:
            session = tx.get_one(TopUp, (brand, asked)).checkout_session
        self.house.till.server.turn(f"checkout/{session}", action="pay")
        return brand

    def _answered(self, round_: int, count: int) -> list[tuple[BrandId, TicketId]]:
        """Posted, admitted with their price in reserve, claimed and answered. A brand's tickets are one hand's, and a
        worker is at one brand a round: who posts many in a commit holds both."""
        counts = Counter(self.chance.choice(self.brands) for _ in range(count))
        shares = [
            (brand, self.workers[(place + round_) % len(self.brands) :: len(self.brands)], counts[brand])
            for place, brand in enumerate(self.brands)
        ]
        with ThreadPoolExecutor(POSTERS) as pool:
            return [one for posted in pool.map(self._post_and_answer, shares) for one in posted]

    def _post_and_answer(
        self, share: tuple[BrandId, Sequence[WorkerId], int]
    ) -> list[tuple[BrandId, TicketId]]:
        brand, workers, count = share
        tickets: list[tuple[BrandId, TicketId]] = []
        while len(tickets) < count:
            with self.database.transaction() as tx:
                for _ in range(min(PER_COMMIT, count - len(tickets))):
                    ticket = an_open_ticket(tx, brand, customer_email=f"{new_id()}@example.com")
                    answer(tx, ticket, workers[len(tickets) % len(workers)])
                    tickets.append((brand, ticket))
        return tickets

    def _resolve(self, tickets: Sequence[tuple[BrandId, TicketId]]) -> None:
        """Each eight times at once: eight presses of the button for the same tickets in the same moment."""
        together = Barrier(AT_ONCE)
        by_brand = sorted(tickets)

        def press(_hand: int) -> None:
            for first in range(0, len(by_brand), RESOLVED_PER_COMMIT):
                together.wait()
                with self.database.transaction() as tx:
                    for brand, ticket in by_brand[first : first + RESOLVED_PER_COMMIT]:
                        resolve_ticket(
                            tx, brand=brand, ticket=ticket, by=ResolvedBy.CUSTOMER, now=app_now(tx)
                        )

        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(press, range(AT_ONCE)))

    def _pay(self) -> None:
        """Sent by two at once until nothing is under way; on the way keys die, at Stripe and here."""
        self.house.till.released()
        for passes in WAITS:
            with ThreadPoolExecutor(len(self.senders)) as pool:
                list(pool.map(self._send, self.senders))
            if not self._under_way():
                return
            self.house.till.later(**passes)
        raise AssertionError("payouts are still under way after every key has died")

    def _send(self, sender: tuple[Database, UnluckyGateway]) -> None:
        database, gateway = sender
        look_at_destinations(database, self.house.port)
        while send_due(database, gateway):
            look_at_destinations(database, self.house.port)

    def _under_way(self) -> int:
        with self.database.transaction() as tx:
            unsettled = select(func.count()).select_from(StripeCall).where(StripeCall.state.in_(UNSETTLED))
            return tx.scalar(unsettled) or 0

    def _bank(self) -> None:
        """Some workers' banks are paid by Stripe."""
        for worker in self.chance.sample(self.workers, k=min(BANKS, len(self.workers))):
            for payout in self.house.till.server.turn(f"accounts/{self.house.till.account(worker)}/payout"):
                self.house.till.server.turn(f"payouts/{payout['id']}", status="paid")

    def _tell_events(self) -> None:
        """Everything that happened since, in no order, and one in ten twice."""
        assert self.post is not None, "nobody hears of Stripe here"
        fresh = [one for one in self.post.happened() if one["id"] not in self.told]
        self.told.update(one["id"] for one in fresh)
        twice = self.chance.sample(fresh, k=round(len(fresh) * TOLD_TWICE))
        heard = self.chance.sample([*fresh, *twice], k=len(fresh) + len(twice))
        for event in heard:
            assert self.post.tell(event).status_code == 200
        self.told_twice += len(twice)
        self.post.work()
        self.house.till.later(seconds=30)  # those that stood aside for another of the same object
        self.post.work()


def assert_everybody_was_paid_once(house: House, tickets: int) -> None:
    """Each of so many resolutions accrued once, and each worker was sent what was earned: not more, not less."""
    with house.till.database.transaction() as tx:
        posted = text("SELECT count(*), count(DISTINCT ticket_id) FROM ledger_txn WHERE kind = 'accrue'")
        assert tuple(tx.execute(posted).one()) == (tickets, tickets)
        earned = tx.execute(
            select(Earning.state, func.count(), func.sum(Earning.amount_minor)).group_by(Earning.state)
        ).all()
        assert [tuple(one) for one in earned] == [(EarningState.SENT, tickets, tickets * PAY.amount_minor)]
        owed: dict[str, int] = {}
        for destination, amount in tx.execute(
            select(Payout.destination, Payout.amount_minor).where(Payout.state == PayoutState.ACCEPTED)
        ):
            owed[destination] = owed.get(destination, 0) + amount
    received: dict[str, int] = {}
    for transfer in house.till.transfers():
        received[transfer["destination"]] = received.get(transfer["destination"], 0) + transfer["amount"]
    assert received == owed
    assert sum(received.values()) == tickets * PAY.amount_minor


def assert_every_cent_is_accounted_for(house: House) -> None:
    """The books are proven, and nothing is left anywhere on its way."""
    run = house.keep()
    assert house.failed() == []
    assert (run.ok, house.breaks(), house.stopped()) == (True, [], None)
    with house.till.database.transaction() as tx:
        found = proof(tx)
        assert (found.imbalance_minor, found.drifted_accounts) == (0, ())
        left = {code: total_of(tx, code) for code in ("worker_pending", "worker_payable", "worker_in_flight")}
        assert set(left.values()) == {0}, left
        sent = text(
            "SELECT sum(e.amount_minor) FROM ledger_txn t JOIN ledger_entry e ON e.txn_id = t.id "
            "WHERE t.kind = 'sent' AND e.side = 'C'"
        )
        assert tx.execute(sent).scalar_one() == sum(one["amount"] for one in house.till.transfers())

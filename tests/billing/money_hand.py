"""`python -m tests.billing.money_hand DATABASE_URL STRIPE_URL SEED`: all the money work there is, until none is left.

Web and background process in one, to be killed at any moment: it finds out from the database alone what is to be
done. In one of ten transfers it dies by itself when Stripe has said yes.
"""

import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle
from random import Random

import httpx
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from billing.gateway import CallUnknown, Transfer
from billing.models import Earning, EarningState, StripeCall
from billing.stored_calls import UNSETTLED
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Role
from marketplace.tickets.endings import resolve_ticket
from marketplace.tickets.models import ResolvedBy, Ticket, TicketState
from tests.billing.funding import connection_to
from tests.billing.keeping import House
from tests.billing.paying import Till
from tests.billing.simulating import AT_ONCE, UnluckyGateway
from tests.billing.stripe_server import StripeServer
from workers_ui.bootstrap import same_transaction_bus
from workers_ui.money_work import MoneyWork

DIES = 0.1
LOOK_AGAIN_SECONDS = 0.05
WAITS: tuple[Mapping[str, float], ...] = ({"minutes": 1}, {"hours": 25}, *({"minutes": 11},) * 3)


class DoomedGateway(UnluckyGateway):
    def execute_transfer(self, params: Mapping[str, object], *, key: str) -> Transfer:
        done = super().execute_transfer(params, key=key)
        if self.chance.random() < DIES:
            os.kill(os.getpid(), signal.SIGKILL)
        return done


def main() -> None:
    database_url, stripe_url, seed = sys.argv[1:4]
    server = StripeServer.running(stripe_url)
    database = Database(
        database_url,
        role=Role.BACKGROUND,
        connections=AT_ONCE + 1,
        shared={"bus": same_transaction_bus()},
    )
    gateway = DoomedGateway(server, database, chance=Random(int(seed)))
    house = House.at(Till(database=database, server=server, gateway=gateway))
    work = MoneyWork(database=database, gateway=gateway, stripe=connection_to(server))
    waits = cycle(WAITS)
    while True:
        with _patience():
            _resolve(database)
            if _count(database, EarningState.IN_WINDOW):
                house.pass_review()
            if _count(database, EarningState.PAYABLE):
                house.till.released()
            while _under_way(database):
                work.send_payouts()
                house.till.later(**next(waits))
            return


@contextmanager
def _patience() -> Iterator[None]:
    """Who was killed comes back: what was not committed is done again."""
    try:
        yield
    except (DBAPIError, CallUnknown, httpx.HTTPError):
        time.sleep(LOOK_AGAIN_SECONDS)


def _resolve(database: Database) -> None:
    """All that are answered, each by eight hands at once."""
    with database.transaction() as tx:
        answered = select(Ticket.brand_id, Ticket.id).where(Ticket.state == TicketState.ANSWERED)
        tickets = tx.execute(answered.order_by(Ticket.id)).all()

    def press(_hand: int) -> None:
        for brand, ticket in tickets:
            with database.transaction() as tx:
                resolve_ticket(tx, brand=brand, ticket=ticket, by=ResolvedBy.CUSTOMER, now=app_now(tx))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(press, range(AT_ONCE)))


def _count(database: Database, state: EarningState) -> int:
    with database.transaction() as tx:
        return tx.scalar(select(func.count()).select_from(Earning).where(Earning.state == state)) or 0


def _under_way(database: Database) -> int:
    with database.transaction() as tx:
        return (
            tx.scalar(select(func.count()).select_from(StripeCall).where(StripeCall.state.in_(UNSETTLED)))
            or 0
        )


if __name__ == "__main__":
    main()

"""`python -m tests.billing.dying_sender DATABASE_URL STRIPE_URL`: a sender that dies when Stripe accepts."""

import os
import signal
import sys
from collections.abc import Mapping

from billing.gateway import Transfer
from billing.sending import send_due
from billing.stripe_connection import StripeConnection
from billing.stripe_gateway import StripeGateway
from marketplace.kernel.db import Database, Role
from marketplace.kernel.settings import MoneyMode
from tests.billing.paying import ENVIRONMENT, TEST_KEY
from workers_ui.bootstrap import same_transaction_bus


class DyingGateway(StripeGateway):
    """kill -9 between Stripe's yes and our hearing it."""

    def execute_transfer(self, params: Mapping[str, object], *, key: str) -> Transfer:
        super().execute_transfer(params, key=key)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("still here")


if __name__ == "__main__":
    database_url, stripe_url = sys.argv[1:3]
    database = Database(
        database_url, role=Role.BACKGROUND, connections=1, shared={"bus": same_transaction_bus()}
    )
    gateway = DyingGateway(
        StripeConnection(TEST_KEY, money_mode=MoneyMode.TEST, environment=ENVIRONMENT, api_base=stripe_url)
    )
    send_due(database, gateway)

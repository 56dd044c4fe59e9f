"""What tickets do in the transaction of a fact about people."""

from marketplace.events.facts import PersonSuspended, WorkerSuspended
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.tickets import pool
from marketplace.tickets.models import ClaimEnd


def give_claims_back(tx: Tx, fact: WorkerSuspended | PersonSuspended) -> None:
    """Customers do not wait for somebody who may not answer."""
    if fact.worker is not None:
        pool.return_claims(tx, worker=fact.worker, end=ClaimEnd.SUSPENDED, now=app_now(tx))

"""Signing out: with a worker's last session his running claims go back to the pool; what he wrote is kept."""

from marketplace.accounts.sessions import Principal, is_signed_in, sign_out
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Scope, Tx, rescope
from marketplace.tickets import pool
from marketplace.tickets.models import ClaimEnd


def leave(tx: Tx, principal: Principal | None, token: str) -> int:
    """End the session of `token`; how many claims went back to the pool."""
    sign_out(tx, token)
    if principal is None or principal.worker is None or is_signed_in(tx, principal.person, app_now(tx)):
        return 0
    rescope(tx, Scope(worker=principal.worker))
    return pool.return_claims(tx, worker=principal.worker, end=ClaimEnd.SIGNED_OUT, now=app_now(tx))


def told(returned: int) -> str:
    """What a worker who signs out is told."""
    if not returned:
        return ""
    went = "1 ticket went" if returned == 1 else f"{returned} tickets went"
    return f"You are signed out. {went} back to the pool; what you wrote is kept."

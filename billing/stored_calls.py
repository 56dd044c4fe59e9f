"""Requests to Stripe that move money: taken off their queue one at a time, marked before they leave, never rebuilt.

A call's row is claimed for a lease and marked in doubt before anything leaves; what leaves is the row's own
parameters under the row's own key. Whoever took a call holds it until his lease ends: what he learns after that
counts only if money moved. `sending.py` and `reversing.py` say what each answer means.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from psycopg.errors import DatabaseError
from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.exc import DBAPIError

from billing.books import payouts_stopped_by_books
from billing.connected_balances import is_below_zero
from billing.models import CallKind, CallState, Payout, StripeCall
from billing.payouts_stop import standing_stop
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Tx

LEASE = timedelta(seconds=60)  # a slow call may outlast it: `held` and the key make that harmless
RETRY = timedelta(seconds=5)
LONGEST_RETRY = timedelta(minutes=10)
KEY_LIVES = timedelta(hours=20)
BETWEEN_LOOKUPS = timedelta(minutes=10)
LOOKUPS_NEEDED = 2
UNSETTLED = (CallState.READY, CallState.IN_DOUBT)
MAY_NOT_LEAVE = "HC006"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A call taken off the queue, with what is needed to make it while no transaction is open.

    `looks_only`: whether it went through is looked up, and it is not sent again.
    """

    call: UUID
    kind: CallKind
    owner: UUID
    leased_until: datetime
    key: str
    params: dict[str, object]
    in_doubt: bool
    looks_only: bool


def take_due(database: Database) -> Due | None:
    """Claim the next due call for the time of a lease; a crash in that time makes it due again.

    While payouts are stopped, by somebody or by the books, only calls in doubt, to find out what became of them.
    """
    with database.transaction() as tx:
        now = app_now(tx)
        is_stopped = standing_stop(tx) is not None or payouts_stopped_by_books(tx) is not None
        call = tx.scalars(
            select(StripeCall)
            .where(StripeCall.due_at <= now, _may_go_now(is_stopped))
            .order_by(StripeCall.due_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        ).one_or_none()
        if call is None:
            return None
        owner = call.payout_id or call.reversal_id
        assert owner is not None, "a constraint says so"
        call.due_at = now + LEASE
        in_doubt = call.state is CallState.IN_DOUBT
        key_is_alive = call.first_tried_at is None or now - call.first_tried_at < KEY_LIVES
        return Due(
            call=call.id,
            kind=CallKind(call.operation),
            owner=owner,
            leased_until=call.due_at,
            key=call.key,
            params=call.params,
            in_doubt=in_doubt,
            looks_only=in_doubt and (is_stopped or not key_is_alive),
        )


def _may_go_now(is_stopped: bool) -> ColumnElement[bool]:
    """What is in doubt is always recovered. Nothing begins while payouts are stopped, or to an account below zero."""
    in_doubt = StripeCall.state == CallState.IN_DOUBT
    if is_stopped:
        return in_doubt
    goes_below_zero = exists().where(Payout.id == StripeCall.payout_id, is_below_zero(Payout.destination))
    return or_(in_doubt, and_(StripeCall.state == CallState.READY, ~goes_below_zero))


def held(tx: Tx, due: Due) -> StripeCall | None:
    """The call, locked; None when it is settled, or somebody else took it after our lease."""
    call = tx.get_one(StripeCall, due.call, with_for_update=True)
    if call.state in UNSETTLED and call.due_at == due.leased_until:
        return call
    log.warning("payout.lease_lost", owner=str(due.owner), state=call.state.value)
    return None


def mark_in_doubt(database: Database, due: Due) -> bool:
    """From here on only the provider knows; False when the call is no longer ours to make, or nothing may leave."""
    try:
        with database.transaction() as tx:
            if (call := held(tx, due)) is None:
                return False
            call.state, call.tries = CallState.IN_DOUBT, call.tries + 1
            call.first_tried_at = call.first_tried_at or app_now(tx)
    except DBAPIError as error:
        if not (isinstance(error.orig, DatabaseError) and error.orig.sqlstate == MAY_NOT_LEAVE):
            raise
        log.warning("payout.may_not_leave", owner=str(due.owner), reason=str(error.orig.diag.message_primary))
        return False
    return True


def pause_after(tries: int) -> timedelta:
    """How long until the next try: longer each time, ten minutes at most."""
    doubled: int = 2 ** min(tries, 10)
    return min(RETRY * doubled, LONGEST_RETRY)


def pause(database: Database, due: Due, *, reason: str) -> None:
    """The provider did not look at the request, so nothing failed and nothing more is unknown than before."""
    with database.transaction() as tx:
        if (call := held(tx, due)) is None:
            return
        call.outcome, call.due_at = reason, app_now(tx) + pause_after(call.tries)
    log.warning("payouts.rate_limited", owner=str(due.owner))


def looked_in_vain(call: StripeCall, now: datetime) -> bool:
    """Note a look-up that found nothing; whether there is certainty that nothing went through: the key is retired.

    While its key lives the call may still be made under it, so such a look counts for nothing.
    """
    assert call.first_tried_at is not None, "only what was tried is looked up"
    call.due_at = now + BETWEEN_LOOKUPS
    if now - call.first_tried_at < KEY_LIVES:
        return False
    call.lookups_empty += 1
    if call.lookups_empty < LOOKUPS_NEEDED:
        return False
    call.state, call.outcome = CallState.RETIRED, "nothing found twice"
    return True

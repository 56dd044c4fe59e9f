"""Stored calls about brands' money: made exactly once, through crashes, lost replies and replays.

A call is claimed for the time of a lease and marked in doubt before anything leaves. What leaves is the row's own
parameters under the row's own key. An unknown result is asked for again under that key while the key lives, then looked
up by our name on the object; only when nothing is found twice is it tried under a new key.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import select

from billing.funds_models import FundsCall, FundsOperation
from billing.funds_port import Answer, FundsPort
from billing.gateway import CallRejected, CallUnknown, CredentialsRefused, KeyReused
from billing.models import CallState
from billing.stored_calls import BETWEEN_LOOKUPS, KEY_LIVES, LEASE, LOOKUPS_NEEDED, UNSETTLED, pause_after
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Tx
from marketplace.kernel.ids import BrandId, new_id

CALLS_PER_SWEEP = 50

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a settled call was for."""

    brand: BrandId
    subject: UUID
    params: Mapping[str, object]
    environment: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """What a part does about its own calls, in the transaction that settles the call."""

    accepted: Callable[[Tx, About, str], None]
    refused: Callable[[Tx, About, str], None]


Reactions = Mapping[FundsOperation, Reaction]


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A call taken off the queue, with what is needed to make it while no transaction is open."""

    call: UUID
    leased_until: datetime
    operation: FundsOperation
    params: dict[str, object]
    key: str
    in_doubt: bool
    key_is_alive: bool


def store_call(
    tx: Tx,
    *,
    brand: BrandId,
    operation: FundsOperation,
    subject: UUID,
    params: dict[str, object],
    now: datetime,
    attempt: int = 1,
) -> None:
    """Write the call down; it is made by the next sweep."""
    tx.add(
        FundsCall(
            id=new_id(),
            brand_id=brand,
            operation=operation,
            subject_id=subject,
            attempt=attempt,
            params=params,
            key=f"{operation.value}:{subject}:{attempt}",
            state=CallState.READY,
            created_at=now,
            due_at=now,
        )
    )
    tx.flush()


def make_due(database: Database, port: FundsPort, reactions: Reactions) -> int:
    """Make up to 50 due calls, one at a time; how many. Stops when the provider refuses our key."""
    done = 0
    while done < CALLS_PER_SWEEP and (due := _take(database)) is not None:
        try:
            _make(database, port, reactions, due)
        except CredentialsRefused as refusal:
            _wait(database, due, reason=str(refusal))
            log.error("funds.credentials_refused", key=due.key)
            break
        done += 1
    return done


def _take(database: Database) -> Due | None:
    """Claim the next due call for the time of a lease; a crash in that time makes it due again."""
    with database.transaction() as tx:
        now = app_now(tx)
        call = tx.scalars(
            select(FundsCall)
            .where(FundsCall.state.in_(UNSETTLED), FundsCall.due_at <= now)
            .order_by(FundsCall.due_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        ).one_or_none()
        if call is None:
            return None
        call.due_at = now + LEASE
        return Due(
            call=call.id,
            leased_until=call.due_at,
            operation=call.operation,
            params=call.params,
            key=call.key,
            in_doubt=call.state is CallState.IN_DOUBT,
            key_is_alive=call.first_tried_at is None or now - call.first_tried_at < KEY_LIVES,
        )


def _make(database: Database, port: FundsPort, reactions: Reactions, due: Due) -> None:
    if due.in_doubt and not due.key_is_alive:
        _look_up(database, port, reactions, due)
        return
    if not _mark_in_doubt(database, due):
        return
    try:
        answer = port.execute(due.operation, due.params, key=due.key)
    except CallRejected as refusal:
        _refused(database, port, reactions, due, str(refusal))
    except KeyReused as reused:
        _leave_to_a_person(database, due, reason=str(reused))
    except CallUnknown as unknown:
        _wait(database, due, reason=str(unknown))
    else:
        _settle(database, port, reactions, due, answer)


def _mark_in_doubt(database: Database, due: Due) -> bool:
    """From here on only the provider knows; False when the call is no longer ours to make."""
    with database.transaction() as tx:
        if (call := _held(tx, due)) is None:
            return False
        call.state, call.tries = CallState.IN_DOUBT, call.tries + 1
        call.first_tried_at = call.first_tried_at or app_now(tx)
    return True


def _refused(database: Database, port: FundsPort, reactions: Reactions, due: Due, reason: str) -> None:
    """A refusal settles a first try. An earlier try without an answer may have gone through: look before."""
    found = None
    if due.in_doubt:
        try:
            found = port.find(due.operation, due.params)
        except (CallUnknown, CallRejected) as error:
            _wait(database, due, reason=str(error))
            return
    _settle(database, port, reactions, due, found or Answer(object_id="", refusal=reason))


def _settle(database: Database, port: FundsPort, reactions: Reactions, due: Due, answer: Answer) -> None:
    """One commit: what came of the call, and what it means for the brand's money."""
    reaction = reactions[due.operation]
    with database.transaction() as tx:
        call = tx.get_one(FundsCall, due.call, with_for_update=True)
        if call.state not in UNSETTLED:
            return
        about = About(
            brand=call.brand_id,
            subject=call.subject_id,
            params=call.params,
            environment=port.environment,
            now=app_now(tx),
        )
        if answer.refusal is None:
            call.state, call.outcome = CallState.ACCEPTED, answer.object_id
            reaction.accepted(tx, about, answer.object_id)
        else:
            call.state, call.outcome = CallState.REJECTED, answer.refusal
            reaction.refused(tx, about, answer.refusal)
    log.info("funds.call_settled", key=due.key, object=answer.object_id, refusal=answer.refusal)


def _look_up(database: Database, port: FundsPort, reactions: Reactions, due: Due) -> None:
    """The key has died with the result unknown: find the object, or be sure twice that there is none."""
    try:
        found = port.find(due.operation, due.params)
    except (CallUnknown, CallRejected) as error:
        _wait(database, due, reason=str(error))
        return
    if found is not None:
        _settle(database, port, reactions, due, found)
        return
    with database.transaction() as tx:
        now = app_now(tx)
        if (call := _held(tx, due)) is None:
            return
        call.lookups_empty += 1
        call.due_at = now + BETWEEN_LOOKUPS
        if call.lookups_empty < LOOKUPS_NEEDED:
            return
        call.state, call.outcome = CallState.RETIRED, "nothing found twice"
        tx.flush()
        store_call(
            tx,
            brand=call.brand_id,
            operation=call.operation,
            subject=call.subject_id,
            params=call.params,
            now=now,
            attempt=call.attempt + 1,
        )


def _wait(database: Database, due: Due, *, reason: str) -> None:
    """No answer, or not the time: try again later under the same key."""
    with database.transaction() as tx:
        if (call := _held(tx, due)) is None:
            return
        call.outcome = reason
        call.due_at = app_now(tx) + pause_after(call.tries)
    log.warning("funds.call_waits", key=due.key, reason=reason)


def _leave_to_a_person(database: Database, due: Due, *, reason: str) -> None:
    """Neither made again nor taken for refused: the key is retired, and the money stays where it is."""
    with database.transaction() as tx:
        if (call := _held(tx, due)) is None:
            return
        call.state, call.outcome = CallState.RETIRED, f"A person must look at Stripe: {reason}"
    log.error("funds.call_needs_a_person", key=due.key, reason=reason)


def _held(tx: Tx, due: Due) -> FundsCall | None:
    """The call, locked; None when it is settled, or somebody else took it after our lease."""
    call = tx.get_one(FundsCall, due.call, with_for_update=True)
    if call.state in UNSETTLED and call.due_at == due.leased_until:
        return call
    log.warning("funds.lease_lost", key=due.key, state=call.state.value)
    return None

"""Who gets the customer's next message, and when silence ends a ticket: by the brand's rule, else the default."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, text, update

from billing.accounts import reserved
from billing.ledger import lock_accounts
from marketplace.accounts.models import Worker, WorkerStatus
from marketplace.events.commands import Bus
from marketplace.events.facts import TicketResolved
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import PLATFORM, Database, Role, Tx
from marketplace.kernel.ids import BrandId, SwitchId, TicketId, WorkerId, new_id
from marketplace.tickets.endings import resolve_silent
from marketplace.tickets.follow_ups import BadFollowUp, follow_up_of, follow_ups_of, set_follow_up
from marketplace.tickets.models import Channel, Claim, ClaimEnd, PoolState, PoolTicket, Ticket, TicketState
from marketplace.tickets.pool import claim_ticket
from marketplace.tickets.replies import customer_writes
from marketplace.tickets.switch_models import KillSwitch, SwitchKind
from tests.builders import (
    USD,
    Clock,
    a_brand,
    a_member,
    a_worker,
    an_answered_ticket,
    an_open_ticket,
    as_brand,
)

MINUTE = timedelta(minutes=1)


@pytest.fixture
def brand(background: Database) -> BrandId:
    with background.transaction() as tx:
        noise = a_brand(tx, name="Noise & Sons")
    for channel in Channel:
        set_rule(background, noise, channel, silence=5, grace=1)
    with background.transaction() as tx:
        return a_brand(tx)


def set_rule(background: Database, brand: BrandId, channel: Channel, *, silence: int, grace: int) -> None:
    with background.transaction() as tx:
        set_follow_up(
            tx,
            brand=brand,
            channel=channel,
            silence_minutes=silence,
            grace_minutes=grace,
            by=a_member(tx, brand),
        )


def answered(
    background: Database, brand: BrandId, worker: WorkerId, channel: Channel = Channel.EMAIL
) -> TicketId:
    with background.transaction() as tx:
        return an_answered_ticket(tx, brand, worker, channel=channel)


def a_new_worker(background: Database) -> WorkerId:
    with background.transaction() as tx:
        return a_worker(tx)


def writes(db: Database, brand: BrandId, ticket: TicketId, message: str = "And now?") -> None:
    with db.transaction(as_brand(brand)) as tx:
        customer_writes(tx, brand=brand, ticket=ticket, text=message, external_id=None, now=app_now(tx))


def state(background: Database, brand: BrandId, ticket: TicketId) -> TicketState:
    with background.transaction() as tx:
        return tx.get_one(Ticket, (brand, ticket)).state


def seen(background: Database, worker: WorkerId) -> None:
    with background.transaction() as tx:
        tx.execute(update(Worker).where(Worker.id == worker).values(seen_at=app_now(tx)))


# Whose the message is


@pytest.mark.parametrize(
    ("channel", "away", "sticks"),
    [
        (Channel.EMAIL, 9 * MINUTE, True),
        (Channel.EMAIL, 11 * MINUTE, False),
        (Channel.CHAT, 1 * MINUTE, True),
        (Channel.CHAT, 3 * MINUTE, False),
    ],
)
def test_a_message_goes_to_who_answered_if_he_was_here_within_the_default_grace(
    db: Database,
    background: Database,
    clock: Clock,
    brand: BrandId,
    channel: Channel,
    away: timedelta,
    sticks: bool,
) -> None:
    worker = a_new_worker(background)
    ticket = answered(background, brand, worker, channel=channel)
    seen(background, worker)
    clock.forward(away)
    writes(db, brand, ticket)
    with background.transaction() as tx:
        row = tx.get_one(PoolTicket, ticket)
        assert (row.worker_id == worker, row.state is PoolState.CLAIMED) == (sticks, sticks)
        if not sticks:
            ended = tx.scalars(select(Claim).where(Claim.ticket_id == ticket)).one()
            assert ended.end_reason is ClaimEnd.HANDED_OVER


def test_the_brands_own_grace_holds(db: Database, background: Database, clock: Clock, brand: BrandId) -> None:
    set_rule(background, brand, Channel.EMAIL, silence=2_880, grace=60)
    worker = a_new_worker(background)
    ticket = answered(background, brand, worker)
    clock.forward(50 * MINUTE)
    writes(db, brand, ticket)
    with background.transaction() as tx:
        assert tx.get_one(PoolTicket, ticket).worker_id == worker


@pytest.mark.parametrize("change", [{"available": False}, {"status": WorkerStatus.RESTRICTED}])
def test_who_takes_no_work_or_may_not_is_not_around(
    db: Database, background: Database, brand: BrandId, change: dict[str, object]
) -> None:
    worker = a_new_worker(background)
    ticket = answered(background, brand, worker)
    with background.transaction() as tx:
        tx.execute(update(Worker).where(Worker.id == worker).values(**change, seen_at=app_now(tx)))
    writes(db, brand, ticket)
    assert state(background, brand, ticket) is TicketState.OPEN


def test_who_is_stopped_at_the_brand_or_everywhere_is_not_around(
    db: Database, background: Database, brand: BrandId
) -> None:
    for at in (brand, None):
        worker = a_new_worker(background)
        ticket = answered(background, brand, worker)
        with background.transaction() as tx:
            tx.add(
                KillSwitch(
                    id=SwitchId(new_id()),
                    kind=SwitchKind.WORKER,
                    brand_id=at,
                    key=str(worker),
                    reason="Rude.",
                    by_platform=at is None,
                    thrown_by=a_member(tx, brand),
                    thrown_at=app_now(tx),
                )
            )
        writes(db, brand, ticket)
        assert state(background, brand, ticket) is TicketState.OPEN


def test_a_follow_up_may_exceed_the_cap(db: Database, background: Database, brand: BrandId) -> None:
    with background.transaction() as tx:
        worker = a_worker(tx, email_cap=1)
    ticket = answered(background, brand, worker)
    with background.transaction() as tx:
        another = an_open_ticket(tx, brand)
    with db.transaction() as tx:
        claim_ticket(tx, ticket=another, worker=worker)
    writes(db, brand, ticket)
    with background.transaction() as tx:
        held = tx.scalars(select(PoolTicket.ticket_id).where(PoolTicket.worker_id == worker)).all()
        assert set(held) == {ticket, another}


def test_a_handed_over_ticket_waits_since_the_message(
    db: Database, background: Database, clock: Clock, brand: BrandId
) -> None:
    ticket = answered(background, brand, a_new_worker(background))
    clock.forward(timedelta(hours=3))
    writes(db, brand, ticket)
    with background.transaction() as tx:
        since = tx.get_one(PoolTicket, ticket).waiting_since
        assert app_now(tx) - since < MINUTE


# When silence ends it


@pytest.mark.parametrize(
    ("channel", "silence"), [(Channel.EMAIL, timedelta(hours=48)), (Channel.CHAT, timedelta(minutes=15))]
)
def test_silence_resolves_after_the_default_time(
    db: Database, background: Database, clock: Clock, brand: BrandId, channel: Channel, silence: timedelta
) -> None:
    ticket = answered(background, brand, a_new_worker(background), channel=channel)
    clock.forward(silence - MINUTE)
    assert _sweep(background) == 0
    clock.forward(2 * MINUTE)
    assert _sweep(background) == 1
    assert state(background, brand, ticket) is TicketState.RESOLVED


def test_silence_resolves_after_the_brands_own_time_and_other_brands_keep_theirs(
    db: Database, background: Database, clock: Clock, brand: BrandId
) -> None:
    set_rule(background, brand, Channel.EMAIL, silence=60, grace=10)
    ours = answered(background, brand, a_new_worker(background))
    with background.transaction() as tx:
        other = a_brand(tx)
    theirs = answered(background, other, a_new_worker(background))
    clock.forward(61 * MINUTE)
    assert _sweep(background) == 1
    assert state(background, brand, ours) is TicketState.RESOLVED
    assert state(background, other, theirs) is TicketState.ANSWERED


def test_an_answer_keeps_the_silence_it_was_sent_under(
    db: Database, background: Database, clock: Clock, brand: BrandId
) -> None:
    ticket = answered(background, brand, a_new_worker(background))
    set_rule(background, brand, Channel.EMAIL, silence=5, grace=10)
    clock.forward(timedelta(hours=47))
    assert _sweep(background) == 0
    clock.forward(timedelta(hours=2))
    assert _sweep(background) == 1
    assert state(background, brand, ticket) is TicketState.RESOLVED


def test_a_message_in_time_stops_the_silence(
    db: Database, background: Database, clock: Clock, brand: BrandId
) -> None:
    ticket = answered(background, brand, a_new_worker(background))
    clock.forward(timedelta(hours=47))
    writes(db, brand, ticket)
    clock.forward(timedelta(hours=47))
    assert _sweep(background) == 0
    assert state(background, brand, ticket) is TicketState.OPEN


def test_a_ticket_that_fails_holds_up_nobody_and_is_tried_again(
    background: Database, database_url: str, brand: BrandId, clock: Clock
) -> None:
    broken, behind = (answered(background, brand, a_new_worker(background)) for _ in range(2))
    clock.forward(timedelta(hours=49))

    def fails(_tx: Tx, fact: TicketResolved) -> None:
        if fact.ticket == broken:
            raise RuntimeError("its ledger is stuck")

    failing = Database(database_url, role=Role.BACKGROUND, shared={"bus": Bus({TicketResolved: [fails]})})
    assert resolve_silent(failing) == 1
    failing.dispose()
    assert state(background, brand, broken) is TicketState.ANSWERED
    assert state(background, brand, behind) is TicketState.RESOLVED
    assert resolve_silent(background) == 1
    assert state(background, brand, broken) is TicketState.RESOLVED


def test_a_sweep_that_waits_for_one_brands_account_holds_no_others(
    db: Database, background: Database, clock: Clock
) -> None:
    """Somebody posts to the same accounts, and comes to them in the opposite order."""
    brands = []
    for _ in range(2):
        with background.transaction() as tx:
            brands.append(a_brand(tx))
        answered(background, brands[-1], a_new_worker(background))
    clock.forward(timedelta(hours=49))

    with ThreadPoolExecutor(1) as threads, db.transaction(PLATFORM) as tx:
        lock_accounts(tx, [(reserved(brands[1]), USD)])
        sweeping = threads.submit(resolve_silent, background)
        while not tx.scalar(SOMEBODY_WAITS):
            assert not sweeping.done()
        lock_accounts(tx, [(reserved(brands[0]), USD)])
        tx.commit()
        assert sweeping.result() == 2


SOMEBODY_WAITS = text(
    "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))"
)


def test_the_sweep_reads_one_index(background: Database) -> None:
    with background.transaction() as tx:
        tx.execute(text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join(
            tx.scalars(
                text(
                    "EXPLAIN SELECT brand_id, id FROM ticket WHERE state = 'answered' "
                    "AND silence_ends_at <= now() ORDER BY silence_ends_at LIMIT 100"
                )
            )
        )
    assert "ix_ticket_silence" in plan
    assert "Sort" not in plan


# The rule itself


def test_without_a_rule_of_its_own_a_brand_has_the_defaults(background: Database, brand: BrandId) -> None:
    with background.transaction() as tx:
        rules = follow_ups_of(tx, brand=brand)
        assert (rules[Channel.EMAIL].silence, rules[Channel.EMAIL].grace) == (48 * 60 * MINUTE, 10 * MINUTE)
        assert (rules[Channel.CHAT].silence, rules[Channel.CHAT].grace) == (15 * MINUTE, 2 * MINUTE)


def test_a_rule_is_replaced_and_told_as_a_fact(background: Database, brand: BrandId) -> None:
    for silence in (60, 90):
        set_rule(background, brand, Channel.CHAT, silence=silence, grace=5)
    with background.transaction() as tx:
        assert follow_up_of(tx, brand=brand, channel=Channel.CHAT).silence == 90 * MINUTE
        told = text(
            "SELECT body ->> 'set_to' FROM event WHERE kind = 'reply_rules_set' AND brand_id = :brand"
        )
        assert "chat: silence 90 min, away 5 min" in tx.scalars(told, {"brand": brand}).all()


@pytest.mark.parametrize(("silence", "grace"), [(4, 10), (43_201, 10), (60, 0), (60, 1_441)])
def test_a_rule_beyond_its_limits_is_refused(
    background: Database, brand: BrandId, silence: int, grace: int
) -> None:
    with background.transaction() as tx, pytest.raises(BadFollowUp):
        set_follow_up(
            tx,
            brand=brand,
            channel=Channel.EMAIL,
            silence_minutes=silence,
            grace_minutes=grace,
            by=a_member(tx, brand),
        )


def _sweep(background: Database) -> int:
    return resolve_silent(background)

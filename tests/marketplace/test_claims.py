"""Who is given which ticket: lanes, the fair order, what is left out, and claims that share a commit."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Row, text, update

from marketplace.accounts.commands import set_worker_profile
from marketplace.accounts.models import Brand, Worker
from marketplace.accounts.sessions import begin_session
from marketplace.accounts.tokens import hash_of
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Tx
from marketplace.kernel.errors import AppError
from marketplace.kernel.ids import BrandId, TicketId, WorkerId, new_id
from marketplace.tickets.models import Category, Channel, ClaimEnd, PoolTicket, ReleaseReason
from marketplace.tickets.mutes import mute_brand, muted_brands, unmute_brand
from marketplace.tickets.pool import (
    REFUSALS,
    AlreadyClaimed,
    AlreadyExtended,
    AtYourLimit,
    GivenBackBefore,
    KeptForNewcomers,
    NotEligible,
    PoolEmpty,
    claim_next,
    claim_ticket,
    extend_lease,
    open_to_everybody,
    return_claims,
    skip_ticket,
)
from marketplace.tickets.pool_queries import (
    EVERYTHING,
    PoolFilters,
    PoolPage,
    lanes_of_worker,
    next_best,
    pool_for,
)
from tests.builders import Clock, a_brand, a_worker, an_open_ticket, as_worker, usd

NEWCOMER_UNTIL = 10


def _experienced(tx: Tx, worker: WorkerId) -> WorkerId:
    tx.execute(update(Worker).where(Worker.id == worker).values(resolved_count=NEWCOMER_UNTIL))
    return worker


def _for_newcomers(tx: Tx, ticket: TicketId, *, kept: bool = True) -> None:
    tx.execute(update(PoolTicket).where(PoolTicket.ticket_id == ticket).values(newcomers_first=kept))


def _slug(tx: Tx, brand: BrandId) -> str:
    return tx.get_one(Brand, brand).slug


def _pool_of(tx: Tx, worker: WorkerId, filters: PoolFilters = EVERYTHING) -> PoolPage:
    return pool_for(tx, worker=worker, lanes=lanes_of_worker(tx, worker=worker), filters=filters)


def _claim_all(tx: Tx, worker: WorkerId) -> list[TicketId]:
    claimed: list[TicketId] = []
    while True:
        try:
            claimed.append(claim_next(tx, worker=worker).ticket)
        except (PoolEmpty, AtYourLimit):
            return claimed


def test_lanes_are_named_by_channel_language_and_skill(background: Database) -> None:
    with background.transaction() as tx:
        worker = a_worker(tx)
        set_worker_profile(
            tx, worker=worker, languages=["pt-BR", "en"], skills=["technical", "billing"], available=True
        )
        row = tx.execute(
            text("SELECT email_lanes || chat_lanes AS lanes FROM worker WHERE id = :id"), {"id": worker}
        ).one()
        brand = a_brand(tx)
        ticket = an_open_ticket(tx, brand, language="pt-BR")
        lane = tx.get_one(PoolTicket, ticket).lane
    assert sorted(row.lanes) == sorted(
        f"{channel}/{language}/{skill}"
        for channel in Channel
        for language in ("en", "pt")
        for skill in ("general", "technical", "billing")
    )
    assert lane == "email/pt/general"


def test_the_next_ticket_is_the_most_pressing_one_that_the_worker_speaks_and_knows(
    background: Database,
) -> None:
    with background.transaction() as tx:
        brand, worker = a_brand(tx), a_worker(tx, email_cap=10)
        tx.get_one(Category, (brand, "general")).skill = None
        later = an_open_ticket(tx, brand)
        urgent = an_open_ticket(tx, brand, priority=2)
        german = an_open_ticket(tx, brand, language="de")
        tx.get_one(Category, (brand, "general")).skill = "technical"
        technical = an_open_ticket(tx, brand, priority=2)
    with background.transaction() as tx:
        with pytest.raises(NotEligible):
            claim_ticket(tx, ticket=german, worker=worker)
        with pytest.raises(NotEligible):
            claim_ticket(tx, ticket=technical, worker=worker)
        assert next_best_id(tx, worker) == urgent
        assert _claim_all(tx, worker) == [urgent, later]
        set_worker_profile(tx, worker=worker, languages=["en", "de-AT"], skills=["technical"], available=True)
        assert set(_claim_all(tx, worker)) == {german, technical}


def next_best_id(tx: Tx, worker: WorkerId) -> TicketId | None:
    card = next_best(tx, worker=worker)
    return card.ticket if card else None


def test_a_muted_brand_is_not_offered_until_it_is_shown_again(background: Database) -> None:
    with background.transaction() as tx:
        loud, quiet, worker = a_brand(tx), a_brand(tx), a_worker(tx, email_cap=10)
        muted = [an_open_ticket(tx, loud, priority=2) for _ in range(3)]
        offered = an_open_ticket(tx, quiet)
        mute_brand(tx, worker=worker, slug=_slug(tx, loud), now=app_now(tx))
        mute_brand(tx, worker=worker, slug=_slug(tx, loud), now=app_now(tx))
        assert [brand.id for brand in muted_brands(tx, worker=worker)] == [loud]
    with background.transaction(as_worker(worker)) as tx:
        assert [card.ticket for card in _pool_of(tx, worker).cards] == [offered]
        assert _claim_all(tx, worker) == [offered]
        unmute_brand(tx, worker=worker, slug=_slug(tx, loud))
        assert set(_claim_all(tx, worker)) == set(muted)


def test_newcomers_have_first_pick_of_a_share_and_nobody_waits_for_them(
    background: Database, clock: Clock
) -> None:
    with background.transaction() as tx:
        brand = a_brand(tx)
        newcomer, old = a_worker(tx, email_cap=1), _experienced(tx, a_worker(tx, email_cap=10))
        kept, open_to_all = an_open_ticket(tx, brand, priority=2), an_open_ticket(tx, brand)
        _for_newcomers(tx, kept)
        _for_newcomers(tx, open_to_all, kept=False)
    with background.transaction() as tx:
        assert [card.ticket for card in _pool_of(tx, old).cards] == [open_to_all]
        assert [card.ticket for card in _pool_of(tx, newcomer).cards] == [kept, open_to_all]
        with pytest.raises(KeptForNewcomers):
            claim_ticket(tx, ticket=kept, worker=old)
    with background.transaction() as tx:
        assert _claim_all(tx, old) == [open_to_all, kept], "with nothing else to do he may take it"
    with background.transaction() as tx:
        again = an_open_ticket(tx, brand)
        _for_newcomers(tx, again)
        assert open_to_everybody(tx, now=app_now(tx)) == 0
    clock.forward(timedelta(minutes=3))
    with background.transaction() as tx:
        assert open_to_everybody(tx, now=app_now(tx)) == 1
        assert claim_ticket(tx, ticket=again, worker=old).number == 1


def test_about_a_tenth_of_the_tickets_is_kept_for_newcomers_while_one_is_around(background: Database) -> None:
    with background.transaction() as tx:
        brand = a_brand(tx, funds=usd(1_000_000))
        before = [an_open_ticket(tx, brand) for _ in range(20)]
        a_worker(tx)
        during = [an_open_ticket(tx, brand) for _ in range(80)]
        kept = [tx.get_one(PoolTicket, ticket).newcomers_first for ticket in (*before, *during)]
    assert not any(kept[:20])
    assert 1 <= sum(kept[20:]) <= 20


def test_a_skipped_ticket_is_not_offered_again(background: Database) -> None:
    with background.transaction() as tx:
        brand, worker, other = a_brand(tx), a_worker(tx), a_worker(tx)
        ticket = an_open_ticket(tx, brand)
        skip_ticket(tx, ticket=ticket, worker=worker, reason=ReleaseReason.NOT_MY_SKILL, now=app_now(tx))
        with pytest.raises(PoolEmpty):
            claim_next(tx, worker=worker)
        with pytest.raises(GivenBackBefore):
            claim_ticket(tx, ticket=ticket, worker=worker)
        assert claim_next(tx, worker=other).ticket == ticket


def test_a_lease_is_extended_once_by_the_channels_clock(background: Database) -> None:
    with background.transaction() as tx:
        brand, worker = a_brand(tx), a_worker(tx)
        hold = claim_ticket(tx, ticket=an_open_ticket(tx, brand), worker=worker)
    with background.transaction() as tx:
        more = extend_lease(tx, ticket=hold.ticket, worker=worker, number=hold.number, now=app_now(tx))
        assert hold.lease_ends_at is not None
        assert more.lease_ends_at == hold.lease_ends_at + timedelta(minutes=15)
        with pytest.raises(AlreadyExtended):
            extend_lease(tx, ticket=hold.ticket, worker=worker, number=hold.number, now=app_now(tx))


def test_returned_claims_keep_their_place_and_their_waiting_time(background: Database) -> None:
    with background.transaction() as tx:
        brand, worker, other = a_brand(tx), a_worker(tx), a_worker(tx)
        ticket = an_open_ticket(tx, brand)
        before = tx.get_one(PoolTicket, ticket)
        waited, rank = before.waiting_since, before.rank_at
        claim_ticket(tx, ticket=ticket, worker=worker)
    with background.transaction() as tx:
        assert return_claims(tx, worker=worker, end=ClaimEnd.SIGNED_OUT, now=app_now(tx)) == 1
        row = tx.get_one(PoolTicket, ticket)
        assert (row.waiting_since, row.rank_at, row.worker_id) == (waited, rank, None)
        assert claim_next(tx, worker=other).ticket == ticket


def test_filters_narrow_the_pool_and_say_when_they_did_not_look_at_everything(background: Database) -> None:
    with background.transaction() as tx:
        cheap, dear = a_brand(tx, price=usd(250)), a_brand(tx, price=usd(900))
        worker = a_worker(tx)
        small, large = an_open_ticket(tx, cheap), an_open_ticket(tx, dear)
    with background.transaction() as tx:

        def shown(**asked: object) -> Sequence[TicketId]:
            filters = PoolFilters(**asked)  # type: ignore[arg-type]  # the test's own keywords
            page = _pool_of(tx, worker, filters)
            assert page.searched_all
            return [card.ticket for card in page.cards]

        assert set(shown()) == {small, large}
        assert shown(minimum_pay_minor=500) == [large]
        assert shown(brand=_slug(tx, cheap)) == [small]
        assert shown(channel="chat") == []
        assert shown(language="de") == []
        assert shown(longest_minutes=1) == []


def test_claims_of_one_batch_are_decided_together_and_each_for_itself(background: Database) -> None:
    with background.transaction() as tx:
        brand = a_brand(tx)
        first, second, full = a_worker(tx), a_worker(tx), a_worker(tx, email_cap=0)
        wanted, other = an_open_ticket(tx, brand), an_open_ticket(tx, brand)
        tokens = [_session(tx, worker) for worker in (first, second, full)]
    rows = _batch(
        background, [(tokens[0], wanted), (tokens[1], wanted), (b"nobody", None), (tokens[2], None)]
    )
    assert [row.outcome for row in rows] == ["claimed", "taken", "signed_out", "capped"]
    assert rows[1].next_best == other
    with background.transaction() as tx, pytest.raises(AlreadyClaimed):
        claim_ticket(tx, ticket=wanted, worker=second)


def test_a_batch_never_gives_a_worker_more_than_his_cap(background: Database) -> None:
    with background.transaction() as tx:
        brand, worker = a_brand(tx), a_worker(tx, email_cap=2)
        for _ in range(5):
            an_open_ticket(tx, brand)
        token = _session(tx, worker)
    rows = _batch(background, [(token, None)] * 5)
    assert [row.outcome for row in rows] == ["claimed", "claimed", "capped", "capped", "capped"]
    assert len({row.ticket_id for row in rows[:2]}) == 2


def test_every_outcome_of_the_database_has_its_sentence() -> None:
    refusals: list[type[AppError]] = list(REFUSALS.values())
    assert all(kind().detail and not kind().detail.endswith(":") for kind in refusals)


def _session(tx: Tx, worker: WorkerId) -> bytes:
    person = tx.get_one(Worker, worker).person_id
    return hash_of(begin_session(tx, person=person, session_hours=1, now=app_now(tx)).token)


def _batch(database: Database, asked: Sequence[tuple[bytes, TicketId | None]]) -> Sequence[Row[Any]]:
    with database.transaction() as tx:
        rows = tx.execute(
            text(
                "SELECT * FROM claim_batch(CAST(:sessions AS bytea[]), CAST(:tickets AS uuid[]), "
                "CAST(:claims AS uuid[])) ORDER BY place"
            ),
            {
                "sessions": [session for session, _ in asked],
                "tickets": [ticket for _, ticket in asked],
                "claims": [new_id() for _ in asked],
            },
        )
        return rows.all()

"""What an escalation pays, to the cent: the fee, unless the brand says why the replies before it were needless."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from billing.accounts import pending, platform_fee, reserved, wallet
from billing.models import Earning, EarningKind
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import BrandId, TicketId, WorkerId
from marketplace.tickets.endings import (
    NoteTooLong,
    NothingNeedless,
    confirm_escalation,
    confirm_overdue_escalations,
    escalate_ticket,
    reject_escalation,
)
from marketplace.tickets.models import Escalation, EscalationReason, EscalationState
from marketplace.tickets.pool import claim_ticket
from marketplace.tickets.replies import send_reply
from tests.billing.paying import assert_proven, standing
from tests.builders import Clock, a_brand, a_worker, an_open_ticket, as_brand, as_worker, usd

# 2.50 is 2.00 pay and 0.50 fee; an escalation pays 30 % of the pay and the platform its share of that.
FEE, PLATFORM = usd(60), usd(12)
FULL = usd(10_000)


@pytest.fixture
def brand(background: Database) -> BrandId:
    with background.transaction() as tx:
        a_brand(tx, name="Noise & Sons")
        return a_brand(tx)


@pytest.fixture
def worker(background: Database) -> WorkerId:
    with background.transaction() as tx:
        return a_worker(tx)


def an_escalation(
    db: Database, background: Database, brand: BrandId, worker: WorkerId, *, after: int = 0
) -> TicketId:
    """Escalated after so many replies."""
    with background.transaction() as tx:
        ticket = an_open_ticket(tx, brand)
    with db.transaction() as tx:
        number = claim_ticket(tx, ticket=ticket, worker=worker).number
    with db.transaction(as_worker(worker)) as tx:
        for _ in range(after):
            send_reply(tx, ticket=ticket, worker=worker, number=number, body="One moment.", now=app_now(tx))
        escalate_ticket(
            tx,
            ticket=ticket,
            worker=worker,
            number=number,
            reason=EscalationReason.NEEDS_BRAND_ACTION,
            note="Only you can refund this.",
            now=app_now(tx),
        )
    return ticket


def balances(background: Database, brand: BrandId, worker: WorkerId) -> tuple[object, ...]:
    with background.transaction() as tx:
        return tuple(
            standing(tx, account)
            for account in (pending(brand, worker), platform_fee(brand), reserved(brand), wallet(brand))
        )


@pytest.mark.parametrize("after", [0, 2])
def test_a_confirmed_escalation_pays_the_fee_whatever_was_written_before(
    db: Database, background: Database, brand: BrandId, worker: WorkerId, after: int
) -> None:
    ticket = an_escalation(db, background, brand, worker, after=after)
    with db.transaction(as_brand(brand)) as tx:
        confirm_escalation(tx, brand=brand, ticket=ticket, by="Mo", note="Thank you.", now=app_now(tx))
    assert balances(background, brand, worker) == (FEE, PLATFORM, usd(0), usd(10_000 - 72))
    with background.transaction() as tx:
        assert [one.kind for one in tx.scalars(select(Earning))] == [EarningKind.ESCALATION]
    assert_proven(background)


def test_needless_replies_before_it_take_the_fee_and_everything_goes_back(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    ticket = an_escalation(db, background, brand, worker, after=1)
    with db.transaction(as_brand(brand)) as tx:
        decided = confirm_escalation(
            tx,
            brand=brand,
            ticket=ticket,
            by="Mo",
            needless_reason=" Our page says so in its first line. ",
            now=app_now(tx),
        )
        assert (decided.state, decided.needless_reason) == (
            EscalationState.CONFIRMED,
            "Our page says so in its first line.",
        )
    assert balances(background, brand, worker) == (usd(0), usd(0), usd(0), FULL)
    with background.transaction() as tx:
        assert tx.scalars(select(Earning)).all() == []
        told = text("SELECT body FROM event WHERE kind = 'escalation_confirmed' AND brand_id = :brand")
        assert tx.scalars(told, {"brand": brand}).one()["needless"] is True
    assert_proven(background)


def test_what_was_never_written_cannot_have_been_needless(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    ticket = an_escalation(db, background, brand, worker)
    with db.transaction(as_brand(brand)) as tx, pytest.raises(NothingNeedless):
        confirm_escalation(tx, brand=brand, ticket=ticket, by="Mo", needless_reason="Why?", now=app_now(tx))
    with db.transaction(as_brand(brand)) as tx:
        confirm_escalation(tx, brand=brand, ticket=ticket, by="Mo", needless_reason="  ", now=app_now(tx))
    assert balances(background, brand, worker)[0] == FEE


def test_replies_of_somebody_else_before_are_not_held_against_who_escalates(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    with background.transaction() as tx:
        ticket, first = an_open_ticket(tx, brand), a_worker(tx)
    with db.transaction() as tx:
        number = claim_ticket(tx, ticket=ticket, worker=first).number
    with db.transaction(as_worker(first)) as tx:
        send_reply(tx, ticket=ticket, worker=first, number=number, body="One moment.", now=app_now(tx))
    with background.transaction() as tx:
        tx.execute(
            text("UPDATE pool_ticket SET state = 'open', worker_id = NULL WHERE ticket_id = :t"),
            {"t": ticket},
        )
        tx.execute(
            text("UPDATE claim SET ended_at = app_now(), end_reason = 'handed_over' WHERE ticket_id = :t"),
            {"t": ticket},
        )
    with db.transaction() as tx:
        number = claim_ticket(tx, ticket=ticket, worker=worker).number
    with db.transaction(as_worker(worker)) as tx:
        escalate_ticket(
            tx,
            ticket=ticket,
            worker=worker,
            number=number,
            reason=EscalationReason.OTHER,
            note="",
            now=app_now(tx),
        )
    with db.transaction(as_brand(brand)) as tx, pytest.raises(NothingNeedless):
        confirm_escalation(tx, brand=brand, ticket=ticket, by="Mo", needless_reason="Why?", now=app_now(tx))


def test_silence_confirms_with_the_fee_and_never_calls_anything_needless(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    ticket = an_escalation(db, background, brand, worker, after=3)
    Clock(database=background).forward(timedelta(hours=25))
    assert confirm_overdue_escalations(background) == 1
    assert balances(background, brand, worker) == (FEE, PLATFORM, usd(0), usd(10_000 - 72))
    with background.transaction() as tx, pytest.raises(IntegrityError):
        tx.execute(text("UPDATE escalation SET needless_reason = 'late' WHERE ticket_id = :t"), {"t": ticket})


def test_a_rejected_escalation_pays_nobody_and_keeps_the_note(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    ticket = an_escalation(db, background, brand, worker, after=1)
    with db.transaction(as_brand(brand)) as tx:
        reject_escalation(tx, brand=brand, ticket=ticket, by="Mo", note="See article 7.", now=app_now(tx))
    assert balances(background, brand, worker) == (usd(0), usd(0), usd(0), FULL)
    with db.transaction(as_worker(worker)) as tx:
        assert tx.scalars(select(Escalation.decision_note)).one() == "See article 7."


@pytest.mark.parametrize("field", ["note", "needless_reason"])
def test_a_decision_of_too_many_words_decides_nothing(
    db: Database, background: Database, brand: BrandId, worker: WorkerId, field: str
) -> None:
    ticket = an_escalation(db, background, brand, worker, after=1)
    with db.transaction(as_brand(brand)) as tx, pytest.raises(NoteTooLong):
        confirm_escalation(tx, brand=brand, ticket=ticket, by="Mo", now=app_now(tx), **{field: "x" * 2_001})
    with background.transaction() as tx:
        assert tx.scalars(select(Escalation.state)).one() is EscalationState.OPEN

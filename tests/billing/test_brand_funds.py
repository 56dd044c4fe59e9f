"""Promo credit, wallet and credit line behind a brand's tickets: taken in that order, returned where they came from."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from billing import earnings
from billing.accounts import INCENTIVES, owed_by_brand, platform_fee, promo, reserved, wallet
from billing.brand_queries import spent_since
from billing.credit_lines import BadCreditLine, set_credit_line
from billing.funds_models import CreditLine
from billing.promos import BadPromo, give_promo
from marketplace.events.facts import CreditLineSet, PromoGiven, kind_of
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Tx
from marketplace.kernel.ids import BrandId, TicketId
from marketplace.tickets import endings, posting, recalls
from marketplace.tickets.models import EscalationReason, PoolTicket, Ticket, TicketState
from marketplace.tickets.pool import claim_ticket
from tests.billing.paying import PRICE, as_owner, assert_proven, standing
from tests.builders import a_brand, a_person, a_resolved_ticket, a_worker, an_open_ticket, as_brand, usd
from workers_ui.background import AFTER_THE_COMMIT

PROMO = usd(500)


def a_brand_with(tx: Tx, *, funds: int = 0, promo: int = 0, line: int | None = None) -> BrandId:
    """A brand with 20.00 tickets, beside another with money of its own."""
    a_brand(tx, name="Noise & Sons")
    brand = a_brand(tx, price=PRICE, funds=usd(funds))
    if promo:
        give_promo(
            tx, brand=brand, amount=usd(promo), reason="Welcome.", person=a_person(tx), now=app_now(tx)
        )
    if line is not None:
        give_line(tx, brand, line)
    return brand


def give_line(tx: Tx, brand: BrandId, limit: int) -> None:
    set_credit_line(
        tx,
        brand=brand,
        limit=usd(limit),
        invoice_at_minor=50_000,
        days_until_due=14,
        billing_email="bills@example.com",
        person=a_person(tx),
        now=app_now(tx),
    )


def books(database: Database, brand: BrandId) -> Mapping[str, int]:
    accounts = {
        "promo": promo(brand),
        "wallet": wallet(brand),
        "reserved": reserved(brand),
        "owed": owed_by_brand(brand),
    }
    with database.transaction() as tx:
        return {name: standing(tx, account).amount_minor for name, account in accounts.items()}


def state(database: Database, brand: BrandId, ticket: TicketId) -> TicketState:
    with database.transaction() as tx:
        return tx.get_one(Ticket, (brand, ticket)).state


def test_case_48_promo_is_spent_before_the_wallet_and_returns_to_promo_never_to_cash(
    background: Database,
) -> None:
    with background.transaction() as tx:
        brand = a_brand_with(tx, funds=10_000, promo=500)
        ticket = an_open_ticket(tx, brand)
        assert standing(tx, INCENTIVES) == PROMO
    assert books(background, brand) == {"promo": 0, "wallet": 8_500, "reserved": 2_000, "owed": 0}
    with background.transaction() as tx:
        recalls.withdraw(tx, brand=brand, ticket=ticket, reason="Spam.", by="Mo", now=app_now(tx))
    assert books(background, brand) == {"promo": 500, "wallet": 10_000, "reserved": 0, "owed": 0}
    assert_proven(background)


def test_what_a_resolution_costs_takes_the_promo_credit_first(background: Database) -> None:
    with background.transaction() as tx:
        brand = a_brand_with(tx, funds=10_000, promo=500)
        a_resolved_ticket(tx, brand, a_worker(tx))
    assert books(background, brand) == {"promo": 0, "wallet": 8_500, "reserved": 0, "owed": 0}
    assert_proven(background)


def test_what_a_brand_spent_counts_what_promo_credit_and_its_line_paid(background: Database) -> None:
    with background.transaction() as tx:
        since = app_now(tx)
        brand = a_brand_with(tx, funds=1_000, promo=500, line=5_000)
        an_open_ticket(tx, brand)
        a_resolved_ticket(tx, brand, a_worker(tx))
        assert spent_since(tx, brand=brand, currency="usd", since=since) == PRICE


def test_a_confirmed_escalation_returns_the_promo_credit_that_its_fee_left(background: Database) -> None:
    """The fee is 30 % of 16.00 and the platform's share of it 0.96: 5.76 is spent of 15.00 promo credit."""
    with background.transaction() as tx:
        brand, worker = a_brand_with(tx, funds=10_000, promo=1_500), a_worker(tx)
        ticket = an_open_ticket(tx, brand)
        hold = claim_ticket(tx, ticket=ticket, worker=worker)
        endings.escalate_ticket(
            tx,
            ticket=ticket,
            worker=worker,
            number=hold.number,
            reason=EscalationReason.NEEDS_BRAND_ACTION,
            note="Only you can.",
            now=app_now(tx),
        )
        endings.confirm_escalation(tx, brand=brand, ticket=ticket, by="Mo", now=app_now(tx))
        assert standing(tx, platform_fee(brand)) == usd(96)
    assert books(background, brand) == {"promo": 924, "wallet": 10_000, "reserved": 0, "owed": 0}
    assert_proven(background)


def test_tickets_that_awaited_money_open_on_promo_credit_alone(background: Database) -> None:
    with background.transaction() as tx:
        brand = a_brand_with(tx)
        ticket = an_open_ticket(tx, brand)
    assert state(background, brand, ticket) is TicketState.AWAITING_FUNDS
    assert {kind_of(PromoGiven), kind_of(CreditLineSet)} <= AFTER_THE_COMMIT.keys()
    with background.transaction() as tx:
        give_promo(tx, brand=brand, amount=usd(2_000), reason="Sorry.", person=a_person(tx), now=app_now(tx))
        earnings.open_awaiting(tx, brand=brand, now=app_now(tx))
    assert state(background, brand, ticket) is TicketState.OPEN
    assert books(background, brand)["promo"] == 0


@pytest.mark.parametrize(
    ("amount", "reason"), [(0, "Hi."), (10_000_001, "Hi."), (100, " "), (100, "x" * 201)]
)
def test_a_promo_needs_an_amount_and_a_reason(background: Database, amount: int, reason: str) -> None:
    with background.transaction() as tx:
        brand = a_brand_with(tx)
        with pytest.raises(BadPromo):
            give_promo(
                tx, brand=brand, amount=usd(amount), reason=reason, person=a_person(tx), now=app_now(tx)
            )


def test_a_brand_gives_itself_neither_promo_nor_credit(db: Database, background: Database) -> None:
    with background.transaction() as tx:
        brand, person = a_brand_with(tx, line=0), a_person(tx)
    with db.transaction(as_brand(brand)) as tx:
        tx.execute(text("UPDATE credit_line SET limit_minor = 1000000"))
        assert tx.scalars(select(CreditLine.limit_minor)).one() == 0
    with pytest.raises(DBAPIError, match="row-level security"), db.transaction(as_brand(brand)) as tx:
        give_promo(tx, brand=brand, amount=usd(1), reason="Me.", person=person, now=app_now(tx))


def test_a_credit_line_is_drawn_for_what_the_wallet_lacks(background: Database) -> None:
    with background.transaction() as tx:
        brand = a_brand_with(tx, funds=500, line=5_000)
        first = an_open_ticket(tx, brand)
    assert state(background, brand, first) is TicketState.OPEN
    assert books(background, brand) == {"promo": 0, "wallet": 0, "reserved": 2_000, "owed": 1_500}
    with background.transaction() as tx:
        second, third = an_open_ticket(tx, brand), an_open_ticket(tx, brand)
    assert state(background, brand, second) is TicketState.OPEN
    assert state(background, brand, third) is TicketState.AWAITING_FUNDS
    assert books(background, brand)["owed"] == 3_500
    assert_proven(background)


def test_twenty_tickets_at_once_on_a_line_for_ten_draw_exactly_ten(background: Database) -> None:
    with background.transaction() as tx:
        brand = a_brand_with(tx, line=20_000)

    def post(_: int) -> TicketId:
        with background.transaction() as tx:
            return an_open_ticket(tx, brand)

    with ThreadPoolExecutor(max_workers=8) as pool:
        tickets = list(pool.map(post, range(20)))
    states = [state(background, brand, ticket) for ticket in tickets]
    assert states.count(TicketState.OPEN) == 10
    assert books(background, brand) == {"promo": 0, "wallet": 0, "reserved": 20_000, "owed": 20_000}
    assert_proven(background)


@pytest.mark.parametrize(("limit", "at", "days"), [(-1, 1, 14), (1, 0, 14), (1, 1, 0), (1, 1, 91)])
def test_a_credit_line_within_reason(background: Database, limit: int, at: int, days: int) -> None:
    with background.transaction() as tx:
        brand = a_brand_with(tx)
        with pytest.raises(BadCreditLine):
            set_credit_line(
                tx,
                brand=brand,
                limit=usd(limit),
                invoice_at_minor=at,
                days_until_due=days,
                billing_email="bills@example.com",
                person=a_person(tx),
                now=app_now(tx),
            )


def test_an_unclaimed_ticket_leaves_the_pool_with_its_money_and_opens_once_when_there_is_some(
    background: Database,
) -> None:
    with background.transaction() as tx:
        brand = a_brand_with(tx, funds=2_000)
        ticket = an_open_ticket(tx, brand)
        assert posting.unpublish(tx, brand=brand, ticket=ticket)
        assert tx.get(PoolTicket, ticket) is None
    assert state(background, brand, ticket) is TicketState.AWAITING_FUNDS
    assert books(background, brand) == {"promo": 0, "wallet": 2_000, "reserved": 0, "owed": 0}
    for _ in range(2):
        with background.transaction() as tx:
            earnings.open_awaiting(tx, brand=brand, now=app_now(tx))
    assert state(background, brand, ticket) is TicketState.OPEN
    assert books(background, brand)["reserved"] == 2_000
    assert_proven(background)


def test_a_ticket_that_somebody_claimed_is_honoured(background: Database) -> None:
    with background.transaction() as tx:
        brand = a_brand_with(tx, funds=2_000)
        ticket = an_open_ticket(tx, brand)
        claim_ticket(tx, ticket=ticket, worker=a_worker(tx))
        assert not posting.unpublish(tx, brand=brand, ticket=ticket)
    assert books(background, brand)["reserved"] == 2_000


def test_what_a_ticket_drew_of_promo_credit_is_told_to_nobody_else(
    background: Database, database_url: str
) -> None:
    with background.transaction() as tx:
        brand = a_brand_with(tx, funds=10_000, promo=500)
        other = a_brand(tx)
        ticket = an_open_ticket(tx, brand)
    behind = text("SELECT promo_behind_ticket(:brand, :ticket)")
    with as_owner(database_url) as sql:
        assert sql.execute(behind, {"brand": brand, "ticket": ticket}).scalar_one() == 500
        assert sql.execute(behind, {"brand": other, "ticket": ticket}).scalar_one() == 0

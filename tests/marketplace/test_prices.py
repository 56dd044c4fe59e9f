"""The price table: the most exact cell holds, and what a ticket or claim names never changes."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier

import pytest
from sqlalchemy import func, select

from marketplace.accounts.models import Brand
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import BrandId
from marketplace.tickets.hours import Window
from marketplace.tickets.models import Claim, PoolTicket, Terms, Ticket
from marketplace.tickets.pool import claim_ticket
from marketplace.tickets.price_queries import own_terms, priced_cells
from marketplace.tickets.prices import DefaultNeedsAPrice, NoSuchPrice, remove_price
from marketplace.tickets.terms import (
    BadLanguage,
    CategoryPlan,
    HoursOverlap,
    PriceChangedMeanwhile,
    add_category,
    set_price,
    terms_in_force,
)
from tests.builders import a_brand, a_worker, an_open_ticket, as_brand, usd

NOON_UTC = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def brand(background: Database) -> BrandId:
    with background.transaction() as tx:
        noise = a_brand(tx, name="Noise & Sons")
        set_price(
            tx, brand=noise, category="general", total=usd(999), author=None, now=app_now(tx), language="de"
        )
        brand = a_brand(tx)
        add_category(tx, brand=brand, plan=CategoryPlan(key="returns", name="Returns"))
        return brand


def price(
    db: Database,
    brand: BrandId,
    amount: int,
    *,
    category: str = "general",
    language: str = "",
    hours: Window | None = None,
) -> Terms:
    with db.transaction(as_brand(brand)) as tx:
        return set_price(
            tx,
            brand=brand,
            category=category,
            total=usd(amount),
            author=None,
            now=app_now(tx),
            language=language,
            hours=hours,
        )


def cost(
    db: Database, brand: BrandId, *, category: str = "general", language: str = "en", hour: int = 12
) -> int:
    with db.transaction(as_brand(brand)) as tx:
        terms = terms_in_force(
            tx, brand=brand, category=category, language=language, now=NOON_UTC.replace(hour=hour)
        )
        assert terms is not None
        return terms.total_minor


def test_the_most_exact_cell_holds(db: Database, brand: BrandId) -> None:
    price(db, brand, 300, category="returns")
    price(db, brand, 310, category="returns", hours=(8, 18))
    price(db, brand, 320, category="returns", language="de")
    price(db, brand, 330, category="returns", language="de", hours=(8, 18))
    price(db, brand, 340, category="returns", language="de-CH")

    assert cost(db, brand, category="returns", hour=20) == 300
    assert cost(db, brand, category="returns", hour=12) == 310
    assert cost(db, brand, category="returns", language="de-AT", hour=20) == 320
    assert cost(db, brand, category="returns", language="DE", hour=12) == 330
    assert cost(db, brand, category="returns", language="de-CH", hour=12) == 340


def test_a_category_without_prices_costs_what_the_default_does(db: Database, brand: BrandId) -> None:
    price(db, brand, 270, language="de")
    assert cost(db, brand, category="returns") == 250
    assert cost(db, brand, category="returns", language="de") == 270
    price(db, brand, 400, category="returns")
    assert cost(db, brand, category="returns", language="de") == 400


def test_hours_are_the_brands_own_and_may_pass_midnight(
    db: Database, background: Database, brand: BrandId
) -> None:
    with background.transaction() as tx:
        tx.get_one(Brand, brand).time_zone = "Asia/Tokyo"
    price(db, brand, 500, hours=(22, 6))
    assert cost(db, brand, hour=12) == 250  # nine in the evening in Tokyo
    assert cost(db, brand, hour=13) == 500
    assert cost(db, brand, hour=20) == 500
    assert cost(db, brand, hour=21) == 250


@pytest.mark.parametrize("other", [(9, 11), (11, 17), (22, 13)])
def test_windows_of_one_cell_never_overlap(db: Database, brand: BrandId, other: Window) -> None:
    price(db, brand, 300, hours=(10, 12))
    with pytest.raises(HoursOverlap):
        price(db, brand, 310, hours=other)
    price(db, brand, 320, hours=other, language="es")
    price(db, brand, 330, hours=(10, 12))
    assert cost(db, brand, hour=10) == 330


def test_of_prices_set_at_once_for_one_cell_one_holds_and_every_version_stays(
    db: Database, brand: BrandId
) -> None:
    start = Barrier(8)

    def act(number: int) -> int:
        start.wait()
        try:
            return price(db, brand, 1_000 + number, language="es").total_minor
        except PriceChangedMeanwhile:
            return 0

    with ThreadPoolExecutor(8) as pool:
        set_to = {amount for amount in pool.map(act, range(8)) if amount}
    assert cost(db, brand, language="es") in set_to
    with db.transaction(as_brand(brand)) as tx:
        assert tx.scalar(select(func.count()).where(Terms.brand_id == brand)) == 1 + len(set_to)
        assert len(priced_cells(tx, brand=brand)) == 2


def test_a_later_price_leaves_a_posted_ticket_and_a_claim_as_they_were(
    db: Database, background: Database, brand: BrandId
) -> None:
    with background.transaction() as tx:
        posted = an_open_ticket(tx, brand)
        claimed = an_open_ticket(tx, brand)
        first = tx.get_one(Ticket, (brand, posted)).terms_id
        claim_ticket(tx, ticket=claimed, worker=a_worker(tx))
    newer = price(db, brand, 9_000)
    with db.transaction(as_brand(brand)) as tx:
        assert tx.get_one(Ticket, (brand, posted)).terms_id == first != newer.id
        assert tx.get_one(PoolTicket, posted).terms_id == first
        assert tx.get_one(PoolTicket, posted).pay_minor == 200
        assert tx.scalars(select(Claim.terms_id).where(Claim.ticket_id == claimed)).one() == first
        late = an_open_ticket(tx, brand)
        assert tx.get_one(Ticket, (brand, late)).terms_id == newer.id


def test_a_ticket_opens_under_the_price_of_its_language(db: Database, brand: BrandId) -> None:
    spanish = price(db, brand, 700, language="es")
    with db.transaction(as_brand(brand)) as tx:
        ticket = an_open_ticket(tx, brand, language="es-MX")
        assert tx.get_one(Ticket, (brand, ticket)).terms_id == spanish.id


def test_removing_a_price_takes_the_cell_and_keeps_its_terms(db: Database, brand: BrandId) -> None:
    spanish = price(db, brand, 700, language="es")
    with db.transaction(as_brand(brand)) as tx:
        cell = next(one for one in priced_cells(tx, brand=brand) if one.language == "es")
        remove_price(tx, brand=brand, price=cell.id)
    assert cost(db, brand, language="es") == 250
    with db.transaction(as_brand(brand)) as tx:
        assert tx.get(Terms, (brand, spanish.id)) is not None
        with pytest.raises(NoSuchPrice):
            remove_price(tx, brand=brand, price=cell.id)


def test_the_default_categorys_price_stays(db: Database, brand: BrandId) -> None:
    with db.transaction(as_brand(brand)) as tx:
        (cell,) = priced_cells(tx, brand=brand)
        with pytest.raises(DefaultNeedsAPrice):
            remove_price(tx, brand=brand, price=cell.id)


def test_a_strangers_price_is_as_absent_as_none(db: Database, background: Database, brand: BrandId) -> None:
    with background.transaction() as tx:
        (cell,) = priced_cells(tx, brand=brand)
        stranger = a_brand(tx)
    with db.transaction(as_brand(stranger)) as tx, pytest.raises(NoSuchPrice):
        remove_price(tx, brand=stranger, price=cell.id)


def test_a_language_is_a_tag(db: Database, brand: BrandId) -> None:
    for tag in ("Deutsch!", "x", "de_DE"):
        with pytest.raises(BadLanguage):
            price(db, brand, 300, language=tag)
    price(db, brand, 300, language=" PT-br ")
    with db.transaction(as_brand(brand)) as tx:
        assert {cell.language for cell in priced_cells(tx, brand=brand)} == {"", "pt-br"}
        assert own_terms(tx, brand=brand)["general"].total_minor == 250

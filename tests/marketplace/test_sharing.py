"""A dial by category and hour of the brand's day: it takes the very next ticket, and no two rules contradict."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier

import pytest

from marketplace.accounts.models import Brand
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import BrandId, ShareRuleId, new_id
from marketplace.tickets.hours import BadHours, Window
from marketplace.tickets.posting import post_ticket
from marketplace.tickets.sharing import (
    BadPercent,
    DialChangedMeanwhile,
    DialHoursOverlap,
    NoSuchRule,
    preview,
    remove_share_rule,
    set_share_rule,
    share_percent,
    share_rules,
)
from marketplace.tickets.terms import UnknownCategory
from tests.builders import a_brand, a_new_ticket, as_brand

NOON_UTC = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def brand(background: Database) -> BrandId:
    with background.transaction() as tx:
        noise = a_brand(tx, name="Noise & Sons")
        set_share_rule(tx, brand=noise, percent=0, author=None, now=app_now(tx))
        return a_brand(tx)


def dial(
    db: Database, brand: BrandId, percent: int, *, category: str | None = None, hours: Window | None = None
) -> None:
    with db.transaction(as_brand(brand)) as tx:
        set_share_rule(
            tx, brand=brand, percent=percent, category=category, hours=hours, author=None, now=app_now(tx)
        )


def percent_at(db: Database, brand: BrandId, now: datetime) -> int:
    with db.transaction(as_brand(brand)) as tx:
        return share_percent(tx, brand=brand, category="general", now=now)


def test_setting_the_same_rule_again_replaces_it(db: Database, brand: BrandId) -> None:
    dial(db, brand, 50)
    dial(db, brand, 25)
    assert percent_at(db, brand, NOON_UTC) == 25
    with db.transaction(as_brand(brand)) as tx:
        assert len(share_rules(tx, brand=brand)) == 1


def test_hours_are_the_brands_own(db: Database, background: Database, brand: BrandId) -> None:
    with background.transaction() as tx:
        tx.get_one(Brand, brand).time_zone = "America/New_York"
    dial(db, brand, 5, hours=(7, 8))  # noon in Greenwich is seven in New York
    assert percent_at(db, brand, NOON_UTC) == 5
    assert percent_at(db, brand, NOON_UTC.replace(hour=13)) == 100


@pytest.mark.parametrize("other", [(9, 11), (11, 17), (22, 13), (0, 23), (12, 11)])
def test_rules_of_one_category_never_share_an_hour(db: Database, brand: BrandId, other: Window) -> None:
    dial(db, brand, 50, hours=(10, 12))
    with pytest.raises(DialHoursOverlap):
        dial(db, brand, 25, hours=other)


def test_windows_that_only_touch_and_other_categories_are_no_overlap(db: Database, brand: BrandId) -> None:
    dial(db, brand, 50, hours=(10, 12))
    dial(db, brand, 60, hours=(12, 10))
    dial(db, brand, 70, hours=(10, 12), category="general")
    assert percent_at(db, brand, NOON_UTC) == 60
    assert percent_at(db, brand, NOON_UTC.replace(hour=11)) == 70


def test_of_overlapping_rules_set_at_once_one_stays(db: Database, brand: BrandId) -> None:
    start = Barrier(8)

    def act(number: int) -> bool:
        start.wait()
        try:
            dial(db, brand, number, hours=(8 + number % 3, 20))
        except (DialHoursOverlap, DialChangedMeanwhile):
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(act, range(8)))
    assert any(won)
    with db.transaction(as_brand(brand)) as tx:
        assert len(share_rules(tx, brand=brand)) == 1


def test_what_no_dial_can_say_is_refused(db: Database, brand: BrandId) -> None:
    for percent in (-1, 101):
        with pytest.raises(BadPercent):
            dial(db, brand, percent)
    for hours in ((8, 8), (-1, 3), (3, 24)):
        with pytest.raises(BadHours):
            dial(db, brand, 50, hours=hours)
    with pytest.raises(UnknownCategory):
        dial(db, brand, 50, category="nothing")


def test_a_removed_rule_leaves_the_wider_one(db: Database, brand: BrandId) -> None:
    dial(db, brand, 30)
    dial(db, brand, 80, category="general")
    with db.transaction(as_brand(brand)) as tx:
        narrow = next(rule for rule in share_rules(tx, brand=brand) if rule.category)
        remove_share_rule(tx, brand=brand, rule=narrow.id)
    assert percent_at(db, brand, NOON_UTC) == 30
    with db.transaction(as_brand(brand)) as tx, pytest.raises(NoSuchRule):
        remove_share_rule(tx, brand=brand, rule=ShareRuleId(new_id()))


def test_the_preview_counts_the_last_tickets_by_the_rules(db: Database, brand: BrandId) -> None:
    with db.transaction(as_brand(brand)) as tx:
        for _ in range(110):
            post_ticket(tx, brand=brand, ticket=a_new_ticket(), now=app_now(tx))
    dial(db, brand, 0)
    with db.transaction(as_brand(brand)) as tx:
        told = preview(tx, brand=brand, steps=(0, 25, 50, 100))
    assert (told.of, told.shared) == (100, 0)
    assert 0 == told.by_percent[0] < told.by_percent[25] < told.by_percent[50] < told.by_percent[100] == 100

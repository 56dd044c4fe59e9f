"""Whose replies wait for approval: a pure rule, and the standing that decisions add up to."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.tickets.probation import (
    BadProbation,
    count_review,
    find_rule_for,
    is_on_probation,
    probation_of,
    set_probation,
    standing_of,
)
from marketplace.tickets.reply_models import AfterLimit
from tests.builders import a_brand, a_member, a_worker, as_worker

BEFORE = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass(slots=True, kw_only=True)
class Rule:
    replies: int = 3
    accuracy_basis_points: int = 8_000


@dataclass(slots=True, kw_only=True)
class Standing:
    approved: int = 0
    rejected: int = 0
    lifted_at: datetime | None = None


@pytest.mark.parametrize(
    ("rule", "standing", "waits"),
    [
        (None, None, False),
        (Rule(replies=0), None, False),
        (Rule(), None, True),
        (Rule(), Standing(approved=2), True),
        (Rule(), Standing(approved=3), False),
        # 3 of 4 is 75 %: one more right reply is needed for 80 %.
        (Rule(), Standing(approved=3, rejected=1), True),
        (Rule(), Standing(approved=4, rejected=1), False),
        # Six reviews are twice the three asked for: accuracy alone keeps nobody longer.
        (Rule(), Standing(approved=3, rejected=3), False),
        (Rule(), Standing(approved=2, rejected=9), True),
        (Rule(), Standing(approved=0, rejected=9, lifted_at=BEFORE), False),
    ],
)
def test_who_waits(rule: Rule | None, standing: Standing | None, waits: bool) -> None:
    assert is_on_probation(rule, standing) is waits


@given(
    replies=st.integers(1, 20),
    bar=st.integers(0, 10_000),
    decisions=st.lists(st.booleans(), max_size=80),
)
def test_probation_ends_once_enough_is_approved_and_never_later_than_twice_that(
    replies: int, bar: int, decisions: list[bool]
) -> None:
    rule, standing = Rule(replies=replies, accuracy_basis_points=bar), Standing()
    for approved in decisions:
        if not is_on_probation(rule, standing):
            assert standing.approved >= replies
            break
        if approved:
            standing.approved += 1
        else:
            standing.rejected += 1
    if standing.approved >= replies and standing.approved + standing.rejected >= 2 * replies:
        assert not is_on_probation(rule, standing)


def test_decisions_add_up_and_the_last_needed_one_lifts_for_good(background: Database, db: Database) -> None:
    with background.transaction() as tx:
        brand, other, worker = a_brand(tx), a_brand(tx), a_worker(tx)
        by = a_member(tx, brand)
        for one in (brand, other):
            set_probation(
                tx,
                brand=one,
                replies=2,
                limit_minutes=60,
                after_limit=AfterLimit.SEND,
                accuracy_basis_points=5_000,
                by=by,
            )
    for approved in (True, False, True):
        with db.transaction(as_worker(worker)) as tx:
            assert find_rule_for(tx, brand=brand, worker=worker) is not None
        with background.transaction() as tx:
            count_review(tx, brand=brand, worker=worker, approved=approved, now=app_now(tx))
    with db.transaction(as_worker(worker)) as tx:
        standing = standing_of(tx, brand=brand, worker=worker)
        assert standing is not None
        assert (standing.approved, standing.rejected, standing.lifted_at is None) == (2, 1, False)
        assert find_rule_for(tx, brand=brand, worker=worker) is None
        assert find_rule_for(tx, brand=other, worker=worker) is not None
    with background.transaction() as tx:
        count_review(tx, brand=brand, worker=worker, approved=False, now=app_now(tx))
        set_probation(
            tx,
            brand=brand,
            replies=50,
            limit_minutes=60,
            after_limit=AfterLimit.SEND,
            accuracy_basis_points=10_000,
            by=by,
        )
    with db.transaction(as_worker(worker)) as tx:
        assert find_rule_for(tx, brand=brand, worker=worker) is None


@pytest.mark.parametrize(
    ("replies", "minutes", "bar"), [(-1, 60, 0), (101, 60, 0), (3, 4, 0), (3, 60, 10_001)]
)
def test_a_rule_beyond_its_limits_is_refused(
    background: Database, replies: int, minutes: int, bar: int
) -> None:
    with background.transaction() as tx:
        brand = a_brand(tx)
        with pytest.raises(BadProbation):
            set_probation(
                tx,
                brand=brand,
                replies=replies,
                limit_minutes=minutes,
                after_limit=AfterLimit.SEND,
                accuracy_basis_points=bar,
                by=a_member(tx, brand),
            )
        assert probation_of(tx, brand=brand) is None

"""Who is on probation at a brand: his first replies wait for approval, until enough of them were right."""

from datetime import datetime
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from marketplace.accounts.models import Person, Worker
from marketplace.events.commands import record
from marketplace.events.facts import ProbationLifted, ReplyRulesSet
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Invalid
from marketplace.kernel.ids import BrandId, PersonId, WorkerId
from marketplace.kernel.money import BASIS_POINTS
from marketplace.tickets.reply_models import AfterLimit, ProbationPolicy, WorkerStanding

MOST_REPLIES = 100
STANDINGS_SHOWN = 50
LIMIT_MINUTES = range(5, 10_080 + 1)
LONGEST_FACTOR = 2
"""Accuracy keeps somebody on probation for this many times the asked-for replies at most; then the brand has
other means, and he has a right to an end."""


class BadProbation(Invalid):
    """Probation covers 0 to 100 replies, with 5 minutes to 7 days to review each, of which 0 to 100 % must be right."""


class Rule(Protocol):
    replies: int
    accuracy_basis_points: int


class Record(Protocol):
    approved: int
    rejected: int
    lifted_at: datetime | None


def is_on_probation(rule: Rule | None, record_: Record | None) -> bool:
    """Whether the next reply waits: too few were approved, or too few of those reviewed were."""
    if rule is None or rule.replies == 0:
        return False
    if record_ is None:
        return True
    if record_.lifted_at is not None:
        return False
    if record_.approved < rule.replies:
        return True
    reviewed = record_.approved + record_.rejected
    is_right = record_.approved * BASIS_POINTS >= rule.accuracy_basis_points * reviewed
    return not is_right and reviewed < LONGEST_FACTOR * rule.replies


def probation_of(tx: Tx, *, brand: BrandId) -> ProbationPolicy | None:
    return tx.get(ProbationPolicy, brand)


def standing_of(tx: Tx, *, brand: BrandId, worker: WorkerId) -> WorkerStanding | None:
    return tx.get(WorkerStanding, (brand, worker))


def find_rule_for(tx: Tx, *, brand: BrandId, worker: WorkerId) -> ProbationPolicy | None:
    """The probation that `worker` is on at `brand`; None when his replies leave at once."""
    rule = probation_of(tx, brand=brand)
    if rule is None or not is_on_probation(rule, standing_of(tx, brand=brand, worker=worker)):
        return None
    return rule


def set_probation(
    tx: Tx,
    *,
    brand: BrandId,
    replies: int,
    limit_minutes: int,
    after_limit: AfterLimit,
    accuracy_basis_points: int,
    by: PersonId,
) -> None:
    """How the brand wants first replies reviewed; 0 replies: not at all. What waits keeps its time limit."""
    if (
        not 0 <= replies <= MOST_REPLIES
        or limit_minutes not in LIMIT_MINUTES
        or not 0 <= accuracy_basis_points <= BASIS_POINTS
    ):
        raise BadProbation
    wanted = {
        "replies": replies,
        "limit_minutes": limit_minutes,
        "after_limit": after_limit,
        "accuracy_basis_points": accuracy_basis_points,
    }
    put = insert(ProbationPolicy).values(brand_id=brand, **wanted)
    tx.execute(put.on_conflict_do_update(index_elements=[ProbationPolicy.brand_id], set_=wanted))
    told = (
        f"{replies} replies, {limit_minutes} min, then {after_limit.value}, {accuracy_basis_points} bp right"
    )
    record(tx, ReplyRulesSet(brand=brand, rules="probation", by=by, set_to=told))


def count_review(tx: Tx, *, brand: BrandId, worker: WorkerId, approved: bool, now: datetime) -> None:
    """Add one decision to the worker's standing; the one that proves him ends his probation."""
    column = WorkerStanding.approved if approved else WorkerStanding.rejected
    one = {"approved": int(approved), "rejected": int(not approved)}
    counted = insert(WorkerStanding).values(brand_id=brand, worker_id=worker, **one)
    standing = tx.scalars(
        counted.on_conflict_do_update(
            index_elements=[WorkerStanding.brand_id, WorkerStanding.worker_id], set_={column: column + 1}
        ).returning(WorkerStanding),
        execution_options={"populate_existing": True},
    ).one()
    rule = probation_of(tx, brand=brand)
    if (
        standing.lifted_at is None
        and rule is not None
        and rule.replies
        and not is_on_probation(rule, standing)
    ):
        standing.lifted_at = now
        record(tx, ProbationLifted(brand=brand, worker=worker, approved=standing.approved))


def standings_of(tx: Tx, *, brand: BrandId, limit: int = STANDINGS_SHOWN) -> list[tuple[WorkerStanding, str]]:
    """Who was reviewed at the brand, with names, and how that went; those still on probation first."""
    rows = tx.execute(
        select(WorkerStanding, Person.name)
        .join(Worker, Worker.id == WorkerStanding.worker_id)
        .join(Person, Person.id == Worker.person_id)
        .where(WorkerStanding.brand_id == brand)
        .order_by(WorkerStanding.lifted_at.desc().nulls_first(), WorkerStanding.worker_id)
        .limit(limit)
    )
    return [(standing, name) for standing, name in rows]

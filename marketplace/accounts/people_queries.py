"""People, brands and appeals as an operator sees them; every list is bounded."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select, text

from marketplace.accounts.errors import NoSuchPerson
from marketplace.accounts.models import Brand, Member, Person, Worker, WorkerStatus
from marketplace.accounts.standing_models import Appeal, Suspension
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import AppealId, BrandId, PersonId, WorkerId

FOUND_AT_MOST = 50
SHORTEST_SEARCH = 2
SEARCH_LIMIT = 100
BRANDS_SHOWN = 200
APPEALS_SHOWN = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPerson:
    """Somebody with all they are: `roles` such as "worker" or "owner of Fern & Kettle"."""

    id: PersonId
    name: str
    email: str
    roles: tuple[str, ...]
    suspended_at: datetime | None
    worker: WorkerId | None
    worker_status: WorkerStatus | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonDetail:
    found: FoundPerson
    created_at: datetime
    time_zone: str
    suspended_for: str
    sessions: int
    country: str
    languages: tuple[str, ...]
    skills: tuple[str, ...]
    resolved: int
    running_claims: int
    seen_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingAppeal:
    id: AppealId
    person: PersonId
    name: str
    text: str
    written_at: datetime
    suspended_by: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandLine:
    id: BrandId
    slug: str
    name: str
    created_at: datetime
    approved_at: datetime | None
    refused_at: datetime | None
    refused_for: str
    tickets: int
    members: int


def find_people(tx: Tx, *, search: str) -> Sequence[FoundPerson]:
    """People whose address begins with `search` or whose name has it, FOUND_AT_MOST; the suspended without one."""
    wanted = search.strip()
    if len(wanted) < SHORTEST_SEARCH:
        rows = tx.execute(_SUSPENDED, {"limit": FOUND_AT_MOST})
    else:
        pattern = wanted.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        asked = {"begins": f"{pattern}%", "holds": f"%{pattern}%", "limit": FOUND_AT_MOST}
        rows = tx.execute(_FOUND, asked)
    return [_found(row) for row in rows]


def person_detail(tx: Tx, person: PersonId) -> PersonDetail:
    """Raises NoSuchPerson."""
    row = tx.execute(_DETAIL, {"person": person}).one_or_none()
    if row is None:
        raise NoSuchPerson
    return PersonDetail(
        found=_found(row),
        created_at=row.created_at,
        time_zone=row.time_zone,
        suspended_for=row.suspended_for,
        sessions=row.sessions,
        country=row.country or "",
        languages=tuple(row.languages or ()),
        skills=tuple(row.skills or ()),
        resolved=row.resolved_count or 0,
        running_claims=row.running_claims,
        seen_at=row.seen_at,
    )


def names_of(tx: Tx, people: Sequence[PersonId]) -> dict[PersonId, str]:
    rows = tx.execute(select(Person.id, Person.name).where(Person.id.in_(set(people))))
    return {row.id: row.name for row in rows}


def worker_names(tx: Tx, workers: Sequence[WorkerId]) -> dict[WorkerId, str]:
    named = select(Worker.id, Person.name).join(Person, Person.id == Worker.person_id)
    return {row.id: row.name for row in tx.execute(named.where(Worker.id.in_(set(workers))))}


def brand_names(tx: Tx, brands: Sequence[BrandId]) -> dict[BrandId, str]:
    rows = tx.execute(select(Brand.id, Brand.name).where(Brand.id.in_(set(brands))))
    return {row.id: row.name for row in rows}


def worker_by_email(tx: Tx, email: str) -> WorkerId | None:
    """The worker who signs in with this address."""
    wanted = select(Worker.id).join(Person, Person.id == Worker.person_id)
    return tx.scalar(wanted.where(Person.email == email.strip().lower()))


def waiting_appeals(tx: Tx) -> Sequence[WaitingAppeal]:
    """Appeals without an answer, the oldest first."""
    rows = tx.execute(
        select(
            Appeal.id,
            Person.id.label("person"),
            Person.name,
            Appeal.text,
            Appeal.written_at,
            Suspension.suspended_by,
        )
        .join(Suspension, Suspension.id == Appeal.suspension_id)
        .join(Worker, Worker.id == Appeal.worker_id)
        .join(Person, Person.id == Worker.person_id)
        .where(Appeal.decided_at.is_(None))
        .order_by(Appeal.written_at)
        .limit(APPEALS_SHOWN)
    )
    return [
        WaitingAppeal(
            id=row.id,
            person=row.person,
            name=row.name,
            text=row.text,
            written_at=row.written_at,
            suspended_by=row.suspended_by,
        )
        for row in rows
    ]


def brand_lines(tx: Tx) -> Sequence[BrandLine]:
    """Brands, those that wait for approval first, then the newest."""
    members = select(func.count()).where(Member.brand_id == Brand.id).scalar_subquery()
    waits = Brand.approved_at.is_(None) & Brand.refused_at.is_(None)
    rows = tx.execute(
        select(Brand, members.label("members"))
        .order_by(waits.desc(), Brand.created_at.desc())
        .limit(BRANDS_SHOWN)
    )
    return [
        BrandLine(
            id=brand.id,
            slug=brand.slug,
            name=brand.name,
            created_at=brand.created_at,
            approved_at=brand.approved_at,
            refused_at=brand.refused_at,
            refused_for=brand.refused_for,
            tickets=brand.ticket_count,
            members=count,
        )
        for brand, count in rows
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleCounts:
    appeals: int
    suspended_workers: int
    suspended_sign_ins: int
    brands_waiting: int
    operators: int


def people_counts(tx: Tx) -> PeopleCounts:
    row = tx.execute(_COUNTS).one()
    return PeopleCounts(
        appeals=row.appeals,
        suspended_workers=row.suspended_workers,
        suspended_sign_ins=row.suspended_sign_ins,
        brands_waiting=row.brands_waiting,
        operators=row.operators,
    )


def _found(row: Row[Any]) -> FoundPerson:
    return FoundPerson(
        id=row.id,
        name=row.name,
        email=row.email,
        roles=tuple(row.roles),
        suspended_at=row.suspended_at,
        worker=None if row.worker is None else WorkerId(row.worker),
        worker_status=None if row.status is None else WorkerStatus(row.status),
    )


# What one person is. Joined by name: the application's words, in SQL that reads each table by its key.
_FOUND = text(
    "SELECT p.id, p.name, p.email, p.suspended_at, w.id AS worker, w.status, r.roles FROM person p "
    "LEFT JOIN worker w ON w.person_id = p.id CROSS JOIN LATERAL person_roles(p.id) AS r(roles) "
    "WHERE p.email LIKE :begins OR lower(p.name) LIKE :holds ORDER BY p.email LIMIT :limit"
)
_SUSPENDED = text(
    "SELECT p.id, p.name, p.email, p.suspended_at, w.id AS worker, w.status, r.roles FROM person p "
    "LEFT JOIN worker w ON w.person_id = p.id CROSS JOIN LATERAL person_roles(p.id) AS r(roles) "
    "WHERE p.suspended_at IS NOT NULL OR w.status = 'restricted' ORDER BY p.email LIMIT :limit"
)
_DETAIL = text(
    "SELECT p.id, p.name, p.email, p.suspended_at, p.suspended_for, p.created_at, p.time_zone, w.id AS worker, "
    "w.status, w.country, w.languages, w.skills, w.resolved_count, w.seen_at, r.roles, "
    "(SELECT count(*) FROM session s WHERE s.person_id = p.id AND s.expires_at > app_now()) AS sessions, "
    "(SELECT count(*) FROM pool_ticket t WHERE t.worker_id = w.id) AS running_claims "
    "FROM person p LEFT JOIN worker w ON w.person_id = p.id "
    "CROSS JOIN LATERAL person_roles(p.id) AS r(roles) WHERE p.id = :person"
)
_COUNTS = text(
    "SELECT (SELECT count(*) FROM appeal WHERE decided_at IS NULL) AS appeals, "
    "(SELECT count(*) FROM suspension WHERE lifted_at IS NULL) AS suspended_workers, "
    "(SELECT count(*) FROM person WHERE suspended_at IS NOT NULL) AS suspended_sign_ins, "
    "(SELECT count(*) FROM brand WHERE approved_at IS NULL AND refused_at IS NULL) AS brands_waiting, "
    "(SELECT count(*) FROM staff s JOIN person p ON p.id = s.person_id "
    "WHERE s.role = 'operator' AND p.suspended_at IS NULL) AS operators"
)

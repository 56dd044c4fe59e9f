"""A worker before the pool, read at once, and the brands that he can choose among there."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text

from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import WorkerId
from marketplace.tickets.counts import waiting_in
from marketplace.tickets.models import Channel

BRANDS_OFFERED = 200


def brands_waiting(tx: Tx, lanes: Sequence[str]) -> list[tuple[str, str]]:
    """Address and name of the brands with an open ticket in one of `lanes`, by name, up to BRANDS_OFFERED."""
    found = tx.execute(_BRANDS, {"lanes": list(lanes), "limit": BRANDS_OFFERED})
    return [(row.slug, row.name) for row in found]


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How much of a worker's cap of one channel is used."""

    channel: Channel
    held: int
    cap: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerInPool:
    """A worker as the pool and the frame round his pages need him.

    `waiting` counts the tickets of his lanes. `not_brands` are addresses of brands that he is not offered: his own,
    hidden ones, where he is stopped. `holds` counts what is in his hands: his caps and what waits for somebody else.
    """

    lanes: tuple[str, ...]
    waiting: int
    languages: tuple[str, ...]
    skills: tuple[str, ...]
    available: bool
    newcomer: bool
    not_brands: tuple[str, ...]
    rooms: tuple[Room, ...]
    holds: int


def worker_in_pool(tx: Tx, worker: WorkerId) -> WorkerInPool:
    """All of it in two statements: every page of a worker asks."""
    row = tx.execute(_WORKER, {"worker": worker, "now": app_now(tx)}).one()
    return WorkerInPool(
        lanes=tuple(row.lanes),
        waiting=waiting_in(tx, row.lanes),
        languages=tuple(row.languages),
        skills=tuple(row.skills),
        available=row.available,
        newcomer=row.newcomer,
        not_brands=tuple(row.not_brands),
        rooms=(
            Room(channel=Channel.EMAIL, held=row.email_held, cap=row.email_cap),
            Room(channel=Channel.CHAT, held=row.chat_held, cap=row.chat_cap),
        ),
        holds=row.holds,
    )


_WORKER = text(
    "SELECT w.email_lanes || w.chat_lanes AS lanes, w.languages, w.skills, w.available, "
    "is_newcomer(w) AS newcomer, "
    "ARRAY(SELECT slug FROM brand WHERE id = ANY(brands_not_for(w)) ORDER BY slug) AS not_brands, "
    "w.email_cap, w.chat_cap, held.* FROM worker w CROSS JOIN LATERAL (SELECT count(*) AS holds, "
    "count(*) FILTER (WHERE p.state = 'claimed' AND p.lease_ends_at > :now AND p.channel = 'email') AS email_held, "
    "count(*) FILTER (WHERE p.state = 'claimed' AND p.lease_ends_at > :now AND p.channel = 'chat') AS chat_held "
    "FROM pool_ticket p WHERE p.worker_id = w.id) AS held WHERE w.id = :worker"
)
# From one brand to the next by the index of lane and brand: a long pool costs no more than a short one.
_BRANDS = text(
    "WITH RECURSIVE lane AS (SELECT unnest(CAST(:lanes AS text[])) AS lane), "
    "found AS (SELECT l.lane, (SELECT p.brand_id FROM pool_ticket p WHERE p.state = 'open' AND p.lane = l.lane "
    "ORDER BY p.brand_id LIMIT 1) AS brand_id FROM lane l "
    "UNION ALL SELECT f.lane, (SELECT p.brand_id FROM pool_ticket p WHERE p.state = 'open' AND p.lane = f.lane "
    "AND p.brand_id > f.brand_id ORDER BY p.brand_id LIMIT 1) FROM found f WHERE f.brand_id IS NOT NULL) "
    'SELECT b.slug, b.name FROM brand b WHERE b.id IN (SELECT brand_id FROM found) ORDER BY b.name COLLATE "C" '
    "LIMIT :limit"
)

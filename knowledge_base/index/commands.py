"""What the database is told of a brand's index: that it is due, how far its vectors are, damage, and a roll back."""

from datetime import datetime

from sqlalchemy import select, text

from knowledge_base.drafting import hold_knowledge
from knowledge_base.models import IndexSnapshot
from knowledge_base.queries import snapshot_numbers
from marketplace.events.commands import record
from marketplace.events.facts import IndexAdvanced, IndexDamaged, IndexRolledBack
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid
from marketplace.kernel.ids import BrandId, PersonId

PROGRESS_STEPS = 50
"""Announcements of one build, however many passages it has: a few a second at most."""
MAX_REASON_CHARACTERS = 500


class NothingToRollBackTo(Conflict):
    """There is no earlier search index to go back to. Correct the article instead: that holds in seconds."""


class NoReason(Invalid):
    """Say in a few words, at most 500 characters, why search goes back: others will ask."""


def request_rebuild(tx: Tx, brand: BrandId) -> bool:
    """Make the brand's index due although no passage changed; false when it is due anyway."""
    return tx.execute(_REQUEST_REBUILD, {"brand": brand}).first() is not None


def note_encoded(tx: Tx, brand: BrandId, *, encoded: int, to_encode: int, before: int | None = None) -> None:
    """Of `to_encode` passages `encoded` have vectors now, `before` had them at the last call.

    The counters are exact; the fact is recorded once per step.
    """
    tx.execute(_ENCODED, {"brand": brand, "encoded": encoded, "to_encode": to_encode})
    if before is None or _step(encoded, to_encode) > _step(before, to_encode):
        record(tx, IndexAdvanced(brand=brand, encoded=encoded, to_encode=to_encode))


def note_damage(tx: Tx, brand: BrandId, *, number: int, reason: str) -> bool:
    """Make the index due and say why; false when that was said already, or the brand is just being changed."""
    reason = reason[:MAX_REASON_CHARACTERS]
    if tx.execute(_DAMAGED, {"brand": brand, "reason": reason}).first() is None:
        return False
    record(tx, IndexDamaged(brand=brand, number=number, reason=reason))
    return True


def roll_back_index(tx: Tx, brand: BrandId, *, by: PersonId | None, reason: str, now: datetime) -> int:
    """Search the snapshot before the newest, until the next one is built; its number.

    What was retired or replaced since then is not found by it either: only texts that hold are shown. `by`
    is None for the operator at the command line. Raises NothingToRollBackTo or NoReason.
    """
    reason = " ".join(reason.split())
    if not 0 < len(reason) <= MAX_REASON_CHARACTERS:
        raise NoReason
    hold_knowledge(tx, brand)
    numbers = snapshot_numbers(tx, brand=brand)
    if len(numbers) < 2:
        raise NothingToRollBackTo
    newest = tx.scalars(
        select(IndexSnapshot).where(IndexSnapshot.brand_id == brand, IndexSnapshot.number == numbers[0])
    ).one()
    newest.set_aside_at, newest.set_aside_by, newest.set_aside_reason = now, by, reason
    record(tx, IndexRolledBack(brand=brand, number=numbers[0], to=numbers[1], by=by, reason=reason))
    return numbers[1]


def _step(done: int, total: int) -> int:
    return PROGRESS_STEPS * done // total if total else PROGRESS_STEPS


# Skips a locked row: who holds it changes passages or publishes, and then the index is due or new anyway.
_REQUEST_REBUILD = text(
    "UPDATE knowledge_version SET changed = changed + 1 WHERE brand_id = (SELECT brand_id "
    "FROM knowledge_version WHERE brand_id = :brand AND changed = indexed FOR UPDATE SKIP LOCKED) "
    "RETURNING changed"
)
_ENCODED = text(
    "UPDATE knowledge_version SET encoded = :encoded, to_encode = :to_encode WHERE brand_id = :brand"
)
# Skips a locked row: who holds it changes passages or publishes, and a search must not wait for that.
_DAMAGED = text(
    "UPDATE knowledge_version SET damaged_at = app_now(), damage = :reason, "
    "changed = changed + CASE WHEN changed = indexed THEN 1 ELSE 0 END "
    "WHERE brand_id = (SELECT brand_id FROM knowledge_version WHERE brand_id = :brand "
    "AND (damaged_at IS NULL OR damaged_at < indexed_at) FOR UPDATE SKIP LOCKED) RETURNING changed"
)

"""Whether a brand's tickets may enter the pool: an operator approves it, or refuses it with a reason."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from marketplace.accounts import standing_letters as letters
from marketplace.accounts.errors import NoSuchBrand
from marketplace.accounts.letters import Words
from marketplace.accounts.mail import write_letter
from marketplace.accounts.models import Brand, MemberRole
from marketplace.accounts.queries import addresses_of
from marketplace.accounts.suspensions import cleaned_reason
from marketplace.events.commands import record
from marketplace.events.facts import BrandApproved, BrandRefused, OperatorActed
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict
from marketplace.kernel.ids import BrandId, PersonId


class AlreadyApproved(Conflict):
    """This brand is approved already."""


def approve_brand(tx: Tx, *, brand: BrandId, by: PersonId, base_url: str, now: datetime) -> None:
    """Let the brand's tickets into the pool; those that waited are screened. Raises NoSuchBrand, AlreadyApproved."""
    found = _brand(tx, brand)
    if found.approved_at is not None:
        raise AlreadyApproved
    found.approved_at, found.approved_by = now, by
    found.refused_at, found.refused_for = None, ""
    tx.flush()
    _tell_owners(tx, found, letters.brand_approved(brand=found.name, link=f"{base_url}/b/{found.slug}"), now)
    record(tx, BrandApproved(brand=brand))
    record(tx, OperatorActed(target=brand, act="approved the brand", person=by, reason=""))


def refuse_brand(tx: Tx, *, brand: BrandId, reason: str, by: PersonId, now: datetime) -> None:
    """Say no, and why; it may be approved later. Raises NoSuchBrand, AlreadyApproved, ReasonNeeded."""
    said, found = cleaned_reason(reason), _brand(tx, brand)
    if found.approved_at is not None:
        raise AlreadyApproved
    found.refused_at, found.refused_for = now, said
    tx.flush()
    _tell_owners(tx, found, letters.brand_refused(brand=found.name, reason=said), now)
    record(tx, BrandRefused(brand=brand))
    record(tx, OperatorActed(target=brand, act="refused the brand", person=by, reason=said))


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Approved, refused for a reason, or neither yet."""

    approved: bool
    refused_for: str


def decision_on(tx: Tx, brand: BrandId) -> Decision:
    row = tx.execute(select(Brand.approved_at, Brand.refused_for).where(Brand.id == brand)).one()
    return Decision(approved=row.approved_at is not None, refused_for=row.refused_for)


def is_approved(tx: Tx, brand: BrandId) -> bool:
    return tx.scalar(select(Brand.approved_at).where(Brand.id == brand)) is not None


def _brand(tx: Tx, brand: BrandId) -> Brand:
    found = tx.get(Brand, brand, with_for_update={"key_share": True}, populate_existing=True)
    if found is None:
        raise NoSuchBrand
    return found


def _tell_owners(tx: Tx, brand: Brand, words: Words, now: datetime) -> None:
    for owner in addresses_of(tx, brand=brand.id, roles=(MemberRole.OWNER,)):
        write_letter(tx, recipient=owner, subject=words.subject, body=words.body, now=now)

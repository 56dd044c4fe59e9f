"""Keys for a brand's own systems: shown once, kept as a hash, limited to what they were made for."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import func, select

from marketplace.accounts import tokens
from marketplace.accounts.errors import NoScopes, NoSuchKey, TooManyKeys, WrongMoneyMode
from marketplace.accounts.fields import clean_name
from marketplace.accounts.models import ApiKey, Brand
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import NotAllowed
from marketplace.kernel.ids import BrandId, new_id
from marketplace.kernel.models import Installation
from marketplace.kernel.settings import MoneyMode

KEYS_PER_BRAND = 50
SHOWN_CHARACTERS = 4


class ApiScope(StrEnum):
    """What a key may do. Writing does not include reading."""

    TICKETS_READ = "tickets:read"
    TICKETS_WRITE = "tickets:write"
    KNOWLEDGE_READ = "knowledge:read"
    KNOWLEDGE_WRITE = "knowledge:write"
    EVENTS_READ = "events:read"
    WALLET_READ = "wallet:read"
    WALLET_WRITE = "wallet:write"
    SHARING_READ = "sharing:read"
    SHARING_WRITE = "sharing:write"


class ScopeMissing(NotAllowed):
    """This API key was not made for that. Make one with the scope this needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedKey:
    """A new key in clear; nobody can read it again."""

    key: str
    key_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyHolder:
    """The brand's system behind a request."""

    brand: BrandId
    scopes: frozenset[ApiScope]
    key_id: UUID

    def require(self, scope: ApiScope) -> None:
        """Raises ScopeMissing, naming the scope."""
        if scope not in self.scopes:
            raise ScopeMissing(f"This API key lacks the scope {scope.value}.")


def create_key(
    tx: Tx, *, brand: BrandId, name: str, scopes: Collection[ApiScope], now: datetime
) -> CreatedKey:
    """Make a key for `brand`, of the installation's money mode.

    Raises NoScopes, BadName, TooManyKeys.
    """
    if not scopes:
        raise NoScopes
    label = clean_name(name)
    _make_room(tx, brand)
    created = CreatedKey(key=tokens.new_api_key(_money_mode(tx)), key_id=new_id())
    tx.add(
        ApiKey(
            id=created.key_id,
            brand_id=brand,
            name=label,
            key_hash=tokens.hash_of(created.key),
            last_four=created.key[-SHOWN_CHARACTERS:],
            scopes=sorted({scope.value for scope in scopes}),
            created_at=now,
        )
    )
    tx.flush()
    return created


def key_holder(tx: Tx, key: str) -> KeyHolder | None:
    """Whose key this is; None when it is unknown or revoked.

    Raises WrongMoneyMode for a key that names the other mode, also where a copied database knows it.
    """
    mode = tokens.mode_of(key)
    if mode is None:
        return None
    if mode is not _money_mode(tx):
        raise WrongMoneyMode
    row = tx.scalars(select(ApiKey).where(ApiKey.key_hash == tokens.hash_of(key))).one_or_none()
    if row is None or row.revoked_at is not None:
        return None
    return KeyHolder(brand=row.brand_id, scopes=_known(row.scopes), key_id=row.id)


def revoke_key(tx: Tx, *, brand: BrandId, key_id: UUID, now: datetime) -> None:
    """Let a key of `brand` open nothing from now on; revoking twice changes nothing. Raises NoSuchKey."""
    key = tx.scalars(select(ApiKey).where(ApiKey.brand_id == brand, ApiKey.id == key_id)).one_or_none()
    if key is None:
        raise NoSuchKey
    key.revoked_at = key.revoked_at or now
    tx.flush()


def _make_room(tx: Tx, brand: BrandId) -> None:
    """The brand's row is the lock under which its live keys are counted."""
    tx.execute(select(Brand.id).where(Brand.id == brand).with_for_update(key_share=True))
    live = select(func.count()).where(ApiKey.brand_id == brand, ApiKey.revoked_at.is_(None))
    if tx.scalar(live) >= KEYS_PER_BRAND:  # type: ignore[operator]  # count is never null
        raise TooManyKeys


def _money_mode(tx: Tx) -> MoneyMode:
    return tx.scalars(select(Installation.money_mode)).one()


def _known(scopes: list[str]) -> frozenset[ApiScope]:
    """A scope that has left the program since the key was made grants nothing."""
    return frozenset(scope for scope in ApiScope if scope.value in scopes)

"""Keys of a brand's own systems: shown once, scoped, revocable, and true to the money mode."""

from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine, text

from marketplace.accounts import queries, tokens
from marketplace.accounts.api_keys import (
    KEYS_PER_BRAND,
    ApiScope,
    CreatedKey,
    ScopeMissing,
    create_key,
    key_holder,
    revoke_key,
)
from marketplace.accounts.errors import BadName, NoScopes, NoSuchKey, TooManyKeys, WrongMoneyMode
from marketplace.accounts.models import ApiKey
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Tx
from marketplace.kernel.ids import BrandId, new_id
from marketplace.kernel.settings import MoneyMode
from tests.marketplace.people import a_brand


def a_key(tx: Tx, brand: BrandId, *scopes: ApiScope, name: str = "Shop system") -> CreatedKey:
    return create_key(tx, brand=brand, name=name, scopes=scopes or (ApiScope.TICKETS_READ,), now=app_now(tx))


@pytest.fixture
def live_db(db: Database, database_url: str) -> Iterator[Database]:
    """The same database as if it had been marked live from the start."""
    engine = create_engine(database_url)
    with engine.begin() as owner:
        owner.execute(text("ALTER TABLE installation DISABLE TRIGGER installation_is_marked_once"))
        owner.execute(text("UPDATE installation SET money_mode = 'live'"))
    yield db
    engine.dispose()


def test_a_key_opens_its_own_brand_for_what_it_was_made(db: Database) -> None:
    with db.transaction() as tx:
        brand, other = a_brand(tx), a_brand(tx)
        created = a_key(tx, brand, ApiScope.TICKETS_WRITE, ApiScope.EVENTS_READ)
        a_key(tx, other)
    with db.transaction() as tx:
        holder = key_holder(tx, created.key)
    assert holder is not None
    assert (holder.brand, holder.key_id) == (brand, created.key_id)
    assert holder.scopes == {ApiScope.TICKETS_WRITE, ApiScope.EVENTS_READ}
    holder.require(ApiScope.EVENTS_READ)
    with pytest.raises(ScopeMissing, match="tickets:read"):
        holder.require(ApiScope.TICKETS_READ)


def test_a_key_is_shown_once_and_kept_as_a_hash(db: Database) -> None:
    with db.transaction() as tx:
        brand = a_brand(tx)
        created = a_key(tx, brand)
        kept = tx.execute(text("SELECT api_key::text FROM api_key")).scalar_one()
        (card,) = queries.api_keys(tx, brand)
    assert created.key.startswith("hc_test_")
    assert created.key.removeprefix("hc_test_") not in kept
    assert card.last_four == created.key[-4:]
    assert card.scopes == ("tickets:read",)


def test_what_is_no_key_opens_nothing(db: Database) -> None:
    with db.transaction() as tx:
        created = a_key(tx, a_brand(tx))
        for key in (
            "",
            "hc_test_",
            created.key + "x",
            created.key[8:],
            "Bearer",
            "hc_test_\x00",
            "hc_test_\ud800",
        ):
            assert key_holder(tx, key) is None


def test_a_revoked_key_opens_nothing_from_then_on(db: Database) -> None:
    with db.transaction() as tx:
        brand = a_brand(tx)
        gone, stays = a_key(tx, brand), a_key(tx, brand)
        revoke_key(tx, brand=brand, key_id=gone.key_id, now=app_now(tx))
    with db.transaction() as tx:
        assert key_holder(tx, gone.key) is None
        assert key_holder(tx, stays.key) is not None
        first = tx.get_one(ApiKey, gone.key_id).revoked_at
        revoke_key(tx, brand=brand, key_id=gone.key_id, now=app_now(tx))
        assert tx.get_one(ApiKey, gone.key_id).revoked_at == first
        assert [card.id for card in queries.api_keys(tx, brand)] == [stays.key_id, gone.key_id]


def test_a_brand_cannot_revoke_anothers_key(db: Database) -> None:
    with db.transaction() as tx:
        brand, other = a_brand(tx), a_brand(tx)
        created = a_key(tx, brand)
        for key_id in (created.key_id, new_id()):
            with pytest.raises(NoSuchKey):
                revoke_key(tx, brand=other, key_id=key_id, now=app_now(tx))
        assert key_holder(tx, created.key) is not None
        assert queries.api_keys(tx, other) == []


def test_a_key_of_the_other_money_mode_is_refused_by_name(db: Database) -> None:
    with db.transaction() as tx, pytest.raises(WrongMoneyMode):
        key_holder(tx, tokens.new_api_key(MoneyMode.LIVE))


def test_a_test_key_in_a_copied_database_opens_nothing_once_it_is_live(live_db: Database) -> None:
    key = tokens.new_api_key(MoneyMode.TEST)
    with live_db.transaction() as tx:
        brand = a_brand(tx)
        live = a_key(tx, brand)
        tx.get_one(ApiKey, live.key_id).key_hash = tokens.hash_of(key)
        tx.flush()
        assert live.key.startswith("hc_live_")
        with pytest.raises(WrongMoneyMode):
            key_holder(tx, key)
        assert key_holder(tx, a_key(tx, brand).key) is not None


def test_a_key_needs_a_name_and_a_scope_and_a_brand_has_a_limit_of_live_ones(db: Database) -> None:
    with db.transaction() as tx:
        brand = a_brand(tx)
        with pytest.raises(NoScopes):
            create_key(tx, brand=brand, name="x", scopes=[], now=app_now(tx))
        with pytest.raises(BadName):
            a_key(tx, brand, name="\n")
        keys = [a_key(tx, brand) for _ in range(KEYS_PER_BRAND)]
        with pytest.raises(TooManyKeys):
            a_key(tx, brand)
        a_key(tx, a_brand(tx))
        revoke_key(tx, brand=brand, key_id=keys[0].key_id, now=app_now(tx))
        a_key(tx, brand)


def test_a_scope_the_program_no_longer_knows_grants_nothing(db: Database) -> None:
    with db.transaction() as tx:
        created = a_key(tx, a_brand(tx), ApiScope.TICKETS_READ)
        tx.get_one(ApiKey, created.key_id).scopes = ["tickets:read", "everything"]
        tx.flush()
        holder = key_holder(tx, created.key)
    assert holder is not None
    assert holder.scopes == {ApiScope.TICKETS_READ}

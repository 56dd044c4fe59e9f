"""What a brand keeps back by rule: topics it switches, its own phrases and examples, whole categories."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from marketplace.events.commands import record
from marketplace.events.facts import KeepBackChanged
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid, NotFound
from marketplace.kernel.ids import BrandId, KeepBackRuleId, PersonId, new_id
from marketplace.tickets.control_models import KeepBackKind, KeepBackRule
from marketplace.tickets.eligibility import KeepBackRules
from marketplace.tickets.models import Category
from marketplace.tickets.sensitive_words import ALWAYS_KEPT, Topic
from marketplace.tickets.terms import UnknownCategory

LIMITS = {KeepBackKind.PHRASE: 200, KeepBackKind.EXAMPLE: 50}
"""How many of a kind a brand may have; topics and categories end by themselves."""

SHORTEST = 3
LONGEST = {KeepBackKind.PHRASE: 100, KeepBackKind.EXAMPLE: 300}


class UnknownTopic(NotFound):
    """There is no such topic."""


class TopicAlwaysKept(Conflict):
    """This topic never enters the pool; it cannot be switched off."""


class BadPhrase(Invalid):
    """Write 3 to 100 characters with at least one letter or digit."""


class BadExample(Invalid):
    """Write a sentence of 3 to 300 characters, as a customer would."""


class TooManyKeepBackRules(Conflict):
    """This brand has as many of these as it may have. Remove one first."""


class NoSuchKeepBackRule(NotFound):
    """There is no such rule here."""


def switch_topic(
    tx: Tx, *, brand: BrandId, topic: str, enabled: bool, author: PersonId | None, now: datetime
) -> None:
    """Keep a topic back, or stop to. Raises UnknownTopic, TopicAlwaysKept."""
    if topic not in set(Topic):
        raise UnknownTopic
    if Topic(topic) in ALWAYS_KEPT and not enabled:
        raise TopicAlwaysKept
    _put(tx, brand, KeepBackKind.TOPIC, topic, enabled, author, now)


def keep_category_back(
    tx: Tx, *, brand: BrandId, category: str, enabled: bool, author: PersonId | None, now: datetime
) -> None:
    """Keep every ticket of a category, or share them again. Raises UnknownCategory."""
    if tx.get(Category, (brand, category)) is None:
        raise UnknownCategory
    _put(tx, brand, KeepBackKind.CATEGORY, category, enabled, author, now)


def add_phrase(tx: Tx, *, brand: BrandId, phrase: str, author: PersonId | None, now: datetime) -> None:
    """Keep back what says `phrase`; a word may end in * for any ending. Raises BadPhrase, TooManyKeepBackRules."""
    words = " ".join(phrase.split())
    fits = SHORTEST <= len(words) <= LONGEST[KeepBackKind.PHRASE]
    if not fits or not any(c.isalnum() for c in words) or "\x00" in words:
        raise BadPhrase
    _add_own(tx, brand, KeepBackKind.PHRASE, words, author, now)


def add_example(tx: Tx, *, brand: BrandId, example: str, author: PersonId | None, now: datetime) -> None:
    """Keep back what reads like `example`. Raises BadExample, TooManyKeepBackRules."""
    words = " ".join(example.split())
    if not SHORTEST <= len(words) <= LONGEST[KeepBackKind.EXAMPLE] or "\x00" in words:
        raise BadExample
    _add_own(tx, brand, KeepBackKind.EXAMPLE, words, author, now)


def remove_keep_back_rule(tx: Tx, *, brand: BrandId, rule: KeepBackRuleId) -> None:
    """Raises NoSuchKeepBackRule."""
    found = tx.get(KeepBackRule, (brand, rule), with_for_update=True)
    if found is None or found.kind not in LIMITS:
        raise NoSuchKeepBackRule
    tx.delete(found)
    record(tx, KeepBackChanged(brand=brand, key=found.key, rule=found.kind.value, enabled=False))


def own_rules(tx: Tx, *, brand: BrandId) -> Sequence[KeepBackRule]:
    """The brand's rows, oldest first."""
    mine = select(KeepBackRule).where(KeepBackRule.brand_id == brand)
    return tx.scalars(mine.order_by(KeepBackRule.id)).all()


def keep_back_rules(tx: Tx, *, brand: BrandId) -> KeepBackRules:
    """What holds for the next ticket."""
    return rules_from(own_rules(tx, brand=brand))


def rules_from(rows: Sequence[KeepBackRule]) -> KeepBackRules:
    """A topic is on until its row says otherwise."""
    off = {Topic(row.key) for row in rows if row.kind is KeepBackKind.TOPIC and not row.enabled}

    def keys(kind: KeepBackKind) -> tuple[str, ...]:
        return tuple(row.key for row in rows if row.kind is kind and row.enabled)

    return KeepBackRules(
        topics=frozenset(Topic) - off,
        phrases=keys(KeepBackKind.PHRASE),
        examples=keys(KeepBackKind.EXAMPLE),
        categories=frozenset(keys(KeepBackKind.CATEGORY)),
    )


def _add_own(
    tx: Tx, brand: BrandId, kind: KeepBackKind, words: str, author: PersonId | None, now: datetime
) -> None:
    mine = select(func.count()).where(KeepBackRule.brand_id == brand, KeepBackRule.kind == kind)
    if (tx.scalar(mine) or 0) >= LIMITS[kind]:
        raise TooManyKeepBackRules
    _put(tx, brand, kind, words, True, author, now)


def _put(
    tx: Tx,
    brand: BrandId,
    kind: KeepBackKind,
    key: str,
    enabled: bool,
    author: PersonId | None,
    now: datetime,
) -> None:
    row = insert(KeepBackRule).values(
        brand_id=brand,
        id=KeepBackRuleId(new_id()),
        kind=kind,
        key=key,
        enabled=enabled,
        set_at=now,
        set_by=author,
    )
    changed = {"enabled": enabled, "set_at": now, "set_by": author}
    tx.execute(
        row.on_conflict_do_update(
            index_elements=[KeepBackRule.brand_id, KeepBackRule.kind, KeepBackRule.key], set_=changed
        )
    )
    record(tx, KeepBackChanged(brand=brand, key=key, rule=kind.value, enabled=enabled))

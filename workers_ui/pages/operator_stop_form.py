"""What an operator names to stop something, read against what there is; a refusal names what comes close."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import assert_never

from knowledge_base.queries import article
from marketplace.accounts.people_queries import worker_by_email
from marketplace.accounts.queries import BrandCard, brand_by_slug, brands
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Invalid, NotFound
from marketplace.kernel.ids import ArticleId
from marketplace.tickets.models import Channel
from marketplace.tickets.queries import categories
from marketplace.tickets.switch_models import SwitchKind
from marketplace.tickets.switch_queries import Stop
from workers_ui.deps import as_uuid
from workers_ui.pages.switch_views import CHANNELS
from workers_ui.presenters.values import Choice

NAMED_AT_MOST = 5


class NothingByThatName(Invalid):
    """There is nothing by that name to stop."""

    def __init__(self, why: str, *, field: str) -> None:
        """`field` is the one of the form that this is about."""
        super().__init__(f"{type(self).__doc__} {why}".strip())
        self.field = field


def typed_stop(tx: Tx, *, kind: str, brand: str, key: str) -> Stop:
    """Raises NothingByThatName."""
    if kind not in set(SwitchKind):
        raise NothingByThatName("Choose from the list.", field="kind")
    where = _brand(tx, brand) if brand else None
    named = _key(tx, SwitchKind(kind), where, key)
    return Stop(kind=SwitchKind(kind), brand=where.id if where else None, key=named)


def brand_choices(tx: Tx) -> tuple[Choice, ...]:
    return tuple(Choice(value=one.slug, label=one.name) for one in brands(tx))


def key_choices(tx: Tx, brand: str) -> tuple[Choice, ...]:
    """What can be told in advance: the channels, and the categories of the brand that was typed."""
    where = brand_by_slug(tx, brand)
    at_brand = categories(tx, where.id) if where else ()
    return (
        *(Choice(value=key, label=f"Channel: {name}") for key, name in CHANNELS.items()),
        *(Choice(value=one.key, label=f"Category: {one.name}") for one in at_brand),
    )


def _brand(tx: Tx, slug: str) -> BrandCard:
    found = brand_by_slug(tx, slug)
    if found is None:
        close = get_close_matches(slug.lower(), [one.slug for one in brands(tx)], n=NAMED_AT_MOST)
        raise NothingByThatName(_said("No brand has this address.", close), field="brand")
    return found


def _key(tx: Tx, kind: SwitchKind, where: BrandCard | None, key: str) -> str | None:
    match kind:
        case SwitchKind.BRAND | SwitchKind.GUIDANCE:
            if kind is SwitchKind.BRAND:
                _at(where)
            if key:
                raise NothingByThatName("Leave this empty: all of it is stopped.", field="key")
            return None
        case SwitchKind.CATEGORY:
            return _one_of(key, [one.key for one in categories(tx, _at(where).id)])
        case SwitchKind.CHANNEL:
            return _one_of(key, list(Channel))
        case SwitchKind.WORKER:
            return _worker(tx, key)
        case SwitchKind.ARTICLE:
            return _article(tx, _at(where), key)
        case _:
            assert_never(kind)


def _at(where: BrandCard | None) -> BrandCard:
    if where is None:
        raise NothingByThatName("It belongs to a brand: say which.", field="brand")
    return where


def _one_of(key: str, known: Sequence[str]) -> str:
    if key in known:
        return key
    close = get_close_matches(key.lower(), known, n=NAMED_AT_MOST) or known[:NAMED_AT_MOST]
    raise NothingByThatName(_said("", close), field="key")


def _worker(tx: Tx, key: str) -> str:
    """The worker's id: of this e-mail address, or as it is typed."""
    if "@" not in key:
        return key
    worker = worker_by_email(tx, key)
    if worker is None:
        raise NothingByThatName("No worker has this e-mail address.", field="key")
    return str(worker)


def _article(tx: Tx, where: BrandCard, key: str) -> str:
    """Articles are the knowledge's to know; a switch only keeps the id."""
    try:
        wanted = ArticleId(as_uuid(key))
        article(tx, brand=where.id, article_id=wanted)
    except NotFound:
        raise NothingByThatName(f"{where.name} has no article with this id.", field="key") from None
    return str(wanted)


def _said(first: str, close: Sequence[str]) -> str:
    meant = f"Perhaps {', '.join(close)}?" if close else ""
    return f"{first} {meant}".strip()

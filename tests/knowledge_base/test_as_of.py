"""Answers as of another date: from what held then, and from what is scheduled to hold."""

from collections.abc import Callable, Sequence
from datetime import datetime

import pytest

from knowledge_base.index import past
from knowledge_base.index.embedder import Vectors
from knowledge_base.index.hybrid import Query
from knowledge_base.index.past import TooMuchHeldThen
from knowledge_base.index.retrieval import FoundPassage
from knowledge_base.index.shelf import EncodedQuery
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Scope
from tests.fakes import WordHashEmbedder
from tests.knowledge_base.conftest import HOUR, House, document

QUESTION = "How many days to send the kettle back?"
ORDINARY = "Send the kettle back within thirty days."
WINTER = "Send the kettle back within ninety days."


def _now(house: House) -> datetime:
    with house.base.database.transaction(Scope(brand=house.brand)) as tx:
        return app_now(tx)


def _found(house: House, at: datetime) -> list[FoundPassage]:
    with house.base.database.transaction(Scope(brand=house.brand)) as tx:
        search = house.base.retriever.as_of(at)
        return list(search.search(tx, brand=house.brand, query=Query.of([QUESTION]), weight=0.5).passages)


def _texts(house: House, at: datetime) -> list[str]:
    return [passage.text for passage in _found(house, at)]


def test_replaced_retired_and_seasonal_texts_are_found_at_their_times(
    house: House, hours_pass: Callable[[int], None]
) -> None:
    before = _now(house)
    first = house.put("Send the kettle back within ten days.")
    hours_pass(10)
    house.put(ORDINARY)
    hours_pass(10)
    house.retire(first)
    retired = _now(house)
    hours_pass(10)
    house.put(ORDINARY)
    house.put(WINTER, starts=2, ends=4)
    house.base.index(house.brand)
    now = _now(house)

    assert _texts(house, before - HOUR) == []
    assert [(found.text, found.revision_number) for found in _found(house, before + 5 * HOUR)] == [
        ("Send the kettle back within ten days.", 1)
    ]
    assert _texts(house, before + 15 * HOUR) == [ORDINARY]
    assert _texts(house, retired + HOUR) == []
    assert _texts(house, now) == [ORDINARY]
    assert _texts(house, now + 3 * HOUR) == [WINTER]
    assert _texts(house, now + 5 * HOUR) == [ORDINARY]


def test_a_draft_held_at_no_time(house: House) -> None:
    house.draft(ORDINARY)

    assert _texts(house, _now(house) + HOUR) == []


def test_what_held_then_is_built_once_and_forgotten_after_others(
    house: House, embedder: WordHashEmbedder, hours_pass: Callable[[int], None]
) -> None:
    times = []
    for number in range(past.SNAPSHOTS_KEPT + 1):
        house.put(f"Send the kettle back within {number} days.")
        times.append(_now(house))
        hours_pass(1)

    def encoded(at: datetime) -> int:
        before = len(embedder.encoded)
        assert _texts(house, at)
        return len(embedder.encoded) - before

    assert encoded(times[0]) == 1
    assert encoded(times[0]) == 0
    for at in times[1:]:
        encoded(at)
    assert encoded(times[0]) == 1


def test_more_than_a_web_process_should_encode_is_refused_with_a_way_out(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past, "MAX_ENCODED", 1)
    house.put(ORDINARY)
    house.base.put(house.brand, document(key="second", text="Something else."))

    with pytest.raises(TooMuchHeldThen, match="Choose a later date"):
        _texts(house, _now(house))


class ForgettingEmbedder(WordHashEmbedder):
    """Everything is forgotten while it encodes, as when a brand is erased just then."""

    def __init__(self, forget: Callable[[], None]) -> None:
        super().__init__()
        self._forget = forget

    def encode(self, texts: Sequence[str]) -> Vectors:
        self._forget()
        return super().encode(texts)


def test_what_is_built_while_everything_is_forgotten_is_not_kept(house: House) -> None:
    house.put(ORDINARY)
    indexes = past.PastIndexes()
    embedder = ForgettingEmbedder(indexes.forget)
    query = EncodedQuery.of(Query.of([QUESTION]), embedder)
    with house.base.database.transaction(Scope(brand=house.brand)) as tx:
        for _ in range(2):
            hits, _ranking = indexes.find(
                tx, embedder, brand=house.brand, at=app_now(tx), query=query, weight=0.5, top=3
            )
            assert len(hits) == 1
    assert embedder.encoded == [f"Returns\n{ORDINARY}"] * 2

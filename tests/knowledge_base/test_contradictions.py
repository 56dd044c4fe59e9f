"""Contradictions are looked for after each change, kept, dismissed by the brand, and settled by an edit."""

from dataclasses import dataclass

import pytest

from knowledge_base import contradictions
from knowledge_base.contradictions import ContradictionLine, look_for_contradictions
from knowledge_base.report_models import ContradictionState, ValueKind
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.errors import NotFound
from marketplace.kernel.ids import BrandId
from tests.builders import as_brand
from tests.knowledge_base.conftest import KnowledgeBase, document

FIRST = "Returns are accepted within 14 days of delivery to you."
SECOND = "Returns are accepted within 30 days of delivery to your home."


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """A brand's knowledge; every change is indexed, and looked at as the background does."""

    base: KnowledgeBase
    db: Database
    brand: BrandId

    def put(self, key: str, text: str, *, title: str = "Returns") -> int:
        self.base.put(self.brand, document(key, text, title))
        return self.look()

    def look(self) -> int:
        self.base.index(self.brand)
        return self.look_only()

    def look_only(self) -> int:
        """Looks until nothing is left, without an index of what changed."""
        found, has_more = 0, True
        while has_more:
            with self.base.database.transaction() as tx:
                look = look_for_contradictions(tx, brand=self.brand, now=app_now(tx))
            found, has_more = found + look.found, look.has_more
        return found

    def listed(self, state: ContradictionState = ContradictionState.OPEN) -> list[ContradictionLine]:
        with self.db.transaction(as_brand(self.brand)) as tx:
            return contradictions.contradictions(tx, brand=self.brand, state=state)

    def dismiss(self, reason: str = "Gifts have longer.") -> None:
        (one,) = self.listed()
        with self.db.transaction(as_brand(self.brand)) as tx:
            contradictions.dismiss_contradiction(
                tx, brand=self.brand, contradiction=one.id, by=None, reason=reason, now=app_now(tx)
            )


@pytest.fixture
def shelf(base: KnowledgeBase, db: Database, brand: BrandId) -> Shelf:
    return Shelf(base=base, db=db, brand=brand)


def test_two_passages_that_state_different_values_are_shown_side_by_side(shelf: Shelf) -> None:
    assert shelf.put("a", FIRST) == 0
    assert shelf.put("tea", "Tea leaves want water of 14 days of rest.", title="Tea") == 0
    assert shelf.put("b", SECOND, title="Sending things back") == 1
    (found,) = shelf.listed()
    assert found.kind is ValueKind.DURATION
    marked = {side.text[start:end] for side in (found.first, found.second) for start, end in side.marks}
    assert marked == {"14 days", "30 days"}
    assert {found.first.title, found.second.title} == {"Returns", "Sending things back"}


def test_a_look_compares_what_changed_and_nothing_twice(shelf: Shelf) -> None:
    shelf.put("a", FIRST)
    shelf.put("b", SECOND)
    assert [shelf.look() for _ in range(3)] == [0, 0, 0]
    assert len(shelf.listed()) == 1


def test_both_are_right_stays_so_until_a_text_changes(shelf: Shelf) -> None:
    shelf.put("a", FIRST)
    shelf.put("b", SECOND)
    shelf.dismiss()
    assert shelf.listed() == []
    assert [one.reason for one in shelf.listed(ContradictionState.DISMISSED)] == ["Gifts have longer."]
    assert shelf.put("b", SECOND, title="A new title over the same words") == 0
    assert len(shelf.listed(ContradictionState.DISMISSED)) == 1
    assert shelf.put("b", "Returns are accepted within 60 days of delivery to your home.") == 1
    assert len(shelf.listed()) == 1
    assert shelf.listed(ContradictionState.DISMISSED) == []


def test_an_edit_resolves_it_and_the_old_words_bring_it_back(shelf: Shelf) -> None:
    shelf.put("a", FIRST)
    shelf.put("b", SECOND)
    shelf.put("b", "Returns are accepted within 14 days of delivery to your home.")
    assert shelf.listed() == []
    assert len(shelf.listed(ContradictionState.RESOLVED)) == 1
    assert shelf.put("b", SECOND) == 1
    assert len(shelf.listed()) == 1


def test_a_deleted_article_contradicts_nothing_at_once(shelf: Shelf) -> None:
    shelf.put("a", FIRST)
    shelf.put("b", SECOND)
    shelf.base.delete(shelf.brand, "b")
    assert shelf.listed() == []
    shelf.look()
    assert len(shelf.listed(ContradictionState.RESOLVED)) == 1


def test_a_decision_needs_a_reason_and_comes_once(shelf: Shelf) -> None:
    shelf.put("a", FIRST)
    shelf.put("b", SECOND)
    with pytest.raises(contradictions.BothRightNeedsReason):
        shelf.dismiss(" ")
    (one,) = shelf.listed()
    shelf.dismiss()
    with shelf.db.transaction(as_brand(shelf.brand)) as tx, pytest.raises(contradictions.NotOpen):
        contradictions.dismiss_contradiction(
            tx, brand=shelf.brand, contradiction=one.id, by=None, reason="Again", now=app_now(tx)
        )


def test_brands_are_compared_and_shown_each_by_itself(shelf: Shelf) -> None:
    other = Shelf(base=shelf.base, db=shelf.db, brand=shelf.base.brand())
    assert shelf.put("a", FIRST) == 0
    assert other.put("b", SECOND) == 0
    other.put("a", FIRST)
    (theirs,) = other.listed()
    assert shelf.listed() == []
    with shelf.db.transaction(as_brand(shelf.brand)) as tx, pytest.raises(NotFound):
        contradictions.dismiss_contradiction(
            tx, brand=shelf.brand, contradiction=theirs.id, by=None, reason="Mine", now=app_now(tx)
        )


def test_far_passages_are_not_compared(shelf: Shelf) -> None:
    filler = "Kettles whistle, cups clink and biscuits crumble on rainy sundays by the old harbour wall. "
    shelf.put("a", FIRST)
    assert shelf.put("b", filler * 4 + SECOND, title="Afternoons") == 0
    assert shelf.put("b", SECOND, title="Afternoons") == 1


def test_a_text_that_is_looked_at_before_its_index_is_compared_after_it(shelf: Shelf) -> None:
    shelf.put("a", FIRST)
    # Published while the index before it was made: the look after that index has no vector of it.
    shelf.base.put(shelf.brand, document("b", SECOND, "Sending things back"))
    assert shelf.look_only() == 0
    assert shelf.look() == 1


def test_many_new_texts_are_looked_at_in_slices(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contradictions, "LOOKED_AT_ONCE", 2)
    for key, text in (("a", FIRST), ("b", "Tea leaves rest well."), ("c", "Cups are blue."), ("d", SECOND)):
        shelf.base.put(shelf.brand, document(key, text, "Returns"))
    shelf.base.index(shelf.brand)
    looks: list[contradictions.Look] = []
    while not looks or looks[-1].has_more:
        with shelf.base.database.transaction() as tx:
            looks.append(look_for_contradictions(tx, brand=shelf.brand, now=app_now(tx)))
    assert [look.has_more for look in looks] == [True, False]
    assert sum(look.found for look in looks) == 1


def test_a_text_is_compared_with_its_nearest_alone(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contradictions, "NEIGHBOURS", 1)
    nearest = "Returns are accepted within 30 days of delivery to you."
    for key, text in (("a", FIRST), ("b", nearest), ("c", SECOND.replace("30", "60"))):
        shelf.base.put(shelf.brand, document(key, text, "Returns"))
    shelf.base.index(shelf.brand)
    # Of three pairs, that of each text with the one next to it.
    assert shelf.look_only() == 2

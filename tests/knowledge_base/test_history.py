"""Revisions: notes on what changed, going back to an old one, reading one as Markdown."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from knowledge_base.drafting import NoteTooLong, Put
from knowledge_base.editing import (
    RevisedMeanwhile,
    others_editing,
    save_draft,
    say_editing,
    stop_editing,
)
from knowledge_base.history import (
    RevisionText,
    comparable_text,
    newest_revision,
    restore_revision,
    revision_text,
)
from knowledge_base.markdown_text import Part, markdown_of
from knowledge_base.publishing import RevisionNotFound
from knowledge_base.reading.documents import Document, Section
from knowledge_base.reading.readers import read_markdown
from marketplace.accounts.models import MemberRole
from marketplace.events.queries import facts_about
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Scope
from marketplace.kernel.ids import PersonId
from tests.builders import a_member
from tests.knowledge_base.conftest import HoursPass, House, document

ORDINARY = "Send the kettle back within thirty days."
WINTER = "Send the kettle back within ninety days."


@pytest.fixture
def ada(house: House) -> PersonId:
    return _a_member(house)


@pytest.fixture
def ben(house: House) -> PersonId:
    return _a_member(house)


def _a_member(house: House) -> PersonId:
    with house.base.database.transaction() as tx:
        return a_member(tx, house.brand, role=MemberRole.MANAGER)


def _save(house: House, body: str, *, base: int, note: str = "", source: str | None = None) -> Put:
    wanted = Document(key="returns", title="Returns", sections=(Section(path=(), text=body),), source=source)
    with house.base.database.transaction(Scope(brand=house.brand)) as tx:
        return save_draft(
            tx, brand=house.brand, document=wanted, base=base, author=None, now=app_now(tx), note=note
        )


def _restore(house: House, put: Put, number: int) -> Put:
    with house.base.database.transaction(Scope(brand=house.brand)) as tx:
        return restore_revision(
            tx, brand=house.brand, article=put.article_id, number=number, author=None, now=app_now(tx)
        )


def _newest(house: House, put: Put) -> RevisionText:
    with house.base.database.transaction(Scope(brand=house.brand)) as tx:
        return newest_revision(tx, brand=house.brand, article=put.article_id)


def test_a_restored_revision_is_a_new_one_that_says_so_and_holds_at_once(house: House) -> None:
    first = house.put(ORDINARY)
    house.put(WINTER)

    restored = _restore(house, first, 1)

    assert (restored.revision_number, restored.changed) == (3, True)
    assert house.held() == [ORDINARY]
    assert _newest(house, first).note == "Restored revision 1."
    assert not _restore(house, first, 1).changed
    assert house.base.index(house.brand) is not None
    assert house.base.texts(house.brand, "How many days to send the kettle back?") == [ORDINARY]


def test_a_revision_that_is_not_there_cannot_be_restored_or_read(house: House) -> None:
    put = house.put(ORDINARY)

    with pytest.raises(RevisionNotFound):
        _restore(house, put, 2)
    with (
        pytest.raises(RevisionNotFound),
        house.base.database.transaction(Scope(brand=house.brand)) as tx,
    ):
        revision_text(tx, brand=house.brand, article=put.article_id, number=9)


def test_a_draft_keeps_its_note_and_its_markdown_as_written(house: House) -> None:
    put = _save(house, ORDINARY, base=0, note=" Thirty \n days. ", source="**Send** the kettle back.")

    with house.base.database.transaction(Scope(brand=house.brand)) as tx:
        written = revision_text(tx, brand=house.brand, article=put.article_id, number=1)
        compared = comparable_text(tx, brand=house.brand, article=put.article_id, number=1)

    assert (written.note, written.markdown) == ("Thirty days.", "**Send** the kettle back.")
    assert compared.markdown == f"{ORDINARY}\n"
    with pytest.raises(NoteTooLong):
        _save(house, WINTER, base=1, note="x" * 301)


def test_of_two_who_write_over_the_same_revision_the_second_is_told(house: House) -> None:
    _save(house, ORDINARY, base=0)
    _save(house, WINTER, base=1)

    with pytest.raises(RevisedMeanwhile, match="Nothing of yours is lost"):
        _save(house, "Send the kettle back within ten days.", base=1)
    assert _save(house, "Send the kettle back within ten days.", base=2).revision_number == 3


def test_a_draft_that_was_saved_before_a_kill_can_still_be_published(house: House) -> None:
    drafted = _save(house, ORDINARY, base=0)
    # The process ends here: nothing was published, nothing is half done.
    assert house.held() == []

    house.publish(drafted)

    assert house.held() == [ORDINARY]


def test_editors_see_each_other_until_they_leave_or_fall_silent(
    house: House, ada: PersonId, ben: PersonId, hours_pass: HoursPass
) -> None:
    article = house.put(ORDINARY).article_id

    def seen_by(person: PersonId) -> int:
        with house.base.database.transaction(Scope(brand=house.brand)) as tx:
            say_editing(tx, brand=house.brand, article=article, person=person, now=app_now(tx))
        with house.base.database.transaction(Scope(brand=house.brand)) as tx:
            found = others_editing(tx, brand=house.brand, article=article, but=person, now=app_now(tx))
            return len(found)

    assert [seen_by(ada), seen_by(ben), seen_by(ada)] == [0, 1, 1]
    with house.base.database.transaction(Scope(brand=house.brand)) as tx:
        stop_editing(tx, brand=house.brand, article=article, person=ben)
    assert seen_by(ada) == 0
    seen_by(ben)
    hours_pass(1)
    assert seen_by(ada) == 0
    with house.base.database.transaction(Scope(brand=house.brand)) as tx:
        told = [fact.kind for fact in facts_about(tx, article)]
    # Saying it again is no news: Ada came, Ben came, left and came again, and Ada came back after the silence.
    assert told.count("article_edited") == 5


@pytest.mark.parametrize("table", ["revision", "passage"])
def test_the_application_cannot_rewrite_history(house: House, db: Database, table: str) -> None:
    house.put(ORDINARY)

    for forged in (f"UPDATE {table} SET sha256 = 'forged'", f"DELETE FROM {table}"):
        with (
            pytest.raises(DBAPIError, match="append-only"),
            db.transaction(Scope(brand=house.brand)) as tx,
        ):
            tx.execute(text(forged))


PARTS = (
    (Part(path=(), text="One line\nand another.\n\nA new paragraph."),),
    (
        Part(path=("Care",), text="Text."),
        Part(path=("Care", "Scale"), text="- one\n- two\n  - deeper\n  on and on\n\n1. first"),
        Part(path=("Care", "Rust"), text="5 * 3, snake_case, _so_, [x], <b>, a `tick`, C:\\new, &amp;"),
        Part(path=("Returns",), text="1. first\n  - below\n  on\n2. second\n\n# no heading\n> no quote"),
    ),
    (Part(path=("Code",), text="if x:\n    y  =  1"),),
)


@pytest.mark.parametrize("parts", PARTS, ids=["paragraphs", "lists and marks", "code"])
def test_sections_written_as_markdown_read_back_as_they_were(parts: tuple[Part, ...]) -> None:
    read = read_markdown("a.md", markdown_of(parts).encode())

    assert isinstance(read, Document)
    assert [Part(path=section.path, text=section.text) for section in read.sections] == list(parts)


def test_a_source_is_no_part_of_what_makes_two_texts_equal(house: House) -> None:
    first = _save(house, ORDINARY, base=0, source="**Send** it")

    assert not _save(house, ORDINARY, base=1, source="*Send* it").changed
    assert house.base.put(house.brand, document(text=ORDINARY)).revision_number == first.revision_number

"""What holds of looking first, publishing, discarding and undoing an import."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import delete, select

from knowledge_base import duplicates, import_acts
from knowledge_base.duplicates import NEAR_SHARE
from knowledge_base.import_acts import (
    DraftNotFound,
    NothingToPublish,
    NotInReview,
    NotPublished,
    advance_import,
    discard_import,
    leave_out,
    publish_import,
    take_in,
    undo_import,
)
from knowledge_base.import_files import start_import
from knowledge_base.import_models import FileState, ImportArticleState, ImportDuplicate, ImportState
from knowledge_base.import_queries import import_files, import_status, unfinished_imports
from knowledge_base.import_review import DraftDetail, Only, Outcome, draft, drafts, outcome
from knowledge_base.models import ArticleState, Publication
from knowledge_base.publishing import publish_revisions
from knowledge_base.queries import article_by_key, articles, holdings
from knowledge_base.text_diff import Change
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Scope
from marketplace.kernel.errors import NotFound
from marketplace.kernel.ids import ArticleId, BrandId, ImportId, new_id
from tests.builders import a_person
from tests.fakes import Killed, MortalDatabase
from tests.knowledge_base.conftest import KnowledgeBase, document

File = tuple[str, bytes]
RETURNS = "Send the kettle back within thirty days and we pay the postage, whatever the reason was."


def page(name: str, text: str) -> File:
    return name, f"# {name}\n\n{text}".encode()


def imported(base: KnowledgeBase, brand: BrandId, files: Sequence[File], *, looks_first: bool) -> ImportId:
    with base.database.transaction(Scope(brand=brand)) as tx:
        started = start_import(
            tx, brand=brand, files=files, author=None, now=app_now(tx), looks_first=looks_first
        )
    advance_import(base.database, brand, started)
    return started


def looked_at(base: KnowledgeBase, brand: BrandId, *files: File) -> ImportId:
    return imported(base, brand, files, looks_first=True)


def published(base: KnowledgeBase, brand: BrandId, *files: File) -> ImportId:
    return imported(base, brand, files, looks_first=False)


def act(base: KnowledgeBase, brand: BrandId, import_id: ImportId, name: str) -> ImportState:
    with base.database.transaction(Scope(brand=brand)) as tx:
        match name:
            case "publish":
                publish_import(tx, brand=brand, import_id=import_id, by=None)
            case "discard":
                discard_import(tx, brand=brand, import_id=import_id, by=None)
            case _:
                undo_import(tx, brand=brand, import_id=import_id, by=None)
    return advance_import(base.database, brand, import_id)


def texts(base: KnowledgeBase, brand: BrandId) -> dict[str, str]:
    """What holds now, by key."""
    with base.database.transaction(Scope(brand=brand)) as tx:
        lines = [line for line in articles(tx, brand=brand).lines if line.state is ArticleState.PUBLISHED]
        found = {line.key: article_by_key(tx, brand=brand, key=line.key).passages for line in lines}
    return {
        key: " ".join(passage.text for passage in passages) for key, passages in found.items() if passages
    }


def told(base: KnowledgeBase, brand: BrandId, import_id: ImportId) -> Outcome:
    with base.database.transaction(Scope(brand=brand)) as tx:
        return outcome(tx, brand=brand, import_id=import_id)


def state(base: KnowledgeBase, brand: BrandId, import_id: ImportId) -> ImportState:
    with base.database.transaction(Scope(brand=brand)) as tx:
        return import_status(tx, brand=brand, import_id=import_id).state


def article_id(base: KnowledgeBase, brand: BrandId, key: str) -> ArticleId:
    with base.database.transaction(Scope(brand=brand)) as tx:
        return article_by_key(tx, brand=brand, key=key).line.id


def detail(base: KnowledgeBase, brand: BrandId, import_id: ImportId, key: str) -> DraftDetail:
    with base.database.transaction(Scope(brand=brand)) as tx:
        (line,) = [one for one in drafts(tx, brand=brand, import_id=import_id).lines if one.key == key]
        return draft(tx, brand=brand, import_id=import_id, article=line.article)


# Looking first


def test_what_is_looked_at_first_holds_nowhere_until_it_is_published(
    base: KnowledgeBase, brand: BrandId
) -> None:
    published(base, brand, page("a.md", "Old words of A."), page("same.md", "As it was."))
    base.index(brand)

    import_id = looked_at(
        base,
        brand,
        page("a.md", "New words of A."),
        page("b.md", "Words of B."),
        page("same.md", "As it was."),
    )

    assert texts(base, brand) == {"a.md": "Old words of A.", "same.md": "As it was."}
    assert base.index(brand) is None
    with base.database.transaction(Scope(brand=brand)) as tx:
        status = import_status(tx, brand=brand, import_id=import_id)
        lines = drafts(tx, brand=brand, import_id=import_id).lines
    assert status.state is ImportState.REVIEW
    assert (status.articles_new, status.articles_changed, status.unchanged) == (1, 1, 1)
    assert [(line.key, line.is_new, line.passages) for line in lines] == [
        ("a.md", False, 1),
        ("b.md", True, 1),
    ]

    assert act(base, brand, import_id, "publish") is ImportState.INDEXING

    assert texts(base, brand)["a.md"] == "New words of A."
    base.index(brand)
    assert state(base, brand, import_id) is ImportState.READY
    assert base.texts(brand, "words of B")[0] == "Words of B."


def test_one_article_is_left_out_and_another_taken_in_again(base: KnowledgeBase, brand: BrandId) -> None:
    import_id = looked_at(base, brand, page("a.md", "One."), page("b.md", "Two."), page("c.md", "Three."))
    a, b = article_id(base, brand, "a.md"), article_id(base, brand, "b.md")
    with base.database.transaction(Scope(brand=brand)) as tx:
        for article in (a, b):
            leave_out(tx, brand=brand, import_id=import_id, article=article)
        take_in(tx, brand=brand, import_id=import_id, article=b)
        with pytest.raises(DraftNotFound):
            leave_out(tx, brand=brand, import_id=import_id, article=ArticleId(new_id()))
        only = drafts(tx, brand=brand, import_id=import_id, only=Only(state=ImportArticleState.LEFT_OUT))
    assert [line.key for line in only.lines] == ["a.md"]

    for _ in range(2):
        act(base, brand, import_id, "publish")

    assert set(texts(base, brand)) == {"b.md", "c.md"}
    with base.database.transaction(Scope(brand=brand)) as tx:
        assert {line.key for line in articles(tx, brand=brand).lines} == {"b.md", "c.md"}
        with pytest.raises(NotInReview):
            leave_out(tx, brand=brand, import_id=import_id, article=b)


def test_all_left_out_is_nothing_to_publish(base: KnowledgeBase, brand: BrandId) -> None:
    import_id = looked_at(base, brand, page("a.md", "One."))
    with base.database.transaction(Scope(brand=brand)) as tx:
        article = drafts(tx, brand=brand, import_id=import_id).lines[0].article
        leave_out(tx, brand=brand, import_id=import_id, article=article)
    with pytest.raises(NothingToPublish):
        act(base, brand, import_id, "publish")


def test_a_discarded_import_leaves_everything_as_it_was(base: KnowledgeBase, brand: BrandId) -> None:
    published(base, brand, page("a.md", "Old."))
    import_id = looked_at(base, brand, page("a.md", "New."), page("b.md", "Two."), page("c.md", "Three."))
    base.put(brand, document(key="c.md", text="Published by hand meanwhile.", title="C"))

    for _ in range(2):
        act(base, brand, import_id, "discard")

    assert state(base, brand, import_id) is ImportState.DISCARDED
    assert texts(base, brand) == {"a.md": "Old.", "c.md": "Published by hand meanwhile."}
    with pytest.raises(NotInReview):
        act(base, brand, import_id, "publish")
    again = looked_at(base, brand, page("b.md", "Two."))
    act(base, brand, again, "publish")
    assert texts(base, brand)["b.md"] == "Two."


@pytest.mark.parametrize("after_commit", [False, True], ids=["before the commit", "after the commit"])
def test_a_killed_discard_goes_on_where_it_was(
    base: KnowledgeBase,
    brand: BrandId,
    mortal: MortalDatabase,
    monkeypatch: pytest.MonkeyPatch,
    after_commit: bool,
) -> None:
    monkeypatch.setattr(import_acts, "ARTICLES_PER_TRANSACTION", 2)
    import_id = looked_at(base, brand, *[page(f"{number}.md", f"Text {number}.") for number in range(5)])
    with base.database.transaction(Scope(brand=brand)) as tx:
        discard_import(tx, brand=brand, import_id=import_id, by=None)
    mortal.dies_at, mortal.dies_after_commit = 5, after_commit

    with pytest.raises(Killed):
        advance_import(mortal, brand, import_id)
    left = told(base, brand, import_id)
    assert 0 < left.count(ImportArticleState.UNDONE) < 5
    with base.database.transaction(Scope(brand=brand)) as tx:
        assert unfinished_imports(tx) == [(brand, import_id)]
    assert advance_import(base.database, brand, import_id) is ImportState.DISCARDED
    assert told(base, brand, import_id).count(ImportArticleState.UNDONE) == 5


def test_an_import_that_would_change_nothing_needs_no_look(base: KnowledgeBase, brand: BrandId) -> None:
    published(base, brand, page("a.md", "One."))
    base.index(brand)

    assert state(base, brand, looked_at(base, brand, page("a.md", "One."))) is ImportState.READY


def test_the_look_shows_passages_and_what_changed_word_by_word(base: KnowledgeBase, brand: BrandId) -> None:
    published(base, brand, page("r/a.md", RETURNS))
    import_id = looked_at(
        base, brand, page("r/a.md", RETURNS.replace("thirty", "fourteen")), page("b.md", "B.")
    )

    found = detail(base, brand, import_id, "r/a.md")

    assert [(one.section_path, "fourteen" in one.text) for one in found.passages] == [(("r",), True)]
    marked = [(one.change, one.text.strip()) for one in found.changed if one.change is not Change.SAME]
    assert marked == [(Change.GONE, "thirty"), (Change.NEW, "fourteen")]
    assert (found.earlier is not None, found.later) == (True, None)
    assert detail(base, brand, import_id, "b.md").before_title is None


# Duplicates


def test_the_same_text_under_another_key_and_a_nearly_same_one_are_pointed_out(
    base: KnowledgeBase, brand: BrandId
) -> None:
    long = " ".join(f"Step {number} of the care of a kettle is done with vinegar." for number in range(30))
    published(base, brand, page("care.md", long), page("other.md", "Nothing in common with that."))
    near = long.replace("Step 3 of", "Part 3 of")

    import_id = looked_at(
        base,
        brand,
        page("copy.md", long.upper()),
        page("near.md", near),
        page("own.md", "A text of its own about parcels."),
    )

    copied, edited = detail(base, brand, import_id, "copy.md"), detail(base, brand, import_id, "near.md")
    assert next((one.key, one.share_percent) for one in copied.repeats) == ("care.md", 100)
    assert {one.key for one in edited.repeats} == {"care.md", "copy.md"}
    assert all(100 * NEAR_SHARE <= one.share_percent < 100 for one in edited.repeats)
    assert {one.key: one.in_import for one in edited.repeats} == {"care.md": False, "copy.md": True}
    assert detail(base, brand, import_id, "own.md").repeats == ()
    assert told(base, brand, import_id).repeats == 2
    with base.database.transaction(Scope(brand=brand)) as tx:
        only = drafts(tx, brand=brand, import_id=import_id, only=Only(repeats=True))
    assert [line.key for line in only.lines] == ["copy.md", "near.md"]


def test_looking_for_duplicates_goes_on_after_a_kill_and_keeps_what_it_found(
    base: KnowledgeBase, brand: BrandId, mortal: MortalDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "DRAFTS_PER_TRANSACTION", 1)
    copies = [page(f"{name}.md", RETURNS) for name in "abc"]
    import_id = looked_at(base, brand, *copies)
    whole = named_duplicates(base, brand, import_id)
    assert len(whole) == 6

    with base.database.transaction(Scope(brand=brand)) as tx:
        tx.execute(delete(ImportDuplicate))
    mortal.dies_at = 4  # signatures, what is compared, the first draft, the second one
    with pytest.raises(Killed):
        duplicates.find_duplicates(mortal, brand, import_id)
    assert len(named_duplicates(base, brand, import_id)) == 2
    for _ in range(2):
        duplicates.find_duplicates(base.database, brand, import_id)
        assert named_duplicates(base, brand, import_id) == whole


def named_duplicates(base: KnowledgeBase, brand: BrandId, import_id: ImportId) -> list[tuple[object, ...]]:
    with base.database.transaction(Scope(brand=brand)) as tx:
        rows = tx.execute(
            select(ImportDuplicate.article_id, ImportDuplicate.other_id, ImportDuplicate.share_percent)
            .where(ImportDuplicate.import_id == import_id)
            .order_by(ImportDuplicate.article_id, ImportDuplicate.other_id)
        )
        return [tuple(row) for row in rows]


def test_an_articles_own_text_before_is_no_duplicate(base: KnowledgeBase, brand: BrandId) -> None:
    published(base, brand, page("a.md", RETURNS))

    import_id = looked_at(base, brand, page("a.md", f"{RETURNS} Thank you."))

    assert detail(base, brand, import_id, "a.md").repeats == ()


# Undoing


def test_an_undo_retires_what_was_new_and_brings_back_what_held(base: KnowledgeBase, brand: BrandId) -> None:
    published(base, brand, page("a.md", "Old."), page("same.md", "Same."))
    import_id = published(base, brand, page("a.md", "New."), page("b.md", "Two."), page("same.md", "Same."))

    for _ in range(2):
        assert act(base, brand, import_id, "undo") is ImportState.UNDONE

    assert texts(base, brand) == {"a.md": "Old.", "same.md": "Same."}
    done = told(base, brand, import_id)
    assert (done.count(ImportArticleState.UNDONE), done.retired, done.kept) == (2, 1, ())
    with base.database.transaction(Scope(brand=brand)) as tx:
        files = import_files(tx, brand=brand, import_id=import_id).lines
    assert {file.state for file in files} == {FileState.DROPPED}


def test_an_undo_leaves_and_names_what_was_changed_since(base: KnowledgeBase, brand: BrandId) -> None:
    import_id = published(base, brand, page("a.md", "One."), page("b.md", "Two."), page("c.md", "Three."))
    base.put(brand, document(key="a.md", text="Edited by hand.", title="A by hand"))
    base.delete(brand, "b.md")

    act(base, brand, import_id, "undo")

    assert texts(base, brand) == {"a.md": "Edited by hand."}
    assert [title for _, title in told(base, brand, import_id).kept] == ["A by hand", "b.md"]


def test_an_article_that_has_a_planned_text_is_not_retired_by_an_undo(
    base: KnowledgeBase, brand: BrandId
) -> None:
    import_id = published(base, brand, page("a.md", "One."))
    with base.database.transaction(Scope(brand=brand)) as tx:
        revision = article_by_key(tx, brand=brand, key="a.md").revisions[0].id
        now = app_now(tx)
        publish_revisions(
            tx,
            brand=brand,
            revisions=[revision],
            author=None,
            now=now,
            starts=now + timedelta(days=1),
            ends=now + timedelta(days=2),
        )

    act(base, brand, import_id, "undo")

    assert texts(base, brand) == {"a.md": "One."}


def test_undoing_a_looked_at_import_goes_back_to_what_held_when_it_was_published(
    base: KnowledgeBase, brand: BrandId
) -> None:
    import_id = looked_at(base, brand, page("a.md", "From the file."))
    base.put(brand, document(key="a.md", text="By hand while it waited.", title="A"))
    act(base, brand, import_id, "publish")
    assert texts(base, brand) == {"a.md": "From the file."}

    act(base, brand, import_id, "undo")

    assert texts(base, brand) == {"a.md": "By hand while it waited."}


def test_there_is_nothing_to_undo_of_an_import_that_published_nothing(
    base: KnowledgeBase, brand: BrandId
) -> None:
    waiting = looked_at(base, brand, page("a.md", "One."))
    failed = published(base, brand, ("empty.md", b""))
    for import_id in (waiting, failed):
        with pytest.raises(NotPublished):
            act(base, brand, import_id, "undo")


@pytest.mark.parametrize("after_commit", [False, True], ids=["before the commit", "after the commit"])
@pytest.mark.parametrize("name", ["publish", "undo"])
def test_a_killed_publication_or_undo_goes_on_where_it_was(
    base: KnowledgeBase,
    brand: BrandId,
    mortal: MortalDatabase,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    after_commit: bool,
) -> None:
    monkeypatch.setattr(import_acts, "ARTICLES_PER_TRANSACTION", 2)
    files = [page(f"{number}.md", f"Text {number}.") for number in range(5)]
    import_id = imported(base, brand, files, looks_first=name == "publish")
    with base.database.transaction(Scope(brand=brand)) as tx:
        if name == "publish":
            publish_import(tx, brand=brand, import_id=import_id, by=None)
        else:
            undo_import(tx, brand=brand, import_id=import_id, by=None)
    mortal.dies_at, mortal.dies_after_commit = 5, after_commit

    with pytest.raises(Killed):
        advance_import(mortal, brand, import_id)
    with base.database.transaction(Scope(brand=brand)) as tx:
        assert unfinished_imports(tx) == [(brand, import_id)]
        assert 0 < holdings(tx, brand=brand).articles < 5
    advance_import(base.database, brand, import_id)

    assert len(texts(base, brand)) == (5 if name == "publish" else 0)


def test_whoever_takes_an_import_back_is_the_author_of_what_that_wrote(
    base: KnowledgeBase, brand: BrandId
) -> None:
    base.put(brand, document(key="a.md", text="Before."))
    import_id = published(base, brand, page("a.md", "After."))
    with base.database.transaction() as tx:
        undoer = a_person(tx, name="Uma Undo")
    with base.database.transaction(Scope(brand=brand)) as tx:
        undo_import(tx, brand=brand, import_id=import_id, by=undoer)
    advance_import(base.database, brand, import_id)
    with base.database.transaction(Scope(brand=brand)) as tx:
        assert import_status(tx, brand=brand, import_id=import_id).decided_by == undoer
        steps = tx.scalars(
            select(Publication.author_id).where(Publication.brand_id == brand).order_by(Publication.starts_at)
        )
        assert steps.all()[-1] == undoer


def test_another_brands_import_is_not_there(base: KnowledgeBase, brand: BrandId) -> None:
    import_id = looked_at(base, brand, page("a.md", "One."))
    other = base.brand()
    for name in ("publish", "discard", "undo"):
        with pytest.raises(NotFound):
            act(base, other, import_id, name)

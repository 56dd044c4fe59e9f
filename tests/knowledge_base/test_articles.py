"""What holds of articles: one text at a time under a key, old ones kept, changes counted."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from knowledge_base.drafting import EmptyArticle, NameTooLong
from knowledge_base.models import Article, ArticleState, Passage, Revision
from knowledge_base.publishing import ArticleNotFound, delete_article, put_article
from knowledge_base.queries import (
    PAGE_SIZE,
    ArticleDetail,
    PassageNotFound,
    article_by_key,
    articles,
    holdings,
    index_status,
    passage,
)
from knowledge_base.reading.documents import Document, Section
from knowledge_base.verification import verify_article
from marketplace.events.queries import facts_about
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Scope
from marketplace.kernel.ids import BrandId
from tests.knowledge_base.conftest import KnowledgeBase, document


def _detail(base: KnowledgeBase, brand: BrandId, key: str = "returns") -> ArticleDetail:
    with base.database.transaction(Scope(brand=brand)) as tx:
        return article_by_key(tx, brand=brand, key=key)


def _changed(base: KnowledgeBase, brand: BrandId) -> int:
    with base.database.transaction(Scope(brand=brand)) as tx:
        return index_status(tx, brand=brand).changed


def test_a_new_article_is_published_with_its_passages(base: KnowledgeBase, brand: BrandId) -> None:
    put = base.put(brand, document())

    found = _detail(base, brand)

    assert put.changed
    assert put.revision_number == 1
    assert found.line.state is ArticleState.PUBLISHED
    assert [line.text for line in found.passages] == ["Send the kettle back within thirty days."]


def test_the_same_content_again_changes_nothing(base: KnowledgeBase, brand: BrandId) -> None:
    first = base.put(brand, document())

    again = base.put(brand, document())

    assert not again.changed
    assert again.article_id == first.article_id
    assert again.revision_number == 1
    assert _changed(base, brand) == 1
    assert len(_detail(base, brand).revisions) == 1


def test_other_content_is_a_new_revision_and_the_old_one_stays_readable(
    base: KnowledgeBase, brand: BrandId
) -> None:
    base.put(brand, document())
    old = _detail(base, brand).passages[0]

    put = base.put(brand, document(text="Send the kettle back within sixty days."))

    with base.database.transaction(Scope(brand=brand)) as tx:
        quoted = passage(tx, brand=brand, passage_id=old.id)
    assert put.revision_number == 2
    assert [line.text for line in _detail(base, brand).passages] == [
        "Send the kettle back within sixty days."
    ]
    assert [line.number for line in _detail(base, brand).revisions] == [2, 1]
    assert quoted.text == "Send the kettle back within thirty days."
    assert quoted.revision_number == 1
    assert not quoted.live
    assert _changed(base, brand) == 2


def test_a_change_of_the_title_alone_is_a_change(base: KnowledgeBase, brand: BrandId) -> None:
    base.put(brand, document())

    assert base.put(brand, document(title="Sending things back")).changed
    assert _detail(base, brand).line.title == "Sending things back"


def test_a_deleted_article_is_gone_until_it_is_put_again(base: KnowledgeBase, brand: BrandId) -> None:
    base.put(brand, document())
    base.put(brand, document(key="noise"))
    quoted = _detail(base, brand).passages[0]

    base.delete(brand, "returns")

    with base.database.transaction(Scope(brand=brand)) as tx:
        assert [line.key for line in articles(tx, brand=brand).lines] == ["noise"]
        assert not passage(tx, brand=brand, passage_id=quoted.id).live
    assert _detail(base, brand).passages == ()
    assert base.put(brand, document()).changed
    assert _detail(base, brand).line.state is ArticleState.PUBLISHED
    assert [line.number for line in _detail(base, brand).revisions] == [1]


@pytest.mark.parametrize("key", ["unknown", "deleted"])
def test_what_is_not_there_cannot_be_deleted_or_verified(
    base: KnowledgeBase, brand: BrandId, key: str
) -> None:
    base.put(brand, document(key="deleted"))
    base.delete(brand, "deleted")

    with pytest.raises(ArticleNotFound), base.database.transaction(Scope(brand=brand)) as tx:
        delete_article(tx, brand=brand, key=key)
    with pytest.raises(ArticleNotFound), base.database.transaction(Scope(brand=brand)) as tx:
        verify_article(tx, brand=brand, key=key, now=app_now(tx))


def test_verifying_moves_the_date_and_leaves_the_index_alone(base: KnowledgeBase, brand: BrandId) -> None:
    base.put(brand, document())
    before = _detail(base, brand).line.verified_at

    with base.database.transaction(Scope(brand=brand)) as tx:
        verify_article(tx, brand=brand, key="returns", now=app_now(tx) + timedelta(days=1))

    assert _detail(base, brand).line.verified_at > before + timedelta(hours=23)
    assert _changed(base, brand) == 1


@pytest.mark.parametrize(
    "empty", [document(text=" \n"), document(title=" "), document(key=""), document(text="")]
)
def test_an_article_without_key_title_or_text_is_refused(
    base: KnowledgeBase, brand: BrandId, empty: Document
) -> None:
    with pytest.raises(EmptyArticle, match="key, no title or no text"):
        base.put(brand, empty)
    assert _changed(base, brand) == 0


@pytest.mark.parametrize("unfit", [document(key="k" * 501), document(title="t" * 301)])
def test_an_article_with_an_endless_name_is_refused(
    base: KnowledgeBase, brand: BrandId, unfit: Document
) -> None:
    with pytest.raises(NameTooLong):
        base.put(brand, unfit)


def test_a_key_is_kept_and_found_without_its_invisible_characters(
    base: KnowledgeBase, brand: BrandId
) -> None:
    base.put(brand, document(key="returns\0\u202e", title="Re\0turns"))

    assert _detail(base, brand, "returns").line.title == "Returns"
    assert _detail(base, brand, "\0returns").line.key == "returns"
    base.delete(brand, "returns\ud800")
    with pytest.raises(ArticleNotFound):
        base.delete(brand, "returns")


def test_the_longest_name_in_the_widest_letters_is_taken(base: KnowledgeBase, brand: BrandId) -> None:
    letters = "".join(chr(0x20000 + number) for number in range(500))

    assert base.put(brand, document(key=letters, title=letters[:300])).changed
    assert _detail(base, brand, letters).line.key == letters


def test_twenty_people_who_put_one_key_at_once_are_all_served(base: KnowledgeBase, brand: BrandId) -> None:
    people = 20

    with ThreadPoolExecutor(4) as threads:
        puts = list(
            threads.map(lambda n: base.put(brand, document(text=f"Version {n} of the text.")), range(people))
        )

    found = _detail(base, brand)
    assert all(put.changed for put in puts)
    assert sorted(put.revision_number for put in puts) == list(range(1, people + 1))
    assert len({put.article_id for put in puts}) == 1
    assert found.line.revision_number == people
    assert _changed(base, brand) == people


def test_of_equal_puts_at_once_one_writes(base: KnowledgeBase, brand: BrandId) -> None:
    with ThreadPoolExecutor(4) as threads:
        puts = list(threads.map(lambda _: base.put(brand, document()), range(12)))

    assert [put.changed for put in puts].count(True) == 1
    assert _changed(base, brand) == 1


def test_a_change_is_told_as_a_fact_of_its_article(base: KnowledgeBase, brand: BrandId) -> None:
    put = base.put(brand, document())
    base.put(brand, document())
    base.delete(brand, "returns")

    with base.database.transaction(Scope(brand=brand)) as tx:
        told = facts_about(tx, put.article_id)

    assert [(fact.kind, fact.brand) for fact in told] == [("knowledge_changed", brand)] * 2


def test_the_application_sees_and_changes_its_own_brands_articles_only(
    base: KnowledgeBase, brand: BrandId, db: Database
) -> None:
    other = base.brand()
    base.put(brand, document())
    hidden = _detail(base, brand).passages[0].id

    with db.transaction(Scope(brand=other)) as tx:
        assert articles(tx, brand=brand).lines == ()
        assert holdings(tx, brand=brand).passages == 0
        with pytest.raises(ArticleNotFound):
            article_by_key(tx, brand=brand, key="returns")
        with pytest.raises(PassageNotFound):
            passage(tx, brand=other, passage_id=hidden)
        with pytest.raises(PassageNotFound):
            passage(tx, brand=brand, passage_id=hidden)
    with pytest.raises(DBAPIError, match="row-level security"), db.transaction(Scope(brand=other)) as tx:
        put_article(tx, brand=brand, document=document(text="Stolen."), author=None, now=app_now(tx))


def test_the_application_role_can_put_and_delete_in_its_own_brand(
    base: KnowledgeBase, brand: BrandId, db: Database
) -> None:
    with db.transaction(Scope(brand=brand)) as tx:
        put_article(tx, brand=brand, document=document(), author=None, now=app_now(tx))
    with db.transaction(Scope(brand=brand)) as tx:
        put_article(tx, brand=brand, document=document(text="Other."), author=None, now=app_now(tx))
        delete_article(tx, brand=brand, key="returns")

    assert _detail(base, brand).line.state is ArticleState.RETIRED


def test_revisions_and_passages_cannot_be_rewritten(base: KnowledgeBase, brand: BrandId) -> None:
    base.put(brand, document())

    for table in ("revision", "passage"):
        with pytest.raises(DBAPIError, match="append-only"), base.database.transaction() as tx:
            tx.execute(text(f"UPDATE {table} SET sha256 = 'forged'"))


def test_the_list_is_paged_by_key_and_searched_by_title_and_key(base: KnowledgeBase, brand: BrandId) -> None:
    for number in range(PAGE_SIZE + 2):
        base.put(brand, document(key=f"a{number:03}", title=f"Article {number}"))
    base.put(brand, document(key="odd_one", title="100% cotton"))

    with base.database.transaction(Scope(brand=brand)) as tx:
        first, second = articles(tx, brand=brand), articles(tx, brand=brand, page=2)
        percent = articles(tx, brand=brand, search="100%")
        underscore = articles(tx, brand=brand, search="D_O")
        nothing = articles(tx, brand=brand, search="%")

    assert [line.key for line in first.lines[:2]] == ["a000", "a001"]
    assert (len(first.lines), first.has_more) == (PAGE_SIZE, True)
    assert ([line.key for line in second.lines], second.has_more) == (["a050", "a051", "odd_one"], False)
    assert [line.key for line in percent.lines] == ["odd_one"]
    assert [line.key for line in underscore.lines] == ["odd_one"]
    assert [line.key for line in nothing.lines] == ["odd_one"]


def test_live_articles_and_passages_are_counted(base: KnowledgeBase, brand: BrandId) -> None:
    base.put(base.brand(), document())
    base.put(brand, document())
    base.put(brand, document(text="Replaced."))
    base.put(brand, document(key="second"))
    base.put(brand, document(key="deleted"))
    base.delete(brand, "deleted")

    with base.database.transaction(Scope(brand=brand)) as tx:
        counted = holdings(tx, brand=brand)
        rows = tx.scalar(select(func.count()).select_from(Passage).where(Passage.brand_id == brand))

    assert (counted.articles, counted.passages) == (2, 2)
    assert rows == 4
    assert counted.oldest_verified_at is not None


def _put_and_break_off(base: KnowledgeBase, brand: BrandId) -> None:
    with base.database.transaction(Scope(brand=brand)) as tx:
        put_article(tx, brand=brand, document=document(), author=None, now=app_now(tx))
        raise RuntimeError("the request broke off before its commit")


def test_a_failed_put_leaves_nothing_behind(base: KnowledgeBase, brand: BrandId) -> None:
    with pytest.raises(RuntimeError):
        _put_and_break_off(base, brand)

    with base.database.transaction(Scope(brand=brand)) as tx:
        assert tx.scalar(select(func.count()).select_from(Article)) == 0
        assert tx.scalar(select(func.count()).select_from(Revision)) == 0
    assert _changed(base, brand) == 0


def test_the_page_of_a_paged_file_is_known_wherever_its_passage_is_shown(
    base: KnowledgeBase, brand: BrandId
) -> None:
    leaflet = Document(
        key="leaflet.pdf",
        title="Leaflet",
        sections=(Section(path=("Care",), text="Wash the kettle with vinegar.", page=3),),
    )
    base.put(brand, leaflet)
    base.index(brand)

    (found,) = base.search(brand, "vinegar kettle").passages
    with base.database.transaction(Scope(brand=brand)) as tx:
        detail = article_by_key(tx, brand=brand, key="leaflet.pdf")
        seen = passage(tx, brand=brand, passage_id=found.passage_id)

    assert [found.page, detail.passages[0].page, seen.page] == [3, 3, 3]

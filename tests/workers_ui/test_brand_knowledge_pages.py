"""Knowledge, its imports and a question asked for a test, through a real app."""

from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from httpx2 import Response

from guidance.confidence import Assessment, Reason
from guidance.engine import Answer
from knowledge_base.import_acts import advance_import
from knowledge_base.import_models import ImportState
from knowledge_base.index.building import build_index, rebuild_on_damage
from knowledge_base.index.bulk_work import LocalWork
from knowledge_base.index.commands import roll_back_index
from knowledge_base.index.embedder import Embedder
from knowledge_base.index.retrieval import Retriever
from knowledge_base.index.shelf import LocalShelf
from knowledge_base.publishing import put_article
from knowledge_base.queries import articles, holdings
from knowledge_base.reading.documents import Document, Section
from marketplace.accounts.models import MemberRole
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Scope
from marketplace.kernel.ids import ImportId
from tests.fakes import WordHashEmbedder
from tests.workers_ui.brand_site import (
    Browser,
    House,
    a_house,
    a_suggestion,
    an_answer,
    an_article,
    text_of,
    tree,
    value_of,
    words,
)
from tests.workers_ui.conftest import Site
from workers_ui.pages.brand_knowledge_views import question_test

POLICY = "Goods that arrive damaged are refunded in full within 30 days."
MARKDOWN = "text/markdown"


@pytest.fixture
def house(site: Site) -> House:
    return a_house(site)


@pytest.fixture
def owner(house: House) -> Browser:
    return house.member(MemberRole.OWNER)


@pytest.fixture
def embedder(site: Site, tmp_path: Path) -> WordHashEmbedder:
    """The site searches by words, so that a test needs no model."""
    words_alone = WordHashEmbedder()
    retriever = Retriever(
        shelf=LocalShelf(tmp_path / "index"),
        load_embedder=lambda: words_alone,
        report_damage=rebuild_on_damage(site.background),
    )
    site.app.state.services = replace(site.app.state.services, retriever=retriever)
    return words_alone


def _index(site: Site, house: House, embedder: Embedder, tmp_path: Path) -> None:
    build_index(site.background, house.brand, bulk=LocalWork(embedder), folder=tmp_path / "index")


def _upload(browser: Browser, *files: tuple[str, bytes]) -> Response:
    sent = [("files", (name, content, "application/octet-stream")) for name, content in files]
    return browser.post("/knowledge/imports", files=sent)


def _read(browser: Browser, answer: Response) -> Response:
    """Let the background read the import that was started; its page."""
    assert answer.status_code == 303, answer.text
    started = answer.headers["location"].rsplit("/", 1)[1]
    advance_import(browser.house.site.background, browser.house.brand, ImportId(UUID(started)))
    return browser.get(f"/knowledge/imports/{started}")


def _titles(site: Site, house: House) -> list[str]:
    with site.background.transaction() as tx:
        return [line.title for line in articles(tx, brand=house.brand).lines]


# Uploads


def test_several_files_become_articles(site: Site, owner: Browser) -> None:
    uploaded = _upload(
        owner,
        ("returns.md", f"# Returns\n\n{POLICY}".encode()),
        ("care.html", b"<h1>Care</h1><p>Descale it every month.</p>"),
        ("faq.jsonl", b'{"id": "1", "title": "Post", "text": "We ship daily."}\n'),
    )
    before = owner.visitor.client.get(uploaded.headers["location"])
    page = _read(owner, uploaded)

    assert words(before, ".import h2") == "3 files: waiting to be read"
    assert "You can leave this page" in words(before)
    assert "3 files: being indexed" in words(page, ".import h2")
    assert "3 of 3" in words(page, ".progress-line")
    assert sorted(_titles(site, owner.house)) == ["Care", "Post", "Returns"]
    listed = owner.get("/knowledge")
    assert "3 articles, 3 passages" in words(listed)
    assert words(listed, "#articles tbody .badge") == "indexing indexing indexing"
    assert "3 files: being indexed" in words(listed, "#imports")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("empty.md", b"", "It is empty."),
        ("photo.md", b"\x89PNG\r\n\x1a\n\x00\x00", "It is not a text file."),
        ("latin.md", "# Größe\n\nfünf".encode("latin-1"), "is not UTF-8"),
        ("drawing.svg", b"<svg/>", "This kind of file is not read."),
        ("broken.jsonl", b'{"id": "1", "title": "Po', "line"),
        ("huge.md", b"# Huge\n\n" + b"word " * 500_000, "larger than 2 MB"),
    ],
)
def test_a_bad_file_is_refused_by_name_and_reason_and_the_others_are_read(
    site: Site, owner: Browser, name: str, content: bytes, sentence: str
) -> None:
    page = _read(owner, _upload(owner, (name, content), ("good.md", f"# Good\n\n{POLICY}".encode())))

    assert page.status_code == 200
    refused = words(page, "li.file-row:first-child")
    assert refused.endswith("failed") or "failed" in refused
    assert sentence.lower() in refused.lower()
    assert _titles(site, owner.house) == ["Good"]


def test_an_import_of_nothing_readable_says_so(owner: Browser) -> None:
    page = _read(owner, _upload(owner, ("empty.md", b"")))

    assert "1 file: nothing was taken" in words(page, ".import h2")
    assert tree(page).css(f"[data-state={ImportState.FAILED.value}]")
    assert tree(page).css(f"a.button[href='{owner.house.path('/knowledge')}']")


def test_a_form_without_a_file_is_refused_at_its_field(owner: Browser) -> None:
    unnamed = owner.post("/knowledge/imports", files=[("files", ("", b"", "application/octet-stream"))])
    fileless = owner.post("/knowledge/imports")
    text_instead = owner.post("/knowledge/imports", {"files": "hello"})

    for refused in (unnamed, fileless, text_instead):
        assert refused.status_code == 422
        assert "There is no file in this upload." in words(refused, "#files-error")


def test_too_many_lines_and_too_many_bytes_are_refused(owner: Browser) -> None:
    lines = _upload(owner, ("faq.jsonl", b"\n" * 50_001))
    declared = owner.visitor.client.post(
        owner.house.path("/knowledge/imports"),
        content=b"x" * 25_000_001,
        headers={"content-type": "multipart/form-data; boundary=b", "x-csrf-token": owner.visitor.csrf},
    )

    assert (lines.status_code, "50,000 lines" in words(lines, "#files-error")) == (413, True)
    assert declared.status_code == 413


def test_a_file_name_that_is_a_trick_is_only_a_name(site: Site, owner: Browser) -> None:
    _read(owner, _upload(owner, ("../../etc/<b>passwd.md", b"# Trick\n\ntext")))

    page = owner.get("/knowledge")
    assert _titles(site, owner.house) == ["Trick"]
    assert not tree(page).css("#articles b")


def test_a_multipart_body_that_is_broken_is_no_defect(owner: Browser) -> None:
    for body in (b"", b"garbage", b"--b\r\nContent-Disposition: form-data; name=files"):
        answer = owner.visitor.client.post(
            owner.house.path("/knowledge/imports"),
            content=body,
            headers={"content-type": "multipart/form-data; boundary=b", "x-csrf-token": owner.visitor.csrf},
        )
        assert 400 <= answer.status_code < 500


# The list


def test_the_list_is_narrowed_and_paged(site: Site, owner: Browser) -> None:
    with site.background.transaction() as tx:
        for number in range(51):
            an_article(tx, owner.house.brand, key=f"a{number:02}.md", title=f"Article {number}", text=POLICY)
        an_article(tx, owner.house.brand, key="z.md", title="100% wool", text="Wash it cold.")
    with site.background.transaction() as tx:
        an_article(tx, a_house(site, name="Noise").brand, key="z.md", title="100% noise", text="Hush.")

    found, second = owner.get("/knowledge?find=100%25"), owner.get("/knowledge?page=2")

    assert words(found, "#articles tbody th a") == "100% wool"
    assert value_of(found, "find") == "100%"
    assert len(tree(second).css("#articles tbody tr")) == 2
    assert tree(second).css("a[rel=prev][href$='?page=1']")
    assert "Nothing by that name" in words(owner.get("/knowledge?find=silk"))
    assert owner.get("/knowledge?find=%00").status_code == 200


# A question for a test


def test_a_question_shows_what_a_worker_would_be_shown(
    site: Site, owner: Browser, embedder: WordHashEmbedder, tmp_path: Path
) -> None:
    with site.background.transaction() as tx:
        passage = an_article(tx, owner.house.brand, text=POLICY)
        an_article(
            tx, owner.house.brand, key="care.md", title="Care", text="Descale the machine every month."
        )
    _index(site, owner.house, embedder, tmp_path)

    page = owner.get("/knowledge?q=Are goods that arrive damaged refunded in full?")

    assert POLICY in words(page, "#answer .draft")
    assert words(page, "#answer ol.cards a").split()[0] == "Returns"
    assert tree(page).css(f"#answer a[href$='/knowledge/{passage.article_id}']")
    assert value_of(page, "q") == "Are goods that arrive damaged refunded in full?"
    assert words(page, "#articles tbody .badge") == "ready ready"


def test_a_question_without_an_answer_says_what_the_worker_reads(
    site: Site, owner: Browser, embedder: WordHashEmbedder, tmp_path: Path
) -> None:
    with site.background.transaction() as tx:
        an_article(tx, owner.house.brand, text=POLICY)
    _index(site, owner.house, embedder, tmp_path)

    page = owner.get("/knowledge?q=Does my dentist take walk-ins on Sundays?")

    assert "No grounded answer." in words(page, "#answer")
    assert "The worker reads: Escalate to the brand’s team" in words(page, "#answer").replace("'", "’")
    assert not tree(page).css("#answer .draft")


def test_an_empty_knowledge_base_and_one_without_an_index_say_so(
    site: Site, owner: Browser, embedder: WordHashEmbedder
) -> None:
    empty = owner.get("/knowledge?q=Anything?")
    with site.background.transaction() as tx:
        an_article(tx, owner.house.brand, text=POLICY)
    unindexed = owner.get("/knowledge?q=Anything?")

    assert "The knowledge base has nothing on this question." in words(empty, "#answer")
    assert unindexed.status_code == 200
    assert "is being indexed" in words(unindexed, "#answer")


@pytest.mark.parametrize("question", ["%00", "%F0%9F%A6%86", "'%22%3Cscript%3E", "+", "x" * 500])
def test_any_question_is_answered(
    site: Site, owner: Browser, embedder: WordHashEmbedder, tmp_path: Path, question: str
) -> None:
    with site.background.transaction() as tx:
        an_article(tx, owner.house.brand, text=POLICY)
    _index(site, owner.house, embedder, tmp_path)

    assert owner.get(f"/knowledge?q={question}").status_code == 200
    assert not tree(owner.get(f"/knowledge?q={question}")).css("#answer script")


# One article


def test_an_article_shows_its_passages_and_how_often_replies_cite_them(
    db: Database, site: Site, owner: Browser
) -> None:
    brand = owner.house.brand
    with site.background.transaction() as tx:
        passage = an_article(tx, brand, text=POLICY)
        unused = an_article(tx, brand, key="care.md", title="Care", text="Descale it.")
    for body, inserted in ((f"Hi. {POLICY}", ()), ("Look it up.", ("1",)), ("I do not know.", ())):
        ticket = owner.house.ticket()
        with site.background.transaction() as tx:
            a_suggestion(tx, brand, ticket, passage, draft=POLICY)
        an_answer(db, site, ticket, body=body, inserted=inserted)
    with site.background.transaction() as tx:
        a_suggestion(tx, brand, owner.house.ticket(), passage, draft=POLICY)

    page = owner.get(f"/knowledge/{passage.article_id}")

    assert "cited 2 times" in words(page, "ol.cards")
    assert "1 passage leaves search at once. 1 open suggestion that cites it" in words(page, "#retire")
    assert "not cited yet" in words(owner.get(f"/knowledge/{unused.article_id}"), "ol.cards")
    rows = [text_of(row) for row in tree(owner.get("/knowledge")).css("#articles tbody tr")]
    assert [row.split(" Nov")[0].split()[:4] for row in rows] == [
        ["Care", "indexing", "1", "0"],
        ["Returns", "indexing", "1", "2"],
    ]


def test_an_article_is_replaced_by_a_file_and_the_same_file_changes_nothing(
    site: Site, owner: Browser
) -> None:
    with site.background.transaction() as tx:
        article = an_article(tx, owner.house.brand, text=POLICY).article_id
    new = {"file": ("another-name.md", b"---\nkey: sneaky\n---\n# Refunds\n\nWithin 14 days.", MARKDOWN)}

    replaced = owner.post(f"/knowledge/{article}/replace", files=new)
    page = owner.visitor.client.get(replaced.headers["location"])
    again = owner.post(f"/knowledge/{article}/replace", files=new)

    assert replaced.status_code == 303
    assert words(page, "h1") == "Refunds"
    assert "revision 2" in words(page)
    assert "returns.md" in words(page)
    assert "Within 14 days." in words(page, "ol.cards")
    assert "Nothing changed" in words(owner.visitor.client.get(again.headers["location"]), "#toasts")
    assert _titles(site, owner.house) == ["Refunds"]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.md", b"", "It is empty."),
        ("a.md", b"\x00\x01", "It is not a text file."),
        ("a.png", b"\x89PNG", "This kind of file is not read."),
        ("a.jsonl", b"{}", "This file holds many articles."),
        ("a.md", b"# Huge\n\n" + b"word " * 500_000, "larger than 2 MB"),
        ("", b"", "Choose a file: Markdown, HTML, plain text, PDF or Word"),
    ],
)
def test_a_file_that_cannot_replace_leaves_the_article_as_it_is(
    site: Site, owner: Browser, name: str, content: bytes, sentence: str
) -> None:
    with site.background.transaction() as tx:
        article = an_article(tx, owner.house.brand, text=POLICY).article_id

    refused = owner.post(f"/knowledge/{article}/replace", files={"file": (name, content, MARKDOWN)})

    assert refused.status_code == 422
    assert sentence in words(refused, "[data-problem]")
    assert POLICY in words(refused, "ol.cards")
    assert owner.post(f"/knowledge/{article}/replace").status_code == 422


def test_a_retired_article_is_gone_from_the_list_and_its_page_says_so(site: Site, owner: Browser) -> None:
    with site.background.transaction() as tx:
        article = an_article(tx, owner.house.brand, text=POLICY).article_id

    retired = owner.post(f"/knowledge/{article}/retire")

    assert "is retired" in words(owner.visitor.client.get(retired.headers["location"]), "#toasts")
    assert _titles(site, owner.house) == []
    with site.background.transaction() as tx:
        assert holdings(tx, brand=owner.house.brand).passages == 0
    page = owner.get(f"/knowledge/{article}")
    assert words(page, ".page-head .badge") == "retired"
    assert "nothing of it is offered" in words(page, "ol.cards")
    assert not tree(page).css("form[enctype], form[action$='/retire']")
    assert owner.post(f"/knowledge/{article}/retire").status_code == 404


def test_a_damaged_index_is_told_until_a_day_after_it_was_built_again(
    site: Site, house: House, owner: Browser, embedder: WordHashEmbedder, tmp_path: Path
) -> None:
    _put(site, house, "returns")
    _index(site, house, embedder, tmp_path)
    assert "search index" not in owner.get("/knowledge").text
    for file in (tmp_path / "index").rglob("vectors.faiss"):
        file.write_bytes(b"torn")

    owner.get("/knowledge?q=send+it+back")
    torn = owner.get("/knowledge").text
    _index(site, house, embedder, tmp_path)
    whole = owner.get("/knowledge").text

    assert "it is being built again from your articles" in torn
    assert str(tmp_path) not in torn
    assert "It was built again from your articles; nothing is missing." in whole


def test_a_rolled_back_index_is_told_with_its_reason(
    site: Site, house: House, owner: Browser, embedder: WordHashEmbedder, tmp_path: Path
) -> None:
    for key in ("one", "two"):
        _put(site, house, key)
        _index(site, house, embedder, tmp_path)
    with site.background.transaction(Scope(brand=house.brand)) as tx:
        roll_back_index(tx, house.brand, by=None, reason="Two was <wrong>.", now=app_now(tx))

    assert "Why: Two was &lt;wrong&gt;." in owner.get("/knowledge").text


def _put(site: Site, house: House, key: str) -> None:
    text = Section(path=(), text=f"Send it back within 30 days: {key}.")
    with site.background.transaction(Scope(brand=house.brand)) as tx:
        document = Document(key=key, title=key, sections=(text,))
        put_article(tx, brand=house.brand, document=document, author=None, now=app_now(tx))


@pytest.mark.parametrize("reason", [one for one in Reason if one is not Reason.GROUNDED])
def test_a_question_that_guidance_does_not_answer_says_why_whatever_the_reason(reason: Reason) -> None:
    silent = Assessment(confidence=0.2, answer=False, reason=reason, next_step="Ask the shop.")
    found = Answer(passages=(), reused=None, assessment=silent, draft=None, voice_version=1)
    shown = question_test("Is it open?", found)
    assert (shown.abstained, shown.draft) == (True, "")
    assert shown.reason.endswith(". The worker reads: Ask the shop.")

"""An import's pages: slices, folders, files by state, a look before publishing, retry and undo."""

from uuid import UUID

import pytest
from httpx2 import Response

from knowledge_base.import_acts import advance_import
from knowledge_base.import_files import MAX_IMPORT_FILES
from knowledge_base.imports import fail_import
from knowledge_base.models import ArticleState
from knowledge_base.publishing import put_article
from knowledge_base.queries import articles
from marketplace.accounts.models import MemberRole
from marketplace.kernel.clock import app_now
from marketplace.kernel.ids import ImportId
from tests.knowledge_base.conftest import document
from tests.workers_ui.brand_site import Browser, House, a_house, an_article, tree, words
from tests.workers_ui.conftest import Site

POLICY = "Goods that arrive damaged are refunded in full within 30 days, and we pay the postage for them."
File = tuple[str, bytes]


@pytest.fixture
def house(site: Site) -> House:
    return a_house(site)


@pytest.fixture
def owner(house: House) -> Browser:
    return house.member(MemberRole.OWNER)


def page(name: str, text: str = POLICY) -> File:
    return name, f"# {name}\n\n{text}".encode()


def upload(owner: Browser, *files: File, field: str = "files", rest: str = "", **fields: str) -> Response:
    sent = [(field, (name, content, "application/octet-stream")) for name, content in files]
    return owner.post(f"/knowledge/imports{rest}", fields, files=sent or None)


def path_of(answer: Response) -> str:
    """Where an upload led, below the brand."""
    assert answer.status_code == 303, answer.text
    return "/knowledge/" + answer.headers["location"].split("/knowledge/", 1)[1]


def work_off(owner: Browser, path: str) -> Response:
    """Let the background do what the import waits for; its page."""
    import_id = ImportId(UUID(path.rsplit("/", 1)[1]))
    advance_import(owner.house.site.background, owner.house.brand, import_id)
    return owner.get(path)


def held(owner: Browser) -> list[str]:
    with owner.house.site.background.transaction() as tx:
        return [
            line.key
            for line in articles(tx, brand=owner.house.brand).lines
            if line.state is ArticleState.PUBLISHED
        ]


def follow(owner: Browser, answer: Response) -> Response:
    return owner.visitor.client.get(answer.headers["location"])


def test_slices_fill_one_import_that_is_read_when_it_is_started(owner: Browser) -> None:
    path = path_of(upload(owner, page("a.md"), more="yes"))
    for _ in range(2):
        assert (
            upload(owner, page("b.md", "Other."), rest=f"/{path.rsplit('/', 1)[1]}/files").status_code == 303
        )
    assert "Files are still arriving" in words(owner.get(path))
    assert held(owner) == []

    assert owner.post(f"{path}/start").status_code == 303
    done = work_off(owner, path)

    assert "2 files: being indexed" in words(done, ".import h2")
    assert held(owner) == ["a.md", "b.md"]
    late = upload(owner, page("c.md"), rest=f"/{path.rsplit('/', 1)[1]}/files")
    assert late.status_code == 409


def test_a_folders_own_name_is_left_out_and_the_folders_in_it_are_kept(owner: Browser) -> None:
    files = (page("help/a.md"), page("help/post/abroad/b.md", "By rail."))

    work_off(owner, path_of(upload(owner, *files, field="folder")))

    assert held(owner) == ["a.md", "post/abroad/b.md"]


def test_the_form_takes_files_and_a_folder_and_asks_for_a_look_by_default(owner: Browser) -> None:
    form = tree(owner.get("/knowledge")).css_first("form[data-upload]")
    assert form is not None
    assert form.css_first("input[name=folder][webkitdirectory]")
    assert form.css_first("input[name=files][multiple]")
    assert form.css_first("input[name=review][checked]")
    assert form.attributes["data-files-limit"] == str(MAX_IMPORT_FILES)


def test_more_files_than_a_form_may_hold_are_refused_with_a_sentence(owner: Browser) -> None:
    refused = upload(owner, *(page(f"{number}.md", "x") for number in range(1_001)))

    assert refused.status_code == 413
    assert "1,000 files" in words(refused)
    assert "folder" in words(refused)


def test_files_are_listed_by_state_with_reason_and_remedy_apart(owner: Browser) -> None:
    bad = b'{"id": "1", "title": "Good", "text": "Fine."}\n{nonsense'
    path = path_of(upload(owner, ("empty.md", b""), page("a.md"), ("faq.jsonl", bad)))
    shown = work_off(owner, path)

    first = tree(shown).css_first("li.file-row")
    assert first is not None
    assert words(shown, "li.file-row:first-child .field-error") == "It is empty."
    assert "Write the article" in first.text()
    assert "1 not taken" in words(shown, "li.file-row details")
    assert "1 new · 1 passage" in words(shown, "li.file-row:nth-child(2)")
    failed = owner.get(f"{path}?state=failed")
    assert len(tree(failed).css("li.file-row")) == 1
    assert words(failed, "#files nav a[aria-current]") == "Failed 1"
    assert owner.get(f"{path}?state=lost").status_code == 422
    assert owner.get(f"{path}?show=lost").status_code == 422


def test_many_files_are_paged(owner: Browser) -> None:
    path = path_of(upload(owner, *(page(f"{number:03}.md", f"Text {number}.") for number in range(51))))

    assert len(tree(owner.get(path)).css("li.file-row")) == 50
    assert words(owner.get(f"{path}?page=2"), "li.file-row .file-name") == "050.md"


def test_a_failed_file_is_read_again_at_a_click(site: Site, owner: Browser) -> None:
    path = path_of(upload(owner, page("a.md"), page("b.md", "Other.")))
    import_id = ImportId(UUID(path.rsplit("/", 1)[1]))
    with site.background.transaction() as tx:
        fail_import(tx, brand=owner.house.brand, import_id=import_id)
    assert "Read 2 failed files again" in words(owner.get(path))

    owner.post(f"{path}/retry", {"file": "1"})
    work_off(owner, path)
    assert held(owner) == ["b.md"]
    owner.post(f"{path}/retry")
    work_off(owner, path)

    assert held(owner) == ["a.md", "b.md"]
    assert "No failed file of this import" in words(follow(owner, owner.post(f"{path}/retry")), "#toasts")


def test_a_look_shows_drafts_and_publishes_but_those_left_out(site: Site, owner: Browser) -> None:
    long = " ".join(f"{POLICY} Rule {number}." for number in range(4))
    with site.background.transaction() as tx:
        an_article(tx, owner.house.brand, key="returns.md", text=long)
    files = (
        page("copy.md", long),
        page("own.md", "We ship on Mondays."),
        page("returns.md", long + " Ever."),
    )
    path = path_of(upload(owner, *files, review="yes"))
    shown = work_off(owner, path)

    assert "Nothing is published yet" in words(shown)
    assert held(owner) == ["returns.md"]
    assert "Publish 3 articles" in words(shown)
    assert "% in common with another" in words(shown, ".repeats")
    links = {link.text(): link.attributes["href"] or "" for link in tree(shown).css("#drafts tbody a")}
    look = owner.visitor.client.get(links["copy.md"])
    assert "Another article says this too" in words(look)
    assert len(tree(look).css(".side-by-side .excerpt")) == 2
    changed = owner.visitor.client.get(links["returns.md"])
    assert words(changed, ".prose.word-diff ins") == "Ever."
    left = owner.visitor.client.post(f"{links['copy.md']}/leave-out", data={"csrf": owner.visitor.csrf})
    assert "Publish 2 articles" in words(follow(owner, left))
    assert words(owner.get(f"{path}?show=left_out"), "#drafts tbody th a") == "copy.md"

    owner.post(f"{path}/publish")
    work_off(owner, path)

    assert held(owner) == ["own.md", "returns.md"]
    assert "has nothing that waits" in words(follow(owner, owner.post(f"{path}/discard")), "#toasts")


def test_a_discarded_look_publishes_nothing(owner: Browser) -> None:
    path = path_of(upload(owner, page("a.md"), review="yes"))
    work_off(owner, path)

    owner.post(f"{path}/discard")
    assert "being discarded" in words(owner.get(path))
    work_off(owner, path)

    assert "Nothing of it was published" in words(owner.get(path))
    assert held(owner) == []


def test_an_undo_says_what_it_did_and_names_what_it_left(site: Site, owner: Browser) -> None:
    path = path_of(upload(owner, page("a.md"), page("b.md", "Other.")))
    assert "Undo this import" in words(work_off(owner, path))
    with site.background.transaction() as tx:
        edited = document(key="b.md", title="B by hand", text="Edited since.")
        put_article(tx, brand=owner.house.brand, document=edited, author=None, now=app_now(tx))

    for _ in range(2):
        owner.post(f"{path}/undo")
    shown = work_off(owner, path)

    assert "1 article retired, 0 brought back" in words(shown)
    assert "1 article was changed since and stayed." in words(shown)
    assert words(shown, "[aria-labelledby=kept-title] a") == "B by hand"
    assert held(owner) == ["b.md"]


ACTS = ("publish", "discard", "undo", "retry", "start", "files")


@pytest.mark.parametrize("act", ACTS)
def test_strangers_readers_and_forms_without_a_token_act_on_no_import(
    site: Site, owner: Browser, act: str
) -> None:
    path = path_of(upload(owner, page("a.md"), review="yes"))
    work_off(owner, path)
    stranger, reviewer = a_house(site, name="Else").member(), owner.house.member(MemberRole.REVIEWER)

    files = [("files", page("b.md"))] if act == "files" else None
    assert stranger.post(f"{path}/{act}", files=files).status_code == 404
    assert reviewer.post(f"{path}/{act}", files=files).status_code == 403
    assert owner.post_without_token(f"{path}/{act}").status_code == 403
    assert not tree(reviewer.get(path)).css("main form")
    assert held(owner) == []


def test_a_strangers_draft_is_not_there(site: Site, owner: Browser) -> None:
    path = path_of(upload(owner, page("a.md"), review="yes"))
    links = tree(work_off(owner, path)).css("#drafts tbody a")
    draft = links[0].attributes["href"] or ""
    rest = draft.removeprefix(owner.house.path())
    stranger = a_house(site, name="Else").member()

    assert owner.get(rest).status_code == 200
    assert stranger.get(rest).status_code == 404
    assert stranger.post(f"{rest}/leave-out").status_code == 404
    assert owner.post(f"{rest}/eat").status_code == 404
    for odd in (f"{path}/articles/x", "/knowledge/imports/x/articles/y"):
        assert owner.get(odd).status_code == 404


def test_every_import_is_listed_with_who_began_it_and_who_took_it_back(site: Site, owner: Browser) -> None:
    first, second = path_of(upload(owner, page("a.md"))), path_of(upload(owner, page("b.md")))
    work_off(owner, first)
    work_off(owner, second)
    owner.post(f"{second}/undo")
    work_off(owner, second)

    rows = [" ".join(row.text().split()) for row in tree(owner.get("/knowledge/imports")).css("tbody tr")]

    assert len(rows) == 2
    assert "Uploaded here, Mo Manager; taken back by Mo Manager taken back 1 1 0 0" in rows[0]
    assert "Uploaded here, Mo Manager indexing 1 1 0 0" in rows[1]
    links = tree(owner.get("/knowledge/imports")).css("tbody a")
    assert [link.attributes["href"] for link in links] == [owner.house.path(second), owner.house.path(first)]
    stranger = a_house(site, name="Else").member()
    assert not tree(stranger.get("/knowledge/imports")).css("tbody tr")
    assert owner.get("/knowledge/imports?page=0").status_code == 422

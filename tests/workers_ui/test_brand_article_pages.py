"""Writing one article, its dates, its history and its checks, through a real app."""

from datetime import timedelta

import pytest

from knowledge_base.queries import articles
from marketplace.accounts.models import MemberRole
from marketplace.kernel.clock import app_now, shift_clock
from marketplace.kernel.ids import ArticleId
from tests.workers_ui.brand_site import Browser, House, a_house, an_article, tree, value_of, words
from tests.workers_ui.conftest import Site

OLD = "Goods that arrive damaged are refunded within 30 days."
NEW = "Goods that arrive damaged are refunded within 60 days."


@pytest.fixture
def house(site: Site) -> House:
    return a_house(site)


@pytest.fixture
def ada(house: House) -> Browser:
    return house.member(MemberRole.MANAGER)


@pytest.fixture
def article(site: Site, house: House) -> ArticleId:
    with site.background.transaction() as tx:
        return an_article(tx, house.brand, text=OLD).article_id


def _write(browser: Browser, article: object, **typed: str) -> str:
    """Send the editor's form and follow it; the page it leads to, as text."""
    form = {"title": "Returns", "text": OLD, "note": "", "base": "1", "do": "draft", **typed}
    sent = browser.post(f"/knowledge/{article}/edit", form)
    assert sent.status_code == 303, words(sent)
    return words(browser.visitor.client.get(sent.headers["location"]))


def _local(site: Site, hours: int) -> str:
    with site.background.transaction() as tx:
        return (app_now(tx) + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M")


def test_a_new_article_is_written_previewed_drafted_and_published(site: Site, ada: Browser) -> None:
    form = {"title": "Gift cards", "text": "## Use\n\nThey hold **two** years.", "base": "0"}

    shown = ada.post("/knowledge/new", {**form, "do": "preview"})
    drafted = ada.post("/knowledge/new", {**form, "do": "draft"})

    assert "They hold two years." in words(shown, "#preview")
    assert value_of(shown, "title") == "Gift cards"
    page = ada.visitor.client.get(drafted.headers["location"])
    assert "Revision 1 is a draft" in words(page, "#draft")
    assert words(page, ".page-head .badge") == "draft"
    path = drafted.headers["location"].split("/knowledge/")[1]
    ada.post(f"/knowledge/{path}/publish", {"revision": "1"})
    published = ada.get(f"/knowledge/{path}")
    assert not tree(published).css("#draft")
    assert "They hold two years." in words(published, "ol.cards")
    assert "**two**" in words(ada.get(f"/knowledge/{path}/edit"), "textarea[name=text]")


def test_an_edit_is_published_at_once_with_its_note_in_the_history(ada: Browser, article: ArticleId) -> None:
    page = _write(ada, article, text=NEW, note="Sixty since November.", do="publish")

    assert NEW in page
    history = ada.get(f"/knowledge/{article}/history?before=1&after=2")
    assert "Sixty since November." in words(history, "#history")
    assert [node.text() for node in tree(history).css(".diff del, .diff ins")] == ["30", "60"]
    assert "removed" in words(history, ".diff")
    assert "added" in words(history, ".diff")


def test_a_second_writer_sees_both_texts_and_loses_nothing(
    house: House, ada: Browser, article: ArticleId
) -> None:
    ben = house.member(MemberRole.MANAGER)
    _write(ben, article, text=NEW)
    mine = "Goods that arrive damaged are refunded within 90 days."

    refused = ada.post(
        f"/knowledge/{article}/edit", {"title": "Returns", "text": mine, "base": "1", "do": "publish"}
    )

    assert refused.status_code == 409
    assert mine in words(refused, "textarea[name=text]")
    assert NEW in words(refused, "#theirs")
    assert value_of(refused, "base") == "2"
    assert mine in _write(ada, article, text=mine, base="2", do="publish")


def test_a_season_is_planned_shown_and_cancelled(site: Site, ada: Browser, article: ArticleId) -> None:
    page = _write(ada, article, text=NEW, do="publish", starts=_local(site, 30), ends=_local(site, 60))

    assert OLD in page
    planned = ada.get(f"/knowledge/{article}")
    assert "Revision 2 holds for a time" in words(planned, "#schedule")
    assert "Revision 1 returns" in words(planned, "#schedule")
    starts = tree(planned).css("#schedule input[name=starts]")
    assert len(starts) == 1
    ada.post(f"/knowledge/{article}/cancel", {"starts": starts[0].attributes["value"] or ""})
    assert not tree(ada.get(f"/knowledge/{article}")).css("#schedule")


def test_a_season_comes_by_itself_and_the_page_says_that_it_runs(
    site: Site, house: House, ada: Browser, article: ArticleId
) -> None:
    _write(ada, article, text=NEW, do="publish", starts=_local(site, 2), ends=_local(site, 9))
    with site.background.transaction() as tx:
        shift_clock(tx, by=timedelta(hours=4))

    page = house.member(MemberRole.MANAGER).get(f"/knowledge/{article}")

    assert NEW in words(page, "ol.cards")
    assert "afterwards the standing text returns" in words(page)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"text": " "}, "It is empty."),
        ({"title": ""}, "no key, no title or no text"),
        ({"starts": "soon", "do": "publish"}, "Write a day and a time"),
        ({"ends": "2001-01-01T00:00", "do": "publish"}, "end before it begins"),
        ({"note": "x" * 301}, "300 characters"),
        ({"text": "x" * 100_001}, "100,000 characters"),
    ],
    ids=["no text", "no title", "no date", "over", "long note", "long text"],
)
def test_what_cannot_be_saved_comes_back_as_it_was_typed(
    ada: Browser, article: ArticleId, typed: dict[str, str], sentence: str
) -> None:
    form = {"title": "Returns", "text": NEW, "note": "", "base": "1", "do": "draft", **typed}

    refused = ada.post(f"/knowledge/{article}/edit", form)

    assert refused.status_code in (413, 422)
    assert sentence in words(refused)
    assert form["text"].strip() in words(refused, "textarea[name=text]")
    assert "1" in words(ada.get(f"/knowledge/{article}/history"), "#history .count")


def test_an_old_revision_is_restored_from_the_history(ada: Browser, article: ArticleId) -> None:
    _write(ada, article, text=NEW, do="publish")

    ada.post(f"/knowledge/{article}/restore", {"revision": "1"})

    assert OLD in words(ada.get(f"/knowledge/{article}"), "ol.cards")
    assert "Restored revision 1." in words(ada.get(f"/knowledge/{article}/history"), "#history")


def test_two_who_edit_see_each_other(house: House, ada: Browser, article: ArticleId) -> None:
    ben = house.member(MemberRole.MANAGER)

    assert "is editing this" not in ada.post(f"/knowledge/{article}/presence").text
    assert "is editing this, since" in ben.post(f"/knowledge/{article}/presence").text
    assert "is editing this, since" in words(ada.get(f"/knowledge/{article}/edit"), "#editors")


def test_an_overdue_article_is_listed_by_owner_and_verified(
    site: Site, house: House, ada: Browser, article: ArticleId
) -> None:
    owners = tree(ada.get(f"/knowledge/{article}")).css("select[name=owner] option")
    owner = next(option.attributes["value"] for option in owners if option.attributes["value"])
    ada.post(f"/knowledge/{article}/owner", {"owner": owner or "", "verify_days": "30"})
    with site.background.transaction() as tx:
        shift_clock(tx, by=timedelta(days=31))

    fresh = house.member(MemberRole.MANAGER)
    listed = fresh.get("/knowledge/checks")

    assert "overdue" in words(listed, "#checks")
    fresh.post(f"/knowledge/{article}/verify", {"back": "checks"})
    assert "Nothing to check" in words(fresh.get("/knowledge/checks"))


def test_the_rules_are_kept_and_bad_ones_refused(ada: Browser) -> None:
    ada.post("/knowledge/checks/rules", {"verify_days": "45", "verified_only": "yes"})
    page = ada.get("/knowledge/checks")

    assert value_of(page, "verify_days") == "45"
    assert tree(page).css("input[name=verified_only][checked]")
    refused = ada.post("/knowledge/checks/rules", {"verify_days": "never"})
    assert refused.status_code == 422
    assert "every 1 to 3,650 days" in words(refused)


def test_an_agent_reads_the_history_and_changes_nothing(house: House, article: ArticleId) -> None:
    agent = house.member(MemberRole.AGENT)

    assert agent.get(f"/knowledge/{article}/history").status_code == 200
    assert agent.get(f"/knowledge/{article}/edit").status_code == 403
    for act in ("edit", "publish", "restore", "verify", "owner", "cancel", "presence"):
        assert agent.post(f"/knowledge/{article}/{act}", {"revision": "1", "starts": "x"}).status_code == 403
    assert not tree(agent.get(f"/knowledge/{article}/history")).css("main form[method=post]")


def test_a_foreign_article_is_not_there(site: Site, ada: Browser) -> None:
    foreign = a_house(site, name="Somebody Else")
    with site.background.transaction() as tx:
        article = an_article(tx, foreign.brand, text=OLD).article_id

    for rest in ("edit", "history"):
        assert ada.get(f"/knowledge/{article}/{rest}").status_code == 404
    for act in ("edit", "publish", "restore", "verify", "owner", "presence"):
        form = {"title": "T", "text": "Text.", "revision": "1", "do": "draft"}
        assert ada.post(f"/knowledge/{article}/{act}", form).status_code == 404
    cancelled = ada.post(f"/knowledge/{article}/cancel", {"starts": "2026-12-01T00:00:00+00:00"})
    assert cancelled.status_code == 404
    with site.background.transaction() as tx:
        assert [line.revision_number for line in articles(tx, brand=foreign.brand).lines] == [1]

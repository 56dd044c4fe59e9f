"""An owner erases all of the brand's knowledge on a page."""

from pathlib import Path

import pytest

from knowledge_base.erasure import erase
from marketplace.accounts.models import MemberRole
from tests.workers_ui.brand_site import Browser, a_house, an_article, tree, words
from tests.workers_ui.conftest import Site

PATH = "/knowledge/erasure"


@pytest.fixture
def owner(site: Site) -> Browser:
    house = a_house(site)
    with site.background.transaction() as tx:
        an_article(tx, house.brand, text="Send it back within 30 days.")
    return house.member()


def test_an_owner_erases_by_typing_the_short_name(site: Site, owner: Browser, tmp_path: Path) -> None:
    assert "1 articles with all their texts" in words(owner.get(PATH))
    done = owner.post(PATH, {"confirmation": owner.house.slug})
    assert done.status_code == 303
    assert "Being erased" in words(owner.get(PATH))
    assert owner.post(PATH, {"confirmation": owner.house.slug}).status_code == 409
    erase(site.background, owner.house.brand, folder=tmp_path)
    assert "Returns" not in words(owner.get("/knowledge"), "#articles")
    shown = owner.get(PATH)
    assert "0 articles with all their texts" in words(shown)
    assert len(tree(shown).css("h1")) == 1


@pytest.mark.parametrize("typed", ["", "yes", "another-brand"])
def test_another_word_erases_nothing(owner: Browser, typed: str) -> None:
    refused = owner.post(PATH, {"confirmation": typed})
    assert refused.status_code in (400, 422)
    assert "is not the brand's short name" in words(refused)
    (field,) = tree(refused).css("#confirmation")
    assert field.attributes["aria-invalid"] == "true"
    assert "Returns" in words(owner.get("/knowledge"), "#articles")


@pytest.mark.parametrize(
    "role", [MemberRole.MANAGER, MemberRole.REVIEWER, MemberRole.AGENT, MemberRole.FINANCE]
)
def test_nobody_but_an_owner_may(owner: Browser, role: MemberRole) -> None:
    member = owner.house.member(role)
    assert member.get(PATH).status_code == 403
    assert member.post(PATH, {"confirmation": owner.house.slug}).status_code == 403
    assert "Returns" in words(owner.get("/knowledge"), "#articles")


def test_the_knowledge_page_leads_an_owner_there_and_nobody_else(owner: Browser) -> None:
    def leads(browser: Browser) -> bool:
        return bool(tree(browser.get("/knowledge")).css(f'a[href="{owner.house.path(PATH)}"]'))

    assert leads(owner)
    assert not leads(owner.house.member(MemberRole.MANAGER))


def test_another_brands_erasure_is_not_there_and_a_form_needs_its_token(site: Site, owner: Browser) -> None:
    stranger = a_house(site, name="Somebody Else").member()
    assert stranger.visitor.client.get(owner.house.path(PATH)).status_code == 404
    assert owner.post_without_token(PATH, {"confirmation": owner.house.slug}).status_code == 403
    assert "Returns" in words(owner.get("/knowledge"), "#articles")

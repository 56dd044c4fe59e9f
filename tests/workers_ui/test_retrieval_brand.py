"""Which brand's knowledge is searched is read from a row or a key, never from what a request says."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from knowledge_base.index.building import build_index, rebuild_on_damage
from knowledge_base.index.bulk_work import LocalWork
from knowledge_base.index.retrieval import Retriever
from knowledge_base.index.shelf import EncodedQuery, Findings, LocalShelf
from knowledge_base.publishing import put_article
from marketplace.accounts.api_keys import ApiScope, create_key
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Scope
from marketplace.kernel.ids import BrandId
from tests.fakes import WordHashEmbedder
from tests.knowledge_base.conftest import document
from tests.workers_ui.brand_site import House, a_house
from tests.workers_ui.conftest import Site
from tests.workers_ui.worker_site import Floor, said

FOREIGN_TEXT = "The other house's kettle is descaled with acid."


class RememberingShelf(LocalShelf):
    """A shelf that remembers whose index was searched."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.asked: list[BrandId] = []

    def find(
        self, brand: BrandId, numbers: Sequence[int], query: EncodedQuery, *, weight: float, top: int
    ) -> Findings:
        self.asked.append(brand)
        return super().find(brand, numbers, query, weight=weight, top=top)


@pytest.fixture
def shelf(site: Site, tmp_path: Path) -> RememberingShelf:
    shelf = RememberingShelf(tmp_path / "index")
    embedder = WordHashEmbedder()
    retriever = Retriever(
        shelf=shelf, load_embedder=lambda: embedder, report_damage=rebuild_on_damage(site.background)
    )
    site.app.state.services = replace(site.app.state.services, retriever=retriever)
    return shelf


def learn(site: Site, folder: Path, brand: BrandId, text: str) -> None:
    with site.background.transaction(Scope(brand=brand)) as tx:
        put_article(tx, brand=brand, document=document(text=text), author=None, now=app_now(tx))
    build_index(site.background, brand, bulk=LocalWork(WordHashEmbedder()), folder=folder)


@pytest.fixture
def other(site: Site, shelf: RememberingShelf, tmp_path: Path) -> House:
    """Another brand that knows more about the question."""
    house = a_house(site, name="Another House")
    learn(site, tmp_path / "index", house.brand, FOREIGN_TEXT)
    return house


def pointing_at(house: House) -> Mapping[str, str]:
    """Every name under which a request could try to say whose knowledge it wants."""
    names = (
        "brand",
        "brand_id",
        "brandId",
        "slug",
        "tenant",
        "tenant_id",
        "owner",
        "account_id",
        "kb",
        "index",
    )
    return dict.fromkeys(names, str(house.brand)) | {"slug": house.slug, "X-Brand": str(house.brand)}


def test_a_worker_who_asks_again_is_answered_from_the_tickets_brand(
    floor: Floor, shelf: RememberingShelf, other: House, tmp_path: Path
) -> None:
    learn(floor.site, tmp_path / "index", floor.brand, "Descale the kettle with vinegar.")
    number = floor.ann.claim(floor.ticket)
    strange = pointing_at(other)
    asked = floor.ann.browser.client.post(
        f"/worker/t/{floor.ticket}/ask-again",
        params=strange,
        data={"csrf": floor.ann.browser.csrf, "claim_number": str(number), **strange},
        headers=dict(strange),
    )
    assert said(asked) == "Guidance has looked again."
    assert shelf.asked == [floor.brand]
    assert FOREIGN_TEXT not in floor.ann.get(f"/worker/t/{floor.ticket}").text


def test_a_system_that_searches_finds_what_belongs_to_its_key(
    site: Site, shelf: RememberingShelf, other: House, tmp_path: Path
) -> None:
    own = a_house(site)
    learn(site, tmp_path / "index", own.brand, "Descale the kettle with vinegar.")
    with site.background.transaction() as tx:
        key = create_key(tx, brand=own.brand, name="Tests", scopes=tuple(ApiScope), now=app_now(tx)).key
    found = site.visitor().client.get(
        "/api/v1/search",
        params={"q": "How is the kettle descaled?", **pointing_at(other)},
        headers={"Authorization": f"Bearer {key}", **pointing_at(other)},
    )
    assert [passage["text"] for passage in found.json()["passages"]] == ["Descale the kettle with vinegar."]
    assert shelf.asked == [own.brand]


def test_a_question_on_the_knowledge_page_is_asked_of_the_pages_brand(
    site: Site, shelf: RememberingShelf, other: House, tmp_path: Path
) -> None:
    own = a_house(site)
    learn(site, tmp_path / "index", own.brand, "Descale the kettle with vinegar.")
    owner = own.member()
    shown = owner.visitor.client.get(
        own.path("/knowledge"), params={"q": "How is the kettle descaled?", **pointing_at(other)}
    )
    assert "with vinegar" in shown.text
    assert FOREIGN_TEXT not in shown.text
    assert shelf.asked == [own.brand]


def test_the_page_of_another_brand_is_not_there_and_nothing_is_searched(
    site: Site, shelf: RememberingShelf, other: House
) -> None:
    owner = a_house(site).member()
    assert owner.visitor.client.get(other.path("/knowledge"), params={"q": "kettle"}).status_code == 404
    assert shelf.asked == []

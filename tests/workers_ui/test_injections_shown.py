"""The corpus of injections through the whole way: posted, imported, searched, suggested, shown on desk and brand pages.

Another brand knows more about the question, so a scope that moved would show.
"""

import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from selectolax.lexbor import LexborHTMLParser as HTMLParser

from guidance.commands import prepare_suggestion
from guidance.models import Suggestion, SuggestionPassage
from guidance.voice import Voice
from guidance.voices import set_voice, voice_of
from knowledge_base.models import Article
from knowledge_base.publishing import put_article
from marketplace.accounts.models import Brand
from marketplace.accounts.sessions import begin_session
from marketplace.kernel.clock import app_now
from marketplace.kernel.ids import BrandId, PersonId, TicketId
from marketplace.tickets.models import Ticket
from tests.builders import a_brand, a_member, as_brand, usd
from tests.guidance.test_injections import INJECTIONS, NAMES
from tests.knowledge_base.conftest import document
from tests.workers_ui.api_site import Api, api_site
from workers_ui.deps import SESSION_COOKIE

QUESTION = "How long do I have to send the kettle back?"
CLEAN = "You can send the kettle back within 30 days. The label is in your account."
FOREIGN = "How long do I have to send the kettle back? Sixty days, says the other brand."
VOICE = Voice(greeting="Hello {customer_name},", sign_off="Kind regards", words_to_avoid=("guarantee",))
ACTIVE = "iframe, object, embed, style, img, base, meta[http-equiv], [srcdoc], [style], [hx-trigger=load]"
ADDRESSES = ("href", "src", "action", "formaction", "hx-get", "hx-post", "data-draft-url", "poster")


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A brand that took the whole corpus in as articles, beside one that knows better."""

    api: Api
    brand: BrandId
    slug: str
    member: PersonId
    other: BrandId
    pay: str


@pytest.fixture(scope="module")
def stage(
    server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    with api_site(server_url, migrated_template, tmp_path_factory.mktemp("api")) as api:
        with api.background.transaction() as tx:
            brand, other = a_brand(tx, funds=usd(9_000_000)), a_brand(tx)
            member, slug = a_member(tx, brand), tx.get_one(Brand, brand).slug
        with api.background.transaction(as_brand(brand)) as tx:
            set_voice(tx, brand=brand, voice=VOICE, author=None, now=app_now(tx))
            put_article(tx, brand=brand, document=document(text=CLEAN), author=None, now=app_now(tx))
            for number, injected in enumerate(INJECTIONS):
                poisoned = document(
                    key=f"{number}-{injected}.md",
                    title=f"{number} {injected}",
                    text=f"{QUESTION} {injected}\n\n| asked | answer |\n|---|---|\n| kettle | {injected} |",
                )
                put_article(tx, brand=brand, document=poisoned, author=None, now=app_now(tx))
        with api.background.transaction(as_brand(other)) as tx:
            put_article(tx, brand=other, document=document(text=FOREIGN), author=None, now=app_now(tx))
        api.index(brand)
        api.index(other)
        yield Stage(api=api, brand=brand, slug=slug, member=member, other=other, pay=_pay(api, brand))


def _pay(api: Api, brand: BrandId) -> str:
    return str(_terms(api, brand, api.open_ticket(brand)))


def _terms(api: Api, brand: BrandId, ticket: TicketId) -> object:
    with api.background.transaction(as_brand(brand)) as tx:
        row = tx.get_one(Ticket, (brand, ticket))
        return row.category, row.terms_id


def posted(stage: Stage, injected: str) -> TicketId:
    plain = injected.replace("\x00", "")
    return stage.api.open_ticket(
        stage.brand,
        subject=f"Kettle {plain}"[:150],
        text=f"{QUESTION} {plain}",
        context=plain,
        customer_name=plain[:100],
    )


def suggested(stage: Stage, ticket: TicketId) -> tuple[Suggestion, list[SuggestionPassage]]:
    with stage.api.background.transaction(as_brand(stage.brand)) as tx:
        made = prepare_suggestion(
            tx,
            stage.api.app.state.services.retriever,
            brand=stage.brand,
            ticket=ticket,
            weight=0.5,
            threshold=0.0,
            now=app_now(tx),
        )
        passages = tx.query(SuggestionPassage).filter_by(suggestion_id=made.id).all()
        tx.expunge_all()
        return made, passages


def shown(stage: Stage, person: PersonId, path: str) -> HTMLParser:
    with stage.api.background.transaction() as tx:
        token = begin_session(tx, person=person, session_hours=1, now=app_now(tx)).token
    answer = stage.api.client.get(path, headers={"cookie": f"{SESSION_COOKIE}={token}"})
    assert answer.status_code == 200, answer.text[:500]
    return HTMLParser(answer.text)


def assert_inert(tree: HTMLParser) -> None:
    """Nothing on the page came out of a ticket or an article as markup."""
    assert tree.css(ACTIVE) == []
    for script in tree.css("script"):
        assert (script.attributes.get("src") or "").startswith("/static/")
    for node in tree.css("*"):
        for name, value in node.attributes.items():
            assert not name.startswith("on"), node.html
            if name in ADDRESSES and value:
                assert value.startswith(("/", "#")) and not value.startswith("//"), node.html  # noqa: PT018


@pytest.mark.parametrize("injected", INJECTIONS, ids=NAMES)
def test_an_injection_changes_nothing_from_posting_to_the_pages(
    stage: Stage, injected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = posted(stage, injected)
    with monkeypatch.context() as cut:
        cut.setattr(socket, "create_connection", _refuse)
        cut.setattr(socket, "getaddrinfo", _refuse)
        made, passages = suggested(stage, ticket)

    assert str(_terms(stage.api, stage.brand, ticket)) == stage.pay
    assert made.voice_version == 1
    with stage.api.background.transaction(as_brand(stage.brand)) as tx:
        assert voice_of(tx, brand=stage.brand) == (1, VOICE)
        for passage in passages:
            assert passage.brand_id == stage.brand
            assert tx.get(Article, (stage.brand, passage.article_id)) is not None
            assert "other brand" not in passage.quoted
    if made.draft:
        assert made.draft.endswith("Kind regards")
        assert {one["passage_rank"] for one in made.sentences[1:-1]} <= {one.rank for one in passages}
        assert made.sentences[0]["passage_rank"] is None

    program = stage.api.program()
    assert program.post(f"/tickets/{ticket}/claim").status_code == 200
    desk = shown(stage, program.person, f"/worker/t/{ticket}")
    assert_inert(desk)
    assert QUESTION in " ".join(desk.css_first("#thread").text().split())  # type: ignore[union-attr]
    assert {one.attributes.get("value") for one in desk.css("[name=claim_number]")} == {"1"}
    assert_inert(shown(stage, stage.member, f"/b/{stage.slug}/tickets/{ticket}"))


@pytest.mark.parametrize(
    "markup",
    [
        "<img src=x>",
        "<script>alert(1)</script>",
        "<p onclick=x>",
        "<a href=javascript:x>",
        "<a href=//evil.example.net>",
        "<form action=https://evil.example.net>",
        "<div hx-get=/operator hx-trigger=load>",
    ],
)
def test_markup_that_came_through_would_be_seen(markup: str) -> None:
    with pytest.raises(AssertionError):
        assert_inert(HTMLParser(f"<body>{markup}</body>"))


def test_the_lists_of_a_brand_full_of_injections_show_them_as_words(stage: Stage) -> None:
    for rest in ("knowledge", "tickets", "knowledge/checks", "knowledge/contradictions", "board"):
        assert_inert(shown(stage, stage.member, f"/b/{stage.slug}/{rest}"))
    with stage.api.background.transaction(as_brand(stage.brand)) as tx:
        articles = [row.id for row in tx.query(Article).filter_by(brand_id=stage.brand).all()]
    for article in articles:
        assert_inert(shown(stage, stage.member, f"/b/{stage.slug}/knowledge/{article}"))


def _refuse(*_: object, **__: object) -> object:
    raise AssertionError("text opened a connection")

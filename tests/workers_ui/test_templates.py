"""Every page, rendered with the gallery's view models, holds what a person and a browser need of it."""

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser as HTMLParser
from selectolax.lexbor import LexborNode as Node

from marketplace.kernel.money import Money
from workers_ui.gallery import gallery_views
from workers_ui.gallery_pool import pool_rows
from workers_ui.gallery_samples import NOW
from workers_ui.presenters.brand import KnowledgePage
from workers_ui.presenters.frame import Theme
from workers_ui.presenters.worker import DeskPage, PoolPage, PoolRowTaken, StatementPage
from workers_ui.templating import BUILD_DIR, Assets, AssetsNotBuilt, PageView, Templates, left, retarget

PAGE_BUDGET_BYTES = 60_000
JS_BUDGET_BYTES = 30_000
CSS_BUDGET_BYTES = 12_000
MANIFEST = BUILD_DIR / "manifest.json"
VIEWS = gallery_views(csrf_token="token-of-this-test")
FIELDS = "input:not([type=hidden]), select, textarea"


@pytest.fixture(scope="module")
def templates() -> Templates:
    return Templates(assets=lambda name: f"/static/build/{name}")


@pytest.fixture(params=VIEWS, scope="module")
def page(request: pytest.FixtureRequest, templates: Templates) -> HTMLParser:
    return HTMLParser(templates.page(VIEWS[request.param]))


def nodes(tree: HTMLParser | Node, selector: str) -> list[Node]:
    return tree.css(selector)


def attribute(node: Node, name: str) -> str:
    return node.attributes.get(name) or ""


def text(tree: HTMLParser, selector: str) -> str:
    found = tree.css_first(selector)
    assert found is not None, selector
    return " ".join(found.text().split())


# What holds for every page


def test_a_page_has_one_heading_that_can_take_focus(page: HTMLParser) -> None:
    headings = nodes(page, "h1")
    assert [attribute(one, "tabindex") for one in headings] == ["-1"]


def test_a_page_has_title_language_theme_and_a_skip_link_that_leads_somewhere(page: HTMLParser) -> None:
    html = page.css_first("html")
    assert html is not None
    assert (attribute(html, "lang"), attribute(html, "data-theme")) == ("en", "auto")
    assert text(page, "title").endswith("· Human Cloud")
    skip = page.css_first("a.skip")
    assert skip is not None
    assert page.css_first(attribute(skip, "href")) is not None


def test_ids_are_unique(page: HTMLParser) -> None:
    ids = Counter(attribute(one, "id") for one in nodes(page, "[id]"))
    assert [one for one, count in ids.items() if count > 1 or not one] == []


def test_every_field_has_a_label(page: HTMLParser) -> None:
    labelled = {attribute(label, "for") for label in nodes(page, "label[for]")}
    unlabelled = [one.html for one in nodes(page, FIELDS) if attribute(one, "id") not in labelled]
    assert unlabelled == []


def test_every_reference_by_id_has_its_target(page: HTMLParser) -> None:
    ids = {attribute(one, "id") for one in nodes(page, "[id]")}
    missing = [
        (name, reference)
        for name in ("aria-labelledby", "aria-describedby", "for", "form", "data-open")
        for one in nodes(page, f"[{name}]")
        for reference in attribute(one, name).split()
        if reference not in ids
    ]
    assert missing == []
    assert [
        attribute(one, "href")
        for one in nodes(page, "a[href^='#']")
        if attribute(one, "href").removeprefix("#") not in ids
    ] == []


def test_every_button_says_what_it_does_and_of_which_type_it_is(page: HTMLParser) -> None:
    for button in nodes(page, "button"):
        assert attribute(button, "type") in {"submit", "button"}, button.html
        assert button.text().strip() or attribute(button, "aria-label"), button.html


def test_nothing_inline_that_the_content_security_policy_would_block(page: HTMLParser) -> None:
    assert nodes(page, "[style], style, script:not([src])") == []
    handlers = [
        name
        for one in nodes(page, "*")
        for name in one.attributes
        if re.match(r"on[a-z]|hx-on|hx-vals", name)
    ]
    assert handlers == []
    values = [value or "" for one in nodes(page, "*") for value in one.attributes.values()]
    assert [value for value in values if value.startswith(("js:", "javascript:"))] == []


def test_every_posting_form_carries_the_token(page: HTMLParser) -> None:
    forms = nodes(page, "form")
    assert {attribute(form, "method") for form in forms} <= {"post", "get"}
    for form in forms:
        tokens = [attribute(one, "value") for one in nodes(form, "input[name=csrf]")]
        assert tokens == (["token-of-this-test"] if attribute(form, "method") == "post" else []), form.html


def test_every_button_outside_a_form_names_one_that_posts(page: HTMLParser) -> None:
    for button in nodes(page, "button[type=submit]"):
        form = attribute(button, "form")
        owner = page.css_first(f"form#{form}") if form else _enclosing_form(button)
        assert owner is not None, button.html


def _enclosing_form(node: Node) -> Node | None:
    while node.parent is not None:
        node = node.parent
        if node.tag == "form":
            return node
    return None


def test_test_money_is_said_on_every_page(page: HTMLParser) -> None:
    assert text(page, ".test-money") == "Test money — no real payments"


def test_tables_name_their_columns(page: HTMLParser) -> None:
    for table in nodes(page, "table"):
        assert nodes(table, "th[scope=col]"), table.html


def test_parts_the_stream_refreshes_can_be_found_again(page: HTMLParser) -> None:
    assert [one.html for one in nodes(page, "[data-refresh]") if not attribute(one, "id")] == []


# What holds for some


def test_live_money_says_nothing_of_test_money(templates: Templates) -> None:
    views = gallery_views(money_mode="live")
    assert [name for name, view in views.items() if "Test money" in templates.page(view)] == []


@pytest.mark.parametrize("theme", list(Theme))
def test_the_theme_of_the_cookie_is_in_the_first_byte_rendered(templates: Templates, theme: Theme) -> None:
    page = HTMLParser(templates.page(gallery_views(theme=theme)["pool"]))
    html, button = page.css_first("html"), page.css_first(".theme-button")
    assert html is not None
    assert button is not None
    assert attribute(html, "data-theme") == theme
    assert attribute(button, "value") != theme


def test_what_customers_and_brands_write_is_never_markup(templates: Templates) -> None:
    attack = "</textarea><script>alert(1)</script><img src=x onerror=alert(1)>"
    view = VIEWS["desk"]
    assert isinstance(view, DeskPage)
    poisoned = replace(
        view,
        subject=attack,
        thread=(replace(view.thread[0], text=attack),),
        composer=replace(view.composer, draft=attack),
    )
    page = HTMLParser(templates.page(poisoned))
    assert nodes(page, "script:not([src]), img, [onerror]") == []
    assert attack in page.css("textarea#reply-text")[0].text(strip=False)


def test_a_block_is_the_very_part_of_its_page(templates: Templates) -> None:
    for name, block in (
        ("pool", "pool_list"),
        ("desk", "guidance"),
        ("desk", "thread"),
        ("knowledge", "articles"),
    ):
        part = templates.block(VIEWS[name], block).strip()
        assert part
        assert part in templates.page(VIEWS[name])


def test_a_pool_row_by_itself_is_the_row_of_the_page(templates: Templates) -> None:
    row = pool_rows()[0]
    alone = HTMLParser(templates.part(row)).css_first("li")
    page = HTMLParser(templates.page(VIEWS["pool"]))
    assert alone is not None
    assert alone.html == page.css(f"li#ticket-{row.ticket}")[0].html


def test_a_pool_row_holds_nothing_of_the_viewer(templates: Templates) -> None:
    html = templates.part(pool_rows()[0])
    assert "csrf" not in html
    assert "Ana" not in html


def test_claiming_works_without_script(templates: Templates) -> None:
    page = HTMLParser(templates.page(VIEWS["pool"]))
    button = page.css(".claim")[0]
    assert attribute(button, "formaction") == "/worker/pool/t1001/claim"
    form = page.css(f"form#{attribute(button, 'form')}")[0]
    assert attribute(form, "method") == "post"
    assert nodes(form, "input[name=csrf]")


def test_a_worker_with_full_hands_cannot_claim_but_may_look(templates: Templates) -> None:
    page = HTMLParser(templates.page(VIEWS["pool-full"]))
    assert nodes(page, "fieldset[disabled] .claim")
    assert not nodes(HTMLParser(templates.page(VIEWS["pool"])), "fieldset[disabled]")


def test_the_loser_of_a_claim_reads_it_on_the_row_and_gets_the_next_best(templates: Templates) -> None:
    view = PoolRowTaken(ticket="t1", subject="Late", brand="B", next_ticket="t2", next_subject="Other")
    row = HTMLParser(templates.part(view)).css("li#ticket-t1")[0]
    assert "a moment before you" in row.text()
    assert nodes(row, "a[href='#ticket-t2']")
    assert [attribute(one, "formaction") for one in nodes(row, "button")] == ["/worker/pool/t2/claim"]
    assert retarget("ticket-t1")["HX-Retarget"] == "#ticket-t1"


def test_every_write_from_the_desk_carries_the_fencing_token(templates: Templates) -> None:
    page = HTMLParser(templates.page(VIEWS["desk-answered"]))
    # A claim that begins anew has no number yet, and what was shown may be reported after the claim's end too.
    forms = [
        one for one in nodes(page, "main form") if not attribute(one, "action").endswith(("/claim", "/wrong"))
    ]
    assert {attribute(one, "action").rsplit("/", 1)[1] for one in forms} >= {
        "reply",
        "done",
        "release",
        "escalate",
    }
    assert [attribute(nodes(one, "input[name=claim_number]")[0], "value") for one in forms] == ["2"] * len(
        forms
    )


def test_a_lost_claim_keeps_the_text_and_offers_no_sending(templates: Templates) -> None:
    page = HTMLParser(templates.page(VIEWS["desk-lost"]))
    assert text(page, "#kept-text") == "Hi Sam, I am sorry your grinder"
    assert not nodes(page, "form#composer, [data-insert-button]")


def test_the_desk_says_whose_words_will_be_sent_under_the_reply(templates: Templates) -> None:
    view = VIEWS["desk"]
    assert isinstance(view, DeskPage)
    page = HTMLParser(templates.page(view))
    assert view.composer.affiliation_label in text(page, "#affiliation")


def test_an_abstention_says_the_next_step_and_offers_escalation(templates: Templates) -> None:
    page = HTMLParser(templates.page(VIEWS["desk-abstained"]))
    assert "does not answer this" in text(page, ".abstain")
    assert nodes(page, ".abstain [data-open=escalate]")
    assert not nodes(page, "[data-insert=draft]")


def test_confidence_is_said_in_words_and_number(templates: Templates) -> None:
    page = HTMLParser(templates.page(VIEWS["desk"]))
    assert text(page, ".guidance-head .confidence") == "High, 92%"


def test_the_submitter_sees_why_he_may_not_approve(templates: Templates) -> None:
    page = HTMLParser(templates.page(VIEWS["batch"]))
    button = next(one for one in nodes(page, "button[disabled]") if one.text().strip() == "Approve")
    assert "second person" in text(page, f"#{attribute(button, 'aria-describedby')}")


def test_what_is_signed_is_what_was_seen(templates: Templates) -> None:
    page = HTMLParser(templates.page(VIEWS["batch"]))
    form = next(one for one in nodes(page, "form") if attribute(one, "action").endswith("/void"))
    assert attribute(nodes(form, "input[name=content_hash]")[0], "value").startswith("9b1f0c6a")


def test_a_refused_form_keeps_what_was_typed_and_never_the_password(templates: Templates) -> None:
    page = HTMLParser(templates.page(VIEWS["sign-up-refused"]))
    assert attribute(page.css("#f-email")[0], "value") == "ana@"
    assert attribute(page.css("#f-email")[0], "aria-invalid") == "true"
    assert text(page, "#f-email-error") == "This is not an e-mail address."
    assert attribute(page.css("#f-password")[0], "value") == ""
    assert text(page, "#f-country option[selected]") == "Portugal"


def test_the_statement_shows_opening_movements_and_closing(templates: Templates) -> None:
    view = VIEWS["statement"]
    assert isinstance(view, StatementPage)
    total = sum(one.amount.amount_minor for one in view.movements)
    assert view.opening.amount_minor + total == view.closing.amount_minor
    page = HTMLParser(templates.page(view))
    shown = [one.text() for one in nodes(page, "article > table td.num")]
    assert (shown[0], shown[-1], len(shown)) == ("$42.00", "$3.68", 2 + len(view.movements))
    assert "the same as above, to the cent" in text(page, ".callout")
    wrong = HTMLParser(templates.page(replace(view, transfers_agree=False)))
    assert "do not add up" in text(wrong, ".callout")


def test_the_chart_says_its_values_without_colour_or_script(templates: Templates) -> None:
    page = HTMLParser(templates.page(VIEWS["earnings"]))
    assert len(nodes(page, "figure svg rect")) == len(nodes(page, "figure table tbody tr")) == 7
    assert "$60.75" in text(page, "figure figcaption")


def test_empty_lists_offer_a_next_step(templates: Templates) -> None:
    for name in ("pool-empty", "mine-empty", "earnings-new", "knowledge-empty", "batches-empty"):
        page = HTMLParser(templates.page(VIEWS[name]))
        assert nodes(page, ".empty a.button"), name


def test_a_tested_question_shows_its_sources(templates: Templates) -> None:
    view = VIEWS["knowledge-tested"]
    assert isinstance(view, KnowledgePage)
    page = HTMLParser(templates.page(view))
    assert attribute(page.css("#question")[0], "value") == view.test.question
    assert nodes(page, "#answer li.card a[href='/b/northwind-coffee/knowledge/a1']")


# Money and time


@pytest.mark.parametrize(
    ("amount", "currency", "locale", "shown"),
    [
        (123_450, "usd", "en", "$1,234.50"),
        (-4200, "usd", "en", "\u2212$42.00"),
        (1500, "jpy", "en", "¥1,500"),
        (1500, "kwd", "en", "KWD\xa01.500"),
        (1500, "ugx", "en", "UGX\xa015.00"),
        (123_450, "eur", "de", "1.234,50\xa0€"),
    ],
)
def test_money_reads_as_the_locale_writes_it(
    templates: Templates, amount: int, currency: str, locale: str, shown: str
) -> None:
    row = replace(pool_rows()[0], pay=Money(amount_minor=amount, currency=currency))
    page = HTMLParser(templates.part(row, locale=locale))
    assert page.css(".pool-pay strong")[0].text() == shown


def test_times_are_said_in_the_viewers_zone_and_carry_the_instant(templates: Templates) -> None:
    view = VIEWS["desk"]
    assert isinstance(view, DeskPage)
    moved = replace(view, frame=replace(view.frame, time_zone="Asia/Tokyo"))
    element = HTMLParser(templates.page(moved)).css("#thread time")[0]
    assert attribute(element, "datetime") == "2026-11-22T12:17:00+00:00"
    assert "21:17" in element.text()


def test_the_lease_is_rendered_by_the_server_so_that_nothing_jumps(templates: Templates) -> None:
    assert text(HTMLParser(templates.page(VIEWS["desk"])), "hc-lease time") == "54:07 left"
    assert left(NOW + timedelta(hours=3, seconds=5), NOW) == "3:00:05 left"
    assert left(NOW - timedelta(seconds=5), NOW) == "0:00 left"


def test_a_late_ticket_says_so(templates: Templates) -> None:
    row = replace(pool_rows()[0], due_at=NOW - timedelta(minutes=6))
    assert text(HTMLParser(templates.part(row)), ".pool-due time") == "6 min late"


# Weight


def built() -> Iterator[tuple[str, int]]:
    for name, file in json.loads(MANIFEST.read_text()).items():
        yield name, len(gzip.compress((BUILD_DIR / file).read_bytes()))


@pytest.mark.skipif(not MANIFEST.exists(), reason="the front end is not built: npm ci && npm run build")
def test_the_first_visit_stays_within_its_byte_budget(templates: Templates) -> None:
    sizes = dict(built())
    assert sizes["app.js"] <= JS_BUDGET_BYTES
    assert sizes["app.css"] <= CSS_BUDGET_BYTES
    for name, view in VIEWS.items():
        document = len(gzip.compress(templates.page(view).encode()))
        assert document + sum(sizes.values()) <= PAGE_BUDGET_BYTES, name


@pytest.mark.skipif(not MANIFEST.exists(), reason="the front end is not built: npm ci && npm run build")
def test_every_icon_that_a_page_uses_is_in_the_sprite() -> None:
    assets = Assets()
    sprite = (BUILD_DIR / assets("icons.svg").rsplit("/", 1)[1]).read_text()
    templates = Templates(assets=assets)
    used = {one for view in VIEWS.values() for one in re.findall(r"svg#([a-z0-9-]+)", templates.page(view))}
    assert {name for name in used if f'id="{name}"' not in sprite} == set()


def test_a_missing_build_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(AssetsNotBuilt, match="npm run build"):
        Assets(build_dir=tmp_path)("app.js")


def test_the_pool_page_knows_when_hands_are_full() -> None:
    view: PageView = VIEWS["pool"]
    assert isinstance(view, PoolPage)
    assert not view.full
    assert replace(view, rooms=tuple(replace(room, held=room.cap) for room in view.rooms)).full

"""A brand's control pages: what it shares, keeps back, pays and lets itself spend, through a real app."""

import pytest
from sqlalchemy import func, select

from billing import spend
from guidance.screening import NoJudge, screen_ticket
from marketplace.accounts.models import MemberRole
from marketplace.kernel.clock import app_now
from marketplace.kernel.ids import TicketId
from marketplace.tickets.categories import CATEGORIES_PER_BRAND
from marketplace.tickets.models import Category, Terms, Ticket, TicketState
from marketplace.tickets.posting import post_ticket
from marketplace.tickets.price_queries import priced_cells
from marketplace.tickets.sharing import share_rules
from marketplace.tickets.terms import CategoryPlan, add_category
from tests.builders import a_new_ticket
from tests.workers_ui.brand_site import (
    Browser,
    House,
    a_house,
    a_new_house,
    text_of,
    tree,
    value_of,
    words,
)
from tests.workers_ui.conftest import Site, sentence


@pytest.fixture
def house(site: Site) -> House:
    return a_house(site)


@pytest.fixture
def owner(house: House) -> Browser:
    return house.member(MemberRole.OWNER)


def screened(house: House, **changes: object) -> TicketState:
    """What becomes of a ticket that is posted now."""
    with house.site.background.transaction() as tx:
        made, _ = post_ticket(tx, brand=house.brand, ticket=a_new_ticket(**changes), now=app_now(tx))
        ticket = TicketId(made.id)
        screen_ticket(tx, NoJudge(), brand=house.brand, ticket=ticket, now=app_now(tx))
    with house.site.background.transaction() as tx:
        return tx.get_one(Ticket, (house.brand, ticket)).state


def test_control_leads_to_its_first_tab_and_only_owners_and_managers_enter(house: House) -> None:
    manager = house.member(MemberRole.MANAGER)
    assert manager.get("/control").headers["location"] == house.path("/control/sharing")
    for role in (MemberRole.AGENT, MemberRole.REVIEWER, MemberRole.FINANCE):
        stranger = house.member(role)
        for rest in ("/control", "/control/sharing", "/control/eligibility", "/control/prices"):
            assert stranger.get(rest).status_code == 403
        assert stranger.post("/control/sharing/rules", {"percent": "0"}).status_code == 403
        assert stranger.post("/control/eligibility/phrases", {"phrase": "abc"}).status_code == 403


# Sharing


def test_a_dial_at_zero_holds_the_very_next_ticket_and_back_at_a_hundred_lets_it_in(owner: Browser) -> None:
    assert screened(owner.house) is TicketState.OPEN
    said = owner.post("/control/sharing/rules", {"percent": "0"})
    assert sentence(said) == "The dial stands at 0 %. It holds from the next ticket on."
    assert screened(owner.house) is TicketState.HELD_BACK
    owner.post("/control/sharing/rules", {"percent": "100 %"})
    assert screened(owner.house) is TicketState.OPEN


def test_rules_are_listed_widest_first_with_what_they_would_have_shared(owner: Browser) -> None:
    for _ in range(4):
        screened(owner.house)
    assert "All categories all day" in words(owner.get("/control/sharing"), "tbody tr")
    owner.post(
        "/control/sharing/rules",
        {"percent": "10", "category": "general", "from_hour": "22", "to_hour": "6"},
    )
    owner.post("/control/sharing/rules", {"percent": "0", "category": "general"})
    owner.post("/control/sharing/rules", {"percent": "40"})
    page = owner.get("/control/sharing")
    rows = [text_of(row) for row in tree(page).css("section[aria-labelledby=dial-title] tbody tr")]
    assert [row.partition(" set ")[0] for row in rows] == ["All categories", "General", "General"]
    assert "22:00–06:00" in rows[2]
    assert "Of your last 4 tickets" in words(page)


def test_a_rule_is_removed(site: Site, owner: Browser) -> None:
    owner.post("/control/sharing/rules", {"percent": "40"})
    [form] = tree(owner.get("/control/sharing")).css("form[action$='/removal']")
    action = str(form.attributes["action"]).removeprefix(owner.house.path())
    assert owner.post(action).status_code == 303
    assert owner.post(action).status_code == 404
    with site.background.transaction() as tx:
        assert share_rules(tx, brand=owner.house.brand) == []


@pytest.mark.parametrize(
    ("form", "status", "told"),
    [
        ({"percent": ""}, 422, "from 0 to 100"),
        ({"percent": "101"}, 422, "from 0 to 100"),
        ({"percent": "-1"}, 422, "from 0 to 100"),
        ({"percent": "50", "from_hour": "8"}, 422, "two different hours"),
        ({"percent": "50", "from_hour": "24", "to_hour": "3"}, 422, "two different hours"),
        ({"percent": "50", "from_hour": "9", "to_hour": "12"}, 409, "some of these hours"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_and_kept(
    owner: Browser, form: dict[str, str], status: int, told: str
) -> None:
    owner.post("/control/sharing/rules", {"percent": "50", "from_hour": "8", "to_hour": "10"})
    refused = owner.post("/control/sharing/rules", form)
    assert refused.status_code == status
    assert told in words(refused, "main [data-problem]")
    assert owner.post("/control/sharing/rules", {"percent": "1", "category": "none"}).status_code == 404


def test_caps_are_set_shown_with_what_is_used_and_taken_away(site: Site, owner: Browser) -> None:
    assert "no cap" in words(owner.get("/control/sharing"), "dl.facts")
    assert screened(owner.house) is TicketState.OPEN
    assert owner.post("/control/sharing/caps", {"per_day": "2.50", "per_month": "100"}).status_code == 303
    page = owner.get("/control/sharing")
    assert words(page, "dl.facts") == "Today $2.50 of $2.50 new tickets wait This month $2.50 of $100.00"
    assert value_of(page, "per_day") == "2.50"
    assert screened(owner.house) is TicketState.AWAITING_FUNDS
    owner.post("/control/sharing/caps", {"per_day": "", "per_month": ""})
    with site.background.transaction() as tx:
        told = spend.spending(tx, brand=owner.house.brand, now=app_now(tx))
    assert (told.per_day_minor, told.per_month_minor) == (None, None)


def test_caps_that_cannot_be_are_refused_and_kept(site: Site, owner: Browser) -> None:
    refused = owner.post("/control/sharing/caps", {"per_day": "50", "per_month": "40"})
    assert refused.status_code == 422
    assert value_of(refused, "per_month") == "40"
    assert owner.post("/control/sharing/caps", {"per_day": "lots"}).status_code == 422
    early = a_new_house(site).member()
    assert "Top up first" in words(early.get("/control/sharing"))
    assert early.post("/control/sharing/caps", {"per_day": "5"}).status_code == 409


def test_the_tickets_own_page_says_why_it_is_not_in_the_pool(site: Site, owner: Browser) -> None:
    owner.post("/control/eligibility/phrases", {"phrase": "kettle"})
    assert screened(owner.house) is TicketState.HELD_BACK
    with site.background.transaction() as tx:
        ticket = tx.scalars(select(Ticket.id).where(Ticket.brand_id == owner.house.brand)).one()
    assert "Kept by you: your own phrase “kettle”." in words(owner.get(f"/tickets/{ticket}"))


# Eligibility


def test_topics_that_never_enter_the_pool_have_no_switch_and_the_others_do(owner: Browser) -> None:
    page = owner.get("/control/eligibility")
    rows = [text_of(row) for row in tree(page).css("section[aria-labelledby=topics-title] li")]
    assert "Legal claims always kept" in rows
    assert "Press and public statements kept back Share" in rows
    off = owner.post("/control/eligibility/topics", {"topic": "press", "enabled": "no"})
    assert sentence(off) == "Press and public statements: shared from the next ticket on."
    assert screened(owner.house, text="I am a journalist") is TicketState.OPEN
    assert owner.post("/control/eligibility/topics", {"topic": "legal", "enabled": "no"}).status_code == 409
    assert owner.post("/control/eligibility/topics", {"topic": "tea", "enabled": "no"}).status_code == 404


def test_a_category_is_kept_back_and_shared_again(owner: Browser) -> None:
    owner.post("/control/eligibility/categories", {"category": "general", "enabled": "yes"})
    assert screened(owner.house) is TicketState.HELD_BACK
    owner.post("/control/eligibility/categories", {"category": "general", "enabled": "no"})
    assert screened(owner.house) is TicketState.OPEN
    assert owner.post("/control/eligibility/categories", {"category": "x"}).status_code == 404


@pytest.mark.parametrize("kind", ["phrase", "example"])
def test_phrases_and_examples_are_added_and_removed(owner: Browser, kind: str) -> None:
    path, section = f"/control/eligibility/{kind}s", f"section[aria-labelledby={kind}s-title] li"
    assert owner.post(path, {kind: " the  big\r\nrecall "}).status_code == 303
    page = owner.get("/control/eligibility")
    assert [text_of(row) for row in tree(page).css(section)] == ["the big recall Remove"]
    form = tree(page).css_first(f"{section} form")
    assert form is not None
    removal = str(form.attributes["action"]).removeprefix(owner.house.path())
    assert owner.post(removal).status_code == 303
    assert tree(owner.get("/control/eligibility")).css(section) == []
    assert owner.post(removal).status_code == 404
    refused = owner.post(path, {kind: "a"})
    assert (refused.status_code, value_of(refused, kind)) == (422, "a")


def test_a_text_is_tried_and_nothing_is_posted(site: Site, owner: Browser) -> None:
    path = "/control/eligibility/trial"
    kept = owner.post(path, {"text": "I will\r\nsue you", "category": "general"})
    assert "would stay with you. Legal claims: it says “will sue”." in words(kept, "main [role=status]")
    assert value_of(kept, "text") == "I will\nsue you"
    fine = owner.post(path, {"text": "Where is my kettle?", "category": "general"})
    assert "would enter the pool" in words(fine, "main [role=status]")
    for text in ("", "x" * 20_001):
        assert owner.post(path, {"text": text}).status_code == 422
    with site.background.transaction() as tx:
        assert tx.scalar(select(func.count()).select_from(Ticket)) == 0


# Prices


def test_a_new_price_is_a_new_version_with_fee_and_pay(site: Site, owner: Browser) -> None:
    assert owner.post("/control/prices", {"category": "general", "total": "3.15"}).status_code == 303

    row = words(owner.get("/control/prices"), "section[aria-labelledby=prices-title] tbody tr")
    assert row.startswith("General (default) version 2,")
    assert "any language all day $3.15 $2.52 + $0.63 escalated: $0.76" in row
    row = words(owner.get("/wallet"), "section[aria-labelledby=prices-title] tbody tr")
    assert row.startswith("General (default) escalation confirmed: $0.76 $3.15 $2.52 $0.63 2 since")
    with site.background.transaction() as tx:
        newest = tx.scalars(select(Terms).where(Terms.version == 2)).one()
    assert newest.created_by is not None
    assert (newest.total_minor, newest.pay_minor, newest.fee_minor) == (315, 252, 63)


@pytest.mark.parametrize(
    ("total", "told"),
    [
        ("", "such as 12.50"),
        ("zero", "such as 12.50"),
        ("1.005", "USD has 2 decimals"),
        ("0.09", "between 0.10 and 1,000.00"),
        ("1000.01", "between 0.10 and 1,000.00"),
    ],
)
def test_a_price_that_cannot_be_is_refused_and_kept(
    site: Site, owner: Browser, total: str, told: str
) -> None:
    refused = owner.post("/control/prices", {"category": "general", "total": total})

    assert refused.status_code == 422
    assert told in words(refused, "#price-problem")
    assert value_of(refused, "total") == total
    with site.background.transaction() as tx:
        assert tx.scalar(select(func.count()).select_from(Terms)) == 1


def test_a_price_for_no_category_is_not_there(owner: Browser) -> None:
    for category in ("none-such", "", "\0"):
        assert owner.post("/control/prices", {"category": category, "total": "3"}).status_code == 404


def test_a_category_is_added_with_its_price_or_without(site: Site, owner: Browser) -> None:
    priced = owner.post("/control/prices/categories", {"name": "Returns & refunds", "total": "4.00"})
    plain = owner.post("/control/prices/categories", {"name": "Größen", "total": ""})
    foreign = owner.post("/control/prices/categories", {"name": "退货", "total": ""})

    assert {priced.status_code, plain.status_code, foreign.status_code} == {303}
    with site.background.transaction() as tx:
        keys = tx.scalars(select(Category.key).where(Category.brand_id == owner.house.brand)).all()
        defaults = tx.scalars(select(Category.key).where(Category.is_default)).all()
    assert sorted(keys) == ["category_4", "general", "grossen", "returns_refunds"]
    assert defaults == ["general"]
    page = owner.get("/wallet")
    rows = [text_of(row) for row in tree(page).css("section[aria-labelledby=prices-title] tr")]
    assert any(row.startswith("Größen no price of its own yet") for row in rows)
    assert any(row.startswith("Returns & refunds") and "$4.00 $3.20 $0.80 1 since" in row for row in rows)


@pytest.mark.parametrize(
    ("form", "status", "told"),
    [
        ({"name": "", "total": ""}, 422, "A name has"),
        ({"name": "x" * 101, "total": ""}, 422, "A name has"),
        ({"name": "a\0b", "total": ""}, 422, "A name has"),
        ({"name": "general", "total": ""}, 409, "a category by this name"),
        ({"name": "New one", "total": "0.01"}, 422, "between 0.10"),
        ({"name": "New one", "total": "much"}, 422, "such as 12.50"),
    ],
)
def test_a_category_that_cannot_be_is_refused_whole(
    site: Site, owner: Browser, form: dict[str, object], status: int, told: str
) -> None:
    refused = owner.post("/control/prices/categories", form)

    assert (refused.status_code, told in words(refused)) == (status, True)
    assert value_of(refused, "name") == str(form["name"]).replace("\0", "\ufffd")
    with site.background.transaction() as tx:
        assert tx.scalar(select(func.count()).select_from(Category)) == 1


def test_categories_have_a_limit(site: Site, owner: Browser) -> None:
    with site.background.transaction() as tx:
        for number in range(CATEGORIES_PER_BRAND - 1):
            add_category(tx, brand=owner.house.brand, plan=CategoryPlan(key=f"c{number}", name=f"C {number}"))

    assert owner.post("/control/prices/categories", {"name": "One more"}).status_code == 409


def test_prices_wait_for_a_currency(site: Site) -> None:
    browser = a_new_house(site).member()

    assert browser.post("/control/prices/categories", {"name": "General", "total": ""}).status_code == 303
    refused = browser.post("/control/prices", {"category": "general", "total": "3"})

    assert refused.status_code == 409
    assert "Without a price of its own: General." in words(refused)
    assert "Top up first" in words(refused)


def test_a_price_by_language_and_hour_is_set_shown_and_removed(site: Site, owner: Browser) -> None:
    form = {"category": "general", "language": "de", "from_hour": "22", "to_hour": "6", "total": "5.00"}
    assert owner.post("/control/prices", form).status_code == 303
    rows = tree(owner.get("/control/prices")).css("section[aria-labelledby=prices-title] tbody tr")
    assert "de 22:00–06:00 $5.00" in text_of(rows[1])
    removals = [str(one.attributes["action"]) for one in rows[1].css("form[action$='/removal']")]
    assert rows[0].css("form[action$='/removal']") == []
    overlapping = owner.post("/control/prices", {**form, "from_hour": "5", "to_hour": "9"})
    assert overlapping.status_code == 409
    assert "some of these hours" in words(overlapping, "#price-problem")
    assert owner.post("/control/prices", {**form, "language": "Deutsch!"}).status_code == 422
    [removal] = [one.removeprefix(owner.house.path()) for one in removals]
    assert owner.post(removal).status_code == 303
    assert owner.post(removal).status_code == 404
    with site.background.transaction() as tx:
        [base] = priced_cells(tx, brand=owner.house.brand)
    refused = owner.post(f"/control/prices/{base.id}/removal")
    assert refused.status_code == 409
    assert "default category keeps its price" in words(refused)

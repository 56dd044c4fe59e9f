"""Service levels at a brand: who may set them, what is kept, what is refused, and what a ticket's page says."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from billing import backlog
from marketplace.accounts.models import MemberRole
from marketplace.kernel.clock import app_now
from marketplace.tickets import ladder
from marketplace.tickets.calendars import Period
from marketplace.tickets.ladder_plan import Ladder, ladder_of, set_ladder
from marketplace.tickets.lease_plan import LeaseOutOfRange, LeasePlan, lease_plan_of, set_lease_plan
from marketplace.tickets.models import Channel, LeaseClock
from marketplace.tickets.service_levels import calendar_of, promise_of
from tests.builders import Clock
from tests.workers_ui.brand_site import (
    Browser,
    House,
    a_claim,
    a_house,
    a_new_house,
    an_answer,
    value_of,
    words,
)
from tests.workers_ui.conftest import Site, sentence

PATH = "/control/service-levels"
HOURS = {
    **{day: "9:00-12:00, 13:00-18:00" for day in ("monday", "tuesday", "wednesday", "thursday", "friday")},
    "saturday": "",
    "sunday": "",
    "time_zone": "Europe/Berlin",
    "country": "DE",
    "subdivision": "by",
    "closed_days": "2026-12-24\r\n2026-12-31",
}
CLOCKS = {
    "email_first_minutes": "2 h",
    "email_next_minutes": "90 min",
    "email_resolution_minutes": "20 h",
    "chat_first_minutes": "5 min",
    "chat_next_minutes": "5 min",
    "chat_resolution_minutes": "1 h",
}
LEASES = {
    "email_read_seconds": "10 min",
    "email_reply_seconds": "2 h",
    "email_follow_up_seconds": "12 h",
    "chat_read_seconds": "30 s",
    "chat_reply_seconds": "5 min",
    "chat_follow_up_seconds": "4 min",
}
LADDER = {
    "notify": "40",
    "widen": "",
    "give_back": "150 %",
    "raise_at": "60",
    "raise_every": "20",
    "raise_step": "10",
    "raise_cap": "50",
    "budget": "25.00",
}


@pytest.fixture
def house(site: Site) -> House:
    return a_house(site)


@pytest.fixture
def owner(house: House) -> Browser:
    return house.member()


@pytest.mark.parametrize("role", [MemberRole.REVIEWER, MemberRole.AGENT, MemberRole.FINANCE])
def test_only_who_controls_sharing_sees_and_sets_service_levels(house: House, role: MemberRole) -> None:
    member = house.member(role)
    assert member.get(PATH).status_code == 403
    for part in ("calendar", "clocks", "leases", "ladder"):
        assert member.post(f"{PATH}/{part}").status_code == 403


def test_a_stranger_finds_nothing_and_a_form_needs_its_token(
    site: Site, house: House, owner: Browser
) -> None:
    stranger = a_house(site, name="Other").member()
    assert stranger.visitor.client.get(house.path(PATH)).status_code == 404
    assert owner.post_without_token(f"{PATH}/clocks", CLOCKS).status_code == 403


def test_the_page_shows_what_holds_before_anything_is_set(owner: Browser) -> None:
    page = owner.get(PATH)
    assert page.status_code == 200
    assert value_of(page, "monday") == "0:00–24:00"
    assert value_of(page, "email_first_minutes") == "24 h"
    assert value_of(page, "chat_read_seconds") == "20 s"
    assert value_of(page, "notify") == "50"
    assert value_of(page, "raise_at") == ""
    assert "is due for its first reply" in words(page)


def test_opening_hours_are_kept_and_explained(house: House, owner: Browser) -> None:
    saved = owner.post(f"{PATH}/calendar", HOURS)
    assert saved.status_code == 303
    assert sentence(saved) == "Your opening hours hold for tickets and messages from now on."
    page = owner.get(PATH)
    assert value_of(page, "tuesday") == "9:00–12:00, 13:00–18:00"
    assert value_of(page, "sunday") == ""
    assert value_of(page, "time_zone") == "Europe/Berlin"
    assert value_of(page, "closed_days") == "2026-12-24\n2026-12-31"
    with house.site.background.transaction() as tx:
        calendar = calendar_of(tx, house.brand)
    assert calendar.subdivision == "BY"
    assert len(calendar.periods) == 10
    assert Period(weekday=4, opens=780, closes=1080) in calendar.periods
    assert owner.post(f"{PATH}/clocks", CLOCKS).status_code == 303
    assert "An e-mail ticket posted Friday 17:30 is due for its first reply Monday 10:30" in words(
        owner.get(PATH)
    )


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"monday": "9-17"}, "Write opening hours such as"),
        ({"monday": "9:00-13:00, 12:00-18:00"}, "Two periods of one day overlap"),
        ({"country": "XX"}, "We know no public holidays"),
        ({"subdivision": "QQ"}, "We know no public holidays"),
        ({"time_zone": "Mars/Olympus"}, "time zone"),
        ({"closed_days": "Christmas"}, "Write one date a line"),
        (
            dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), ""),
            "hardly an open hour in a year",
        ),
    ],
)
def test_hours_that_cannot_be_kept_are_refused_with_what_was_typed(
    house: House, owner: Browser, changes: dict[str, str], says: str
) -> None:
    refused = owner.post(f"{PATH}/calendar", HOURS | changes)
    assert refused.status_code == 422
    assert says in words(refused)
    for name, typed in changes.items():
        if name not in ("country", "time_zone"):  # a list shows only what it offers
            assert value_of(refused, name) == typed
    with house.site.background.transaction() as tx:
        assert calendar_of(tx, house.brand).is_always_open


def test_clocks_are_kept_all_or_none(house: House, owner: Browser) -> None:
    refused = owner.post(f"{PATH}/clocks", CLOCKS | {"chat_resolution_minutes": "1 min"})
    assert refused.status_code == 422
    assert "A resolution cannot be due before the first reply." in words(refused)
    with house.site.background.transaction() as tx:
        assert promise_of(tx, house.brand, Channel.EMAIL).first_minutes == 24 * 60
    assert owner.post(f"{PATH}/clocks", CLOCKS).status_code == 303
    with house.site.background.transaction() as tx:
        assert promise_of(tx, house.brand, Channel.EMAIL).next_minutes == 90
        assert promise_of(tx, house.brand, Channel.CHAT).first_minutes == 5


@pytest.mark.parametrize("typed", ["", "5", "20 s", "soon", "99999 h"])
def test_a_clock_nobody_can_mean_is_refused(owner: Browser, typed: str) -> None:
    assert owner.post(f"{PATH}/clocks", CLOCKS | {"email_first_minutes": typed}).status_code == 422


def test_lease_clocks_are_the_brands_own_within_limits(house: House, owner: Browser) -> None:
    refused = owner.post(f"{PATH}/leases", LEASES | {"email_read_seconds": "30 s"})
    assert refused.status_code == 422
    assert "From 1 min to 1 h." in words(refused)
    assert owner.post(f"{PATH}/leases", LEASES).status_code == 303
    ticket = house.ticket()
    a_claim(house.site, ticket)
    with house.site.background.transaction() as tx:
        assert lease_plan_of(tx, house.brand, Channel.CHAT).follow_up_seconds == 240
        left = tx.execute(
            text(
                "SELECT extract(epoch FROM lease_ends_at - app_now()) FROM pool_ticket WHERE ticket_id = :t"
            ),
            {"t": ticket},
        ).scalar_one()
        own = tx.query(LeaseClock).filter_by(brand_id=house.brand, channel=Channel.CHAT).one()
        default = tx.query(LeaseClock).filter_by(brand_id=None, channel=Channel.CHAT).one()
        assert own.extension_seconds == default.extension_seconds
    assert 590 < left <= 600


def test_no_brand_moves_the_default_or_anothers_lease_clocks(
    site: Site, house: House, owner: Browser
) -> None:
    assert owner.post(f"{PATH}/leases", LEASES).status_code == 303
    other = a_house(site, name="Other")
    with site.background.transaction() as tx:
        assert lease_plan_of(tx, other.brand, Channel.EMAIL).read_seconds == 300
        with pytest.raises(LeaseOutOfRange):
            set_lease_plan(
                tx,
                brand=other.brand,
                channel=Channel.CHAT,
                plan=LeasePlan(read_seconds=5, reply_seconds=180, follow_up_seconds=180),
            )


def test_the_ladder_is_kept_as_typed(house: House, owner: Browser) -> None:
    assert owner.post(f"{PATH}/ladder", LADDER).status_code == 303
    with house.site.background.transaction() as tx:
        assert ladder_of(tx, house.brand) == Ladder(
            notify_percent=40,
            raise_percent=60,
            raise_every_percent=20,
            raise_step_basis_points=1_000,
            raise_cap_basis_points=5_000,
            daily_budget_minor=2_500,
            widen_percent=None,
            give_back_percent=150,
        )
    page = owner.get(PATH)
    assert (value_of(page, "budget"), value_of(page, "give_back"), value_of(page, "widen")) == (
        "25.00",
        "150",
        "",
    )


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"notify": "half"}, "Write a whole number of percent"),
        ({"raise_every": ""}, "Write a whole number of percent"),
        ({"budget": ""}, "Raising prices needs a daily budget."),
        ({"budget": "lots"}, "Write an amount such as"),
        ({"notify": "400"}, "1 to 300 percent"),
        ({"give_back": "50"}, "comes last"),
        ({"raise_step": "80"}, "no more than the highest raise"),
    ],
)
def test_a_ladder_nobody_can_climb_is_refused(owner: Browser, changes: dict[str, str], says: str) -> None:
    refused = owner.post(f"{PATH}/ladder", LADDER | changes)
    assert refused.status_code == 422
    assert says in words(refused)


def test_a_brand_without_a_currency_cannot_raise_but_can_be_told(site: Site) -> None:
    new = a_new_house(site).member()
    page = new.get(PATH)
    assert "Top up your wallet first" in words(page)
    assert new.post(f"{PATH}/ladder", LADDER).status_code == 409
    no_raise = {name: LADDER[name] for name in ("notify", "widen", "give_back")}
    assert new.post(f"{PATH}/ladder", no_raise).status_code == 303


def test_a_tickets_page_shows_its_clocks_and_steps(site: Site, house: House, owner: Browser) -> None:
    with site.background.transaction() as tx:
        plan = Ladder(raise_percent=60, daily_budget_minor=1_000)
        set_ladder(tx, brand=house.brand, ladder=plan, now=app_now(tx))
    ticket = house.ticket()
    page = words(owner.get(f"/tickets/{ticket}"), "#clocks")
    assert "First reply running due" in page
    assert "Resolution running due" in page
    Clock(database=site.background).forward(timedelta(hours=15))
    with site.background.transaction() as tx:
        ladder.climb(tx, reserve_more=backlog.reserve_more, now=app_now(tx))
    owner = house.member()  # signed in after the hours that passed
    page = words(owner.get(f"/tickets/{ticket}"), "#clocks")
    assert "You were told that it waits." in page
    assert "Its price was raised by 20 %." in page
    an_answer(site.background, site, ticket, body="On its way.")
    page = words(owner.get(f"/tickets/{ticket}"), "#clocks")
    assert "First reply in time met" in page
    assert "Resolution paused waits for the customer" in page

"""The control page of a brand's stages, and ratings on a ticket's page, through a real app."""

from datetime import timedelta

import pytest

from marketplace.accounts.models import MemberRole
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.tickets import stages
from marketplace.tickets.endings import resolve_ticket
from marketplace.tickets.gate_models import RatingReason
from marketplace.tickets.gates import Policy
from marketplace.tickets.models import ResolvedBy
from marketplace.tickets.quality_inputs import TicketRecords
from marketplace.tickets.ratings import rate_ticket
from tests.builders import Clock, a_resolved_ticket, a_worker, usd
from tests.workers_ui.brand_site import Browser, House, a_house, an_answer, tree, value_of, words
from tests.workers_ui.conftest import Site, sentence

PAGE = "/control/stages"


@pytest.fixture
def house(site: Site) -> House:
    return a_house(site, funds=usd(100_000))


@pytest.fixture
def owner(house: House) -> Browser:
    return house.member(MemberRole.OWNER)


def settings(**changes: str) -> dict[str, str]:
    return {
        "percents": "5, 25, 100",
        "window_days": "28",
        "stage_days": "7",
        "minimum": "50",
        "fcr": "75",
        "csat": "80",
        "accuracy": "90",
        "margin": "3",
    } | changes


def policy(site: Site, house: House) -> Policy:
    with site.background.transaction() as tx:
        return stages.policy_of(tx, house.brand)


def test_a_brand_without_gates_reads_what_they_would_do_and_switches_them_on(owner: Browser) -> None:
    said = words(owner.get(PAGE))
    assert "The gates are off" in said
    assert "No moves yet" in said
    answer = owner.post(f"{PAGE}/activation")
    assert answer.status_code == 303
    assert "5 % of your tickets may enter" in sentence(answer)
    said = words(owner.get(PAGE))
    assert "5 % of your tickets may enter the pool" in said
    assert "100 % → 5 % switched on" in said
    assert "Mo Manager" in said
    assert words(owner.get(PAGE), "[aria-current=step]") == "Crawl 5 % you are here"


def test_the_page_says_of_each_gate_what_is_counted_and_what_is_missing(
    site: Site, house: House, owner: Browser, background: Database
) -> None:
    owner.post(f"{PAGE}/settings", settings(minimum="2", csat="52"))
    owner.post(f"{PAGE}/activation")
    with background.transaction() as tx:
        worker = a_worker(tx, email_cap=9)
        for stars in (5, 2):
            ticket = a_resolved_ticket(tx, house.brand, worker)
            rate_ticket(tx, brand=house.brand, ticket=ticket, stars=stars, now=app_now(tx))
    page = owner.get(PAGE)
    gates = [" ".join(one.text(separator=" ").split()) for one in tree(page).css(".gates > .panel")]
    assert "too few yet – no tickets counted yet" in gates[0]
    assert "2 tickets more not yet 7 days old; none of them came back so far." in gates[0]
    assert "Rated 4 or 5 stars below its threshold 50 % 1 of 2 ratings" in gates[1]
    assert "Holds from 52 %. Falls back under 49 %. 2 counted, 2 needed to advance." in gates[1]
    verdict = words(page, ".callout")
    assert "Advances to 25 % when" in verdict
    assert "“Solved at first contact” is 75 % or more, over 2 more tickets" in verdict
    assert "“Rated 4 or 5 stars” is 52 % or more “Found" in verdict
    assert "the share has stood on this stage for 7 days" in verdict


def test_a_share_that_fell_back_is_in_the_log_with_its_numbers(
    house: House, owner: Browser, background: Database
) -> None:
    owner.post(f"{PAGE}/activation")
    owner.post(f"{PAGE}/moves", {"to_stage": "1", "reason": "We trust you."})
    with background.transaction() as tx:
        worker = a_worker(tx, email_cap=50)
        for _ in range(13):
            ticket = a_resolved_ticket(tx, house.brand, worker)
            rate_ticket(tx, brand=house.brand, ticket=ticket, stars=1, now=app_now(tx))
    assert "The share falls back to 5 %" in words(owner.get(PAGE), ".callout")
    Clock(database=background).forward(timedelta(minutes=2))
    with background.transaction() as tx:
        assert stages.judge_next(tx, TicketRecords(), now=app_now(tx)) == 1
    said = words(owner.get(PAGE))
    assert "5 % of your tickets may enter the pool" in said
    assert "25 % → 5 % fell back" in said
    assert "Rated 4 or 5 stars: 0 of 13 (0 %), threshold 80 %" in said
    assert "by hand We trust you." in said


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"to_stage": "1", "reason": " "}, "Say in 1 to 500 characters"),
        ({"to_stage": "0", "reason": "Back."}, "on this stage already"),
        ({"to_stage": "9", "reason": "Up."}, "There is no such stage"),
        ({"to_stage": "run", "reason": "Up."}, "Write a whole number"),
    ],
)
def test_a_move_that_makes_no_sense_is_refused_in_words(
    owner: Browser, form: dict[str, str], told: str
) -> None:
    owner.post(f"{PAGE}/activation")
    answer = owner.post(f"{PAGE}/moves", form)
    assert answer.status_code in (409, 422)
    assert told in words(answer)
    assert "5 % of your tickets may enter the pool" in words(answer)


def test_switching_off_needs_a_reason_and_opens_the_whole_dial(
    site: Site, house: House, owner: Browser
) -> None:
    assert owner.post(f"{PAGE}/deactivation", {"reason": "Off."}).status_code == 409
    owner.post(f"{PAGE}/activation")
    assert owner.post(f"{PAGE}/deactivation").status_code == 422
    assert owner.post(f"{PAGE}/deactivation", {"reason": "The trial is over."}).status_code == 303
    said = words(owner.get(PAGE))
    assert "The gates are off" in said
    assert "5 % → 100 % switched off The trial is over." in said


def test_settings_are_saved_as_typed(site: Site, house: House, owner: Browser) -> None:
    typed = settings(percents="10 % / 50 %", fcr="82,5", minimum="20", margin="0")
    assert owner.post(f"{PAGE}/settings", typed).status_code == 303
    kept = policy(site, house)
    assert (kept.percents, kept.fcr_basis_points, kept.minimum) == ((10, 50), 82_50, 20)
    page = owner.get(PAGE)
    assert value_of(page, "percents") == "10, 50"
    assert value_of(page, "fcr") == "82.5"
    assert "Stage 2" in words(page, ".stage-steps")


@pytest.mark.parametrize(
    ("name", "typed", "told"),
    [
        ("percents", "5, many", "whole percentages"),
        ("percents", "", "whole percentages"),
        ("percents", "50, 5", "each higher than the one before"),
        ("percents", "5, 101", "from 1 to 100 %"),
        ("fcr", "seventy", "Write a share such as 75"),
        ("csat", "100.01", "Write a share such as 75"),
        ("minimum", "0", "from 1 to 100,000"),
        ("window_days", "7", "from 8 to 90"),
        ("stage_days", "-1", "Write a whole number"),
    ],
)
def test_settings_that_make_no_sense_are_refused_and_stay_in_the_form(
    site: Site, house: House, owner: Browser, name: str, typed: str, told: str
) -> None:
    answer = owner.post(f"{PAGE}/settings", settings(**{name: typed}))
    assert answer.status_code == 422
    assert told in words(answer)
    assert value_of(answer, name) == typed
    assert policy(site, house) == Policy()


@pytest.mark.parametrize("role", [MemberRole.REVIEWER, MemberRole.AGENT, MemberRole.FINANCE])
def test_only_who_controls_sharing_opens_the_page(house: House, role: MemberRole) -> None:
    member = house.member(role)
    assert member.get(PAGE).status_code == 403
    for act in ("activation", "deactivation", "moves", "settings"):
        assert member.post(f"{PAGE}/{act}").status_code == 403


def test_strangers_are_told_there_is_nothing_and_forms_need_their_token(site: Site, owner: Browser) -> None:
    stranger = a_house(site, name="Other").member(MemberRole.OWNER)
    assert stranger.visitor.client.get(owner.house.path(PAGE)).status_code == 404
    assert owner.post_without_token(f"{PAGE}/activation").status_code == 403


def test_a_rating_stands_on_the_tickets_page(
    db: Database, site: Site, house: House, owner: Browser, background: Database
) -> None:
    ticket = house.ticket()
    an_answer(db, site, ticket, body="On its way.")
    with background.transaction() as tx:
        resolve_ticket(tx, brand=house.brand, ticket=ticket, by=ResolvedBy.CUSTOMER, now=app_now(tx))
        tx.flush()
        rate_ticket(
            tx,
            brand=house.brand,
            ticket=ticket,
            stars=3,
            reason=RatingReason.TOO_SLOW,
            comment="<b>Two days!</b>",
            now=app_now(tx),
        )
    page = owner.get(f"/tickets/{ticket}")
    assert "Rated by the customer: 3 of 5 stars, too slow: “<b>Two days!</b>”." in words(page, "#thread")
    assert "Rating 3 of 5 stars" in words(page, ".facts")

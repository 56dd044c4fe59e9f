"""Pages for anybody: the start page, signing in and out, joining, resetting; and what they must refuse."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from httpx2 import Response
from selectolax.lexbor import LexborHTMLParser as HTMLParser
from sqlalchemy import select, text

from marketplace.accounts.commands import add_staff, create_brand, invite_member, sign_up_worker
from marketplace.accounts.models import MemberRole, Person, StaffRole, Worker
from marketplace.accounts.queries import mailbox
from marketplace.accounts.sessions import begin_session
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.settings import MoneyMode, Settings
from tests.builders import Clock
from tests.workers_ui.conftest import FORM_TOKEN, Site, Visitor, sentence
from workers_ui.app import create_app
from workers_ui.deps import SECURE_SESSION_COOKIE, SESSION_COOKIE
from workers_ui.frames import FORM_COOKIE

PASSWORD = "a quiet harbour at 6"
NEW_PASSWORD = "a louder harbour at 7"
EMAIL = "wanda@example.org"


@pytest.fixture
def wanda(site: Site) -> str:
    """A worker who can sign in with EMAIL and PASSWORD."""
    with site.background.transaction() as tx:
        sign_up_worker(
            tx,
            name="Wanda Worker",
            email=EMAIL,
            password=PASSWORD,
            country="DE",
            languages=["en"],
            accepts_terms=True,
            now=app_now(tx),
        )
    return EMAIL


@pytest.fixture
def invite(site: Site) -> str:
    """A one-time invite of mo@example.org to Fernweh Bikes as manager."""
    with site.background.transaction() as tx:
        brand = create_brand(
            tx,
            slug="fernweh",
            name="Fernweh Bikes",
            time_zone="Europe/Berlin",
            language="de",
            now=app_now(tx),
        )
        return invite_member(
            tx,
            brand=brand,
            email="mo@example.org",
            role=MemberRole.MANAGER,
            invited_by=None,
            base_url="http://testserver",
            now=app_now(tx),
            invite_hours=24,
        )


def sign_in(by: Visitor, *, email: str = EMAIL, password: str = PASSWORD, **more: str) -> Response:
    return by.client.post("/sign-in", data={"csrf": by.csrf, "email": email, "password": password} | more)


def page(answer: Response, *, status: int = 200) -> HTMLParser:
    """The page of `answer`, which has one heading."""
    assert answer.status_code == status, answer.text
    tree = HTMLParser(answer.text)
    assert len(tree.css("h1")) == 1
    return tree


def value_of(tree: HTMLParser, name: str) -> str:
    node = tree.css_first(f"main [name={name}]")
    assert node is not None, name
    return node.attributes.get("value") or ""


def error_of(tree: HTMLParser, name: str) -> str:
    node = tree.css_first(f"#f-{name}-error")
    assert node is not None, f"no error at {name}"
    return node.text().strip()


# Opening pages


@pytest.mark.parametrize(
    "path",
    ["/", "/sign-in", "/sign-up", "/reset", "/reset?sent=yes", "/terms", "/help", "/dev/mailbox", "/ui"],
)
def test_a_page_opens_for_anybody(site: Site, path: str) -> None:
    page(site.visitor().client.get(path))


def test_every_sample_of_the_gallery_opens(site: Site) -> None:
    client = site.visitor().client
    samples = [one.attributes["href"] for one in page(client.get("/ui")).css("a.row-link")]

    assert len(samples) > 30
    for sample in samples:
        page(client.get(f"{sample}"))
    page(client.get("/ui/no-such-sample"), status=404)


def test_a_first_visit_brings_the_token_that_forms_need(site: Site) -> None:
    client = site.visitor().client
    client.cookies.clear()
    token = value_of(page(client.get("/sign-in")), "csrf")

    assert client.cookies[FORM_COOKIE] == token
    answer = client.post("/sign-in", data={"csrf": token, "email": EMAIL, "password": PASSWORD})
    assert answer.status_code == 401


def test_a_demo_offers_its_people_and_one_click_signs_in_as_them(
    site: Site, settings: Settings, wanda: str
) -> None:
    visitor = site.visitor()
    assert "Try it as somebody" not in visitor.client.get("/").text
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    people = [{"role": "Worker 1", "email": EMAIL, "password": PASSWORD, "does": "claims tickets"}]
    (settings.data_dir / "demo.json").write_text(json.dumps({"sign_ins": people}))

    for path in ("/", "/sign-in"):
        form = page(visitor.client.get(path)).css_first(".demo-list form")
        assert form is not None
        typed = {f"{one.attributes['name']}": one.attributes["value"] for one in form.css("input")}
        assert typed == {"csrf": visitor.csrf, "email": EMAIL, "password": PASSWORD}
    assert sign_in(visitor).headers["location"] == "/worker/pool"


def test_the_start_page_leads_who_is_signed_in_to_their_work(site: Site, wanda: str) -> None:
    visitor = site.visitor()
    sign_in(visitor)
    link = page(visitor.client.get("/")).css_first(".hero a")

    assert link is not None
    assert link.attributes["href"] == "/worker/pool"


# Signing in and out


def test_the_right_password_opens_a_session_in_a_cookie_that_scripts_cannot_read(
    site: Site, wanda: str, settings: Settings
) -> None:
    answer = sign_in(site.visitor())
    cookie = answer.headers["set-cookie"]

    assert cookie.startswith(f"{SESSION_COOKIE}=")
    assert {"HttpOnly", "Path=/", "SameSite=lax", f"Max-Age={settings.session_hours * 3600}"} <= set(
        cookie.split("; ")
    )
    assert "Secure" not in cookie


def test_behind_https_the_cookie_is_bound_to_the_host(settings: Settings, background: Database) -> None:
    app = create_app(settings.model_copy(update={"secure_cookies": True}))
    site = Site(app=app, background=background)
    with background.transaction() as tx:
        add_staff(
            tx,
            email="fay@example.org",
            name="Fay",
            password=PASSWORD,
            role=StaffRole.FINANCE,
            now=app_now(tx),
        )
    visitor = site.visitor()
    answer = sign_in(visitor, email="fay@example.org")
    app.state.services.database.dispose()

    assert answer.headers["location"] == "/finance/earnings"
    assert answer.headers["set-cookie"].startswith(f"{SECURE_SESSION_COOKIE}=")
    assert {"Secure", "Path=/"} <= set(answer.headers["set-cookie"].split("; "))


@pytest.mark.parametrize(
    ("email", "password"),
    [
        (EMAIL, "a wrong harbour at 6"),
        ("nobody@example.org", PASSWORD),
        ("", ""),
        ("\x00", "\x00"),
        ("no address at all", "x" * 900),
    ],
)
def test_a_wrong_password_and_an_unknown_address_are_answered_alike(
    site: Site, wanda: str, email: str, password: str
) -> None:
    answer = sign_in(site.visitor(), email=email, password=password)
    tree = page(answer, status=401)

    assert "E-mail and password do not belong together." in answer.text
    assert value_of(tree, "email") == email.replace("\x00", "\ufffd")
    assert value_of(tree, "password") == ""
    assert SESSION_COOKIE not in answer.cookies


def test_a_form_without_its_token_is_refused(site: Site, wanda: str) -> None:
    client = site.visitor().client
    data = {"email": EMAIL, "password": PASSWORD}

    assert client.post("/sign-in", data=data).status_code == 403
    assert client.post("/sign-in", data=data | {"csrf": "another"}).status_code == 403
    foreign = {"sec-fetch-site": "cross-site"}
    assert client.post("/sign-in", data=data | {"csrf": FORM_TOKEN}, headers=foreign).status_code == 403
    for path in ("/sign-up", "/sign-out", "/reset", "/reset/token", "/invite/token", "/theme"):
        assert client.post(path, data={"theme": "dark"}).status_code == 403


def test_too_many_attempts_are_stopped_even_with_the_right_password(
    site: Site, wanda: str, settings: Settings
) -> None:
    visitor = site.visitor()
    for _ in range(settings.sign_in_attempts_per_minute):
        assert sign_in(visitor, password="a wrong harbour at 6").status_code == 401
    answer = sign_in(visitor)

    page(answer, status=429)
    assert "Wait a minute" in answer.text
    assert answer.headers["retry-after"]
    assert SESSION_COOKIE not in answer.cookies


@pytest.mark.parametrize(
    ("wanted", "led_to"),
    [
        ("/worker/earnings?month=2026-11", "/worker/earnings?month=2026-11"),
        ("", "/worker/pool"),
        ("https://evil.example/", "/worker/pool"),
        ("//evil.example/", "/worker/pool"),
        ("/\\evil.example/", "/worker/pool"),
        ("/\t/evil.example/", "/worker/pool"),
        ("/\r\nset-cookie: a=b", "/worker/pool"),
        ("javascript:alert(1)", "/worker/pool"),
        ("evil.example", "/worker/pool"),
    ],
)
def test_signing_in_leads_on_within_this_site_only(site: Site, wanda: str, wanted: str, led_to: str) -> None:
    answer = sign_in(site.visitor(), next=wanted)
    assert (answer.status_code, answer.headers["location"]) == (303, led_to)


def test_the_wanted_page_survives_a_wrong_password_but_no_foreign_one_does(site: Site, wanda: str) -> None:
    visitor = site.visitor()
    wrong = {"password": "a wrong harbour at 6"}

    assert (
        value_of(page(sign_in(visitor, next="/worker/mine", **wrong), status=401), "next") == "/worker/mine"
    )
    assert value_of(page(sign_in(visitor, next="//evil.example", **wrong), status=401), "next") == ""
    shown = page(visitor.client.get("/sign-in", params={"next": "//evil.example"}))
    assert value_of(shown, "next") == ""


def test_who_is_signed_in_is_led_past_the_sign_in_page(site: Site, wanda: str) -> None:
    visitor = site.visitor()
    sign_in(visitor)

    assert visitor.client.get("/sign-in").headers["location"] == "/worker/pool"
    assert visitor.client.get("/sign-in?next=/worker/mine").headers["location"] == "/worker/mine"
    assert visitor.client.get("/sign-up").headers["location"] == "/worker/pool"


def test_signing_out_ends_the_session_and_not_only_the_cookie(site: Site, wanda: str) -> None:
    visitor = site.visitor()
    token = sign_in(visitor).cookies[SESSION_COOKIE]
    answer = visitor.client.post("/sign-out", data={"csrf": _csrf(site, token)})

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    visitor.client.cookies.set(SESSION_COOKIE, token)
    assert visitor.client.get("/finance/earnings").headers["location"].startswith("/sign-in")


def _csrf(site: Site, token: str) -> str:
    """The forms' token of the session with `token`, as its pages carry it."""
    client = site.visitor().client
    client.cookies.set(SESSION_COOKIE, token)
    found = re.search(r'name="csrf" value="([^"]+)"', client.get("/help").text)
    assert found is not None
    return found.group(1)


def test_signing_in_again_ends_the_browsers_last_session(site: Site, wanda: str) -> None:
    visitor = site.visitor()
    first = sign_in(visitor).cookies[SESSION_COOKIE]
    second = visitor.client.post(
        "/sign-in", data={"csrf": _csrf(site, first), "email": EMAIL, "password": PASSWORD}
    ).cookies[SESSION_COOKIE]

    assert first != second
    with site.background.transaction() as tx:
        assert tx.execute(text("SELECT count(*) FROM session")).scalar_one() == 1


def test_an_ended_session_leads_to_sign_in_and_back(site: Site, background: Database) -> None:
    with background.transaction() as tx:
        fay = add_staff(
            tx,
            email="fay@example.org",
            name="Fay",
            password=PASSWORD,
            role=StaffRole.FINANCE,
            now=app_now(tx),
        )
        token = begin_session(tx, person=fay, session_hours=1, now=app_now(tx)).token
    visitor = site.visitor()
    visitor.client.cookies.set(SESSION_COOKIE, token)
    assert visitor.client.get("/finance/batches").status_code == 200
    Clock(database=background).forward(timedelta(hours=2))
    answer = visitor.client.get("/finance/batches")

    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/finance/batches")
    back = sign_in(visitor, email="fay@example.org", next="/finance/batches")
    assert back.headers["location"] == "/finance/batches"
    assert visitor.client.get("/finance/batches").status_code == 200


# Signing up


def sign_up(by: Visitor, **changes: str) -> Response:
    valid = {
        "csrf": by.csrf,
        "name": "Nia New",
        "email": "nia@example.org",
        "password": PASSWORD,
        "country": "DE",
        "terms": "yes",
    }
    return by.client.post("/sign-up", data=valid | changes, headers={"accept-language": "pt-BR,en;q=0.8,*"})


def test_a_new_worker_lands_signed_in_at_the_pool(site: Site) -> None:
    visitor = site.visitor()
    answer = sign_up(visitor)

    assert answer.status_code == 303
    assert answer.headers["location"] == "/worker/pool"
    assert sentence(answer).startswith("Welcome")
    assert visitor.client.get("/sign-in").headers["location"] == "/worker/pool"
    with site.background.transaction() as tx:
        worker = tx.scalars(select(Worker)).one()
        assert (worker.country, worker.languages) == ("DE", ["pt-BR", "en"])


def test_a_country_that_cannot_be_paid_is_told_before_and_after_signing_up(site: Site) -> None:
    visitor = site.visitor()
    options = {
        one.attributes.get("value"): one.text() for one in page(visitor.client.get("/sign-up")).css("option")
    }
    assert options["DE"] == "Germany"
    assert "no payouts there yet" in options["AQ"]
    assert "a day later" in options["JP"]

    answer = sign_up(visitor, country="AQ")
    assert "do not reach your country" in sentence(answer)


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("name", "", "A name has"),
        ("name", "a\x00b", "A name has"),
        ("email", "not an address", "does not look like"),
        ("password", "short", "at least 10 characters"),
        ("password", "nia nia nia nia", "must not contain"),
        ("country", "", "Choose a country"),
        ("country", "XX", "Choose a country"),
        ("terms", "", "Accept the terms"),
        ("terms", "perhaps", "Accept the terms"),
    ],
)
def test_what_is_wrong_with_a_sign_up_stands_at_its_field(
    site: Site, field: str, typed: str, sentence: str
) -> None:
    answer = sign_up(site.visitor(), **{field: typed})
    tree = page(answer, status=422)

    assert sentence in error_of(tree, field)
    if field != "name":
        assert value_of(tree, "name") == "Nia New"
    assert value_of(tree, "password") == ""
    with site.background.transaction() as tx:
        assert tx.scalars(select(Person)).all() == []


def test_an_address_that_has_a_login_is_refused_and_nothing_else_changes(site: Site, wanda: str) -> None:
    tree = page(sign_up(site.visitor(), email=EMAIL.upper()), status=409)

    assert "already a login" in error_of(tree, "email")
    with site.background.transaction() as tx:
        assert len(tx.scalars(select(Person)).all()) == 1


# Invites


def test_an_invite_lets_a_new_person_in_once(site: Site, invite: str) -> None:
    visitor = site.visitor()
    tree = page(visitor.client.get(f"/invite/{invite}"))
    assert "Fernweh Bikes" in tree.css_first("h1").text()  # type: ignore[union-attr]  # it has one
    form = {"csrf": visitor.csrf, "name": "Mo Manager", "password": PASSWORD}
    answer = visitor.client.post(f"/invite/{invite}", data=form)

    assert answer.status_code == 303
    assert answer.headers["location"] == "/b/fernweh/tickets"
    assert sentence(answer)
    assert SESSION_COOKIE in answer.cookies
    other = site.visitor()
    page(other.client.get(f"/invite/{invite}"), status=404)
    page(other.client.post(f"/invite/{invite}", data=form), status=404)


def test_a_refused_invite_form_does_not_use_the_invite_up(site: Site, invite: str) -> None:
    visitor = site.visitor()
    form = {"csrf": visitor.csrf, "name": "Mo Manager", "password": "short"}
    tree = page(visitor.client.post(f"/invite/{invite}", data=form), status=422)

    assert "at least 10 characters" in error_of(tree, "password")
    assert value_of(tree, "name") == "Mo Manager"
    answer = visitor.client.post(f"/invite/{invite}", data=form | {"password": PASSWORD})
    assert answer.status_code == 303


def test_who_has_a_login_joins_by_its_password(site: Site, invite: str) -> None:
    with site.background.transaction() as tx:
        sign_up_worker(
            tx,
            name="Mo Manager",
            email="mo@example.org",
            password=PASSWORD,
            country="DE",
            languages=["en"],
            accepts_terms=True,
            now=app_now(tx),
        )
    visitor = site.visitor()
    assert "You have a login already" in visitor.client.get(f"/invite/{invite}").text
    form = {"csrf": visitor.csrf, "password": NEW_PASSWORD}
    tree = page(visitor.client.post(f"/invite/{invite}", data=form), status=401)
    assert "do not belong together" in error_of(tree, "password")

    answer = visitor.client.post(f"/invite/{invite}", data=form | {"password": PASSWORD})
    assert answer.status_code == 303


@pytest.mark.parametrize("path", ["/invite/nonsense", "/invite/%00", "/reset/nonsense", "/reset/%ff"])
def test_links_that_were_never_sent_lead_nowhere(site: Site, path: str) -> None:
    visitor = site.visitor()
    page(visitor.client.get(path), status=404)
    form = {"csrf": visitor.csrf, "name": "Mo", "password": PASSWORD}
    page(visitor.client.post(path, data=form), status=404)


# Passwords


def reset_link(site: Site, by: Visitor, email: str) -> str:
    """The path of the reset link that `email` gets."""
    answer = by.client.post("/reset", data={"csrf": by.csrf, "email": email})
    assert (answer.status_code, answer.headers["location"]) == (303, "/reset?sent=yes")
    tree = page(by.client.get("/dev/mailbox"))
    link = tree.css_first(".mail a")
    assert link is not None
    return f"{link.attributes['href']}".removeprefix("http://127.0.0.1:8000")


def test_a_reset_sets_the_password_once_and_ends_every_session(site: Site, wanda: str) -> None:
    elsewhere, visitor = site.visitor(), site.visitor()
    sign_in(elsewhere)
    path = reset_link(site, visitor, EMAIL)
    page(visitor.client.get(path))
    answer = visitor.client.post(path, data={"csrf": visitor.csrf, "password": NEW_PASSWORD})

    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in"
    assert sentence(answer)
    assert elsewhere.client.get("/worker/pool").headers["location"].startswith("/sign-in")
    page(visitor.client.get(path), status=404)
    page(visitor.client.post(path, data={"csrf": visitor.csrf, "password": PASSWORD}), status=404)
    assert sign_in(visitor).status_code == 401
    assert sign_in(visitor, password=NEW_PASSWORD).status_code == 303


def test_a_weak_new_password_does_not_use_the_link_up(site: Site, wanda: str) -> None:
    visitor = site.visitor()
    path = reset_link(site, visitor, EMAIL)
    tree = page(visitor.client.post(path, data={"csrf": visitor.csrf, "password": "short"}), status=422)

    assert "at least 10 characters" in error_of(tree, "password")
    assert visitor.client.post(path, data={"csrf": visitor.csrf, "password": NEW_PASSWORD}).status_code == 303


def test_asking_for_a_reset_does_not_tell_who_has_a_login(site: Site, wanda: str) -> None:
    visitor = site.visitor()
    answer = visitor.client.post("/reset", data={"csrf": visitor.csrf, "email": "nobody@example.org"})

    assert (answer.status_code, answer.headers["location"]) == (303, "/reset?sent=yes")
    with site.background.transaction() as tx:
        assert mailbox(tx) == []


def test_an_address_that_is_none_is_refused_at_its_field(site: Site) -> None:
    visitor = site.visitor()
    tree = page(visitor.client.post("/reset", data={"csrf": visitor.csrf, "email": "none"}), status=422)
    assert "does not look like" in error_of(tree, "email")


# Theme and development


def test_the_theme_is_kept_in_a_cookie_and_leads_back(site: Site) -> None:
    visitor = site.visitor()
    answer = visitor.client.post("/theme", data={"csrf": visitor.csrf, "theme": "dark", "next": "/help"})

    assert (answer.status_code, answer.headers["location"]) == (303, "/help")
    html = page(visitor.client.get("/help")).css_first("html")
    assert html is not None
    assert html.attributes["data-theme"] == "dark"


@pytest.mark.parametrize(
    ("form", "status"),
    [({"theme": "pink"}, 422), ({}, 422), ({"theme": "dark", "next": "//evil.example"}, 303)],
)
def test_the_theme_takes_no_nonsense(site: Site, form: dict[str, str], status: int) -> None:
    visitor = site.visitor()
    answer = visitor.client.post("/theme", data={"csrf": visitor.csrf} | form)

    assert answer.status_code == status
    assert answer.headers.get("location", "/") == "/"


@pytest.fixture(params=[{"development": False}, {"money_mode": MoneyMode.LIVE}, {"smtp_url": "smtp://mail"}])
def closed_site(
    request: pytest.FixtureRequest, settings: Settings, background: Database
) -> Iterator[tuple[Site, dict[str, object]]]:
    """A site whose mail is nobody's to read."""
    app = create_app(settings.model_copy(update=request.param))
    yield Site(app=app, background=background), request.param
    app.state.services.database.dispose()


def test_letters_are_shown_in_development_alone(closed_site: tuple[Site, dict[str, object]]) -> None:
    site, why = closed_site
    page(site.visitor().client.get("/dev/mailbox"), status=404)
    if "development" in why:
        page(site.visitor().client.get("/ui"), status=404)
        page(site.visitor().client.get("/ui/pool"), status=404)

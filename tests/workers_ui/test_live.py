"""The live stream over a real port: what one person does, the others' open pages hear."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from selectolax.lexbor import LexborHTMLParser as HTMLParser

import workers_ui
from guidance.wrong_passages import report_shown_passage
from knowledge_base.editing import say_editing
from knowledge_base.import_files import start_import
from knowledge_base.imports import read_import
from knowledge_base.report_models import ReportReason
from knowledge_base.reports import set_report_policy
from marketplace.accounts.models import Member, MemberRole, Worker, WorkerStatus
from marketplace.accounts.sessions import begin_session, sign_out
from marketplace.events.commands import record
from marketplace.events.facts import PayoutSent, StageMoved, TicketWidened
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Scope
from marketplace.kernel.ids import PayoutId, StageMoveId, new_id
from marketplace.kernel.settings import Settings
from marketplace.tickets.counts import roll_up
from marketplace.tickets.models import PoolTicket, ReleaseReason
from marketplace.tickets.pool import release_ticket
from marketplace.tickets.replies import ApiFeed, customer_writes, deliver_queued, send_reply
from marketplace.tickets.switch_models import SwitchKind
from marketplace.tickets.switches import lift_at_brand, throw_at_brand
from tests.builders import a_member, a_worker, an_open_ticket, as_brand, as_worker
from tests.site_process import free_port
from tests.workers_ui.brand_site import a_suggestion, an_article
from tests.workers_ui.live_site import Town, a_town, listen
from workers_ui.deps import SESSION_COOKIE

QUIET_SECONDS = 1.0
STOP_SECONDS = 5.0
SESSION_SECONDS = 5.0  # how long a stream may outlive its session


@pytest.fixture
def town(settings: Settings, db: Database, background: Database) -> Iterator[Town]:
    with a_town(settings, db, background) as made:
        yield made


def test_nobody_listens_without_a_session(town: Town) -> None:
    for cookies in ({}, {SESSION_COOKIE: "made-up"}):
        answer = httpx.get(f"{town.site.url}/live", cookies=cookies, trust_env=False)
        assert answer.status_code == 401


def test_a_ticket_claimed_by_one_worker_leaves_the_others_page_and_comes_back_when_released(
    town: Town,
) -> None:
    stream = town.listen(town.bob)
    town.settle(stream)
    ticket = town.post("Where is my kettle? I am sam@example.com")
    shown = stream.next("pool.upsert", about=ticket)
    row = HTMLParser(str(shown.data["html"])).css_first("li")
    assert row is not None
    assert row.id == f"ticket-{ticket}"
    assert row.attributes["data-rev"] == str(shown.data["rev"])
    assert "Where is my kettle?" in row.text()
    assert "sam@example.com" not in str(shown.data)
    town.claim_over_http(town.ann, ticket)
    gone = stream.next("pool.remove", about=ticket)
    assert gone.data == {"id": str(ticket), "reason": "claimed"}
    with town.db.transaction(as_worker(town.ann)) as tx:
        release_ticket(
            tx, ticket=ticket, worker=town.ann, number=1, reason=ReleaseReason.NO_TIME, now=app_now(tx)
        )
    back = stream.next("pool.upsert", about=ticket)
    assert int(str(back.data["rev"])) > int(str(shown.data["rev"]))


def test_each_hears_of_his_own_lanes_and_how_many_wait_in_them(town: Town) -> None:
    with town.background.transaction() as tx:
        tx.get_one(Worker, town.bob).languages = ["de", "en-GB"]
        tx.get_one(Worker, town.ann).languages = ["fr"]
    ann, bob = town.listen(town.ann), town.listen(town.bob)
    assert ann.next("pool.lanes").data == {"email/fr/general": 0, "chat/fr/general": 0}
    assert bob.next("pool.lanes").data.keys() >= {"email/en/general", "email/de/general"}
    german = town.post("Wo ist mein Kessel?", language="de-AT")
    bob.next("pool.upsert", about=german)
    assert bob.next("pool.waiting").data == {"email/de/general": 1}
    town.claim(town.bob, german)
    bob.next("pool.remove", about=german)
    assert bob.next("pool.waiting").data == {"email/de/general": 0}
    assert [one for one in ann.everything_for(QUIET_SECONDS) if one.event.startswith("pool.")] == []


def test_a_ticket_kept_for_newcomers_is_told_to_the_others_when_it_opens_for_them(town: Town) -> None:
    with town.background.transaction() as tx:
        tx.get_one(Worker, town.bob).resolved_count = 10
    ann, bob = town.listen(town.ann), town.listen(town.bob)
    town.settle(bob)
    with town.background.transaction() as tx:
        ticket = an_open_ticket(tx, town.brand)
        tx.get_one(PoolTicket, ticket).newcomers_first = True
    ann.next("pool.upsert", about=ticket)
    heard = bob.everything_for(QUIET_SECONDS)
    assert str(ticket) not in [one.data.get("id") for one in heard if one.event == "pool.upsert"]
    with town.background.transaction() as tx:
        tx.get_one(PoolTicket, ticket).newcomers_first = False
        record(tx, TicketWidened(brand=town.brand, ticket=ticket))
    bob.next("pool.upsert", about=ticket)


def test_a_ticket_that_widens_to_another_lane_moves_both_counts(town: Town) -> None:
    with town.background.transaction() as tx:
        tx.get_one(Worker, town.bob).skills = ["returns"]
        ticket = an_open_ticket(tx, town.brand)
        tx.get_one(PoolTicket, ticket).skill = "returns"
    bob = town.listen(town.bob)
    assert bob.next("pool.lanes").data["email/en/returns"] == 1
    with town.background.transaction() as tx:
        roll_up(tx)
        tx.get_one(PoolTicket, ticket).skill = "general"
        record(tx, TicketWidened(brand=town.brand, ticket=ticket))
    counted: dict[str, object] = {}
    while len(counted) < 2:
        counted |= bob.next("pool.waiting").data
    assert counted == {"email/en/general": 1, "email/en/returns": 0}


def test_a_brands_switch_takes_its_rows_off_open_pages_and_lifting_it_brings_them_back(town: Town) -> None:
    bob = town.listen(town.bob)
    town.settle(bob)
    ticket = town.post()
    bob.next("pool.upsert", about=ticket)
    with town.db.transaction(as_brand(town.brand)) as tx:
        thrown = throw_at_brand(
            tx,
            brand=town.brand,
            kind=SwitchKind.BRAND,
            key=None,
            reason="Wrong prices",
            by=town.manager,
            now=app_now(tx),
        ).id
    assert bob.next("pool.remove", about=ticket).data["reason"] == "stopped"
    with town.background.transaction() as tx:
        record(tx, TicketWidened(brand=town.brand, ticket=ticket))
    assert bob.next("pool.remove", about=ticket).data["reason"] == "stopped"
    with town.db.transaction(as_brand(town.brand)) as tx:
        lift_at_brand(tx, brand=town.brand, switch=thrown, by=town.manager, now=app_now(tx))
    bob.next("pool.upsert", about=ticket)


def test_every_part_that_waits_for_an_event_is_asked_for_when_it_comes() -> None:
    source = (Path(workers_ui.__file__).parent / "web" / "src" / "live.ts").read_text()
    templates = (Path(workers_ui.__file__).parent / "templates").rglob("*.html")
    waited_for = {
        name
        for one in templates
        for names in re.findall(r'data-refresh="([^"]+)"', one.read_text())
        for name in names.split()
    }
    assert {name for name in waited_for if f'"{name}"' not in source} - {"pool"} == set()


def test_the_brands_board_hears_once_a_look_that_its_counters_moved(town: Town) -> None:
    manager, stranger = town.listen(town.manager), town.listen(town.stranger)
    town.settle(town.listen(town.ann))
    manager.everything_for(QUIET_SECONDS)
    with town.background.transaction() as tx:
        for _ in range(5):
            an_open_ticket(tx, town.brand)
    manager.next("board")
    heard = [one.event for one in manager.everything_for(QUIET_SECONDS)]
    assert heard.count("board") == 0
    assert [one.event for one in stranger.everything_for(0)] == []


def test_a_page_left_open_by_somebody_else_of_the_same_browser_gets_no_stream(town: Town) -> None:
    answer = httpx.get(
        f"{town.site.url}/live?of=0123456789ab",
        cookies={SESSION_COOKIE: town.tokens[town.ann]},
        trust_env=False,
    )
    assert answer.status_code == 401


def test_a_row_of_the_stream_is_the_row_of_the_page(town: Town) -> None:
    stream = town.listen(town.ann)
    town.settle(stream)
    ticket = town.post()
    heard = HTMLParser(str(stream.next("pool.upsert", about=ticket).data["html"])).css_first("li")
    page = httpx.get(
        f"{town.site.url}/worker/pool", cookies={SESSION_COOKIE: town.tokens[town.ann]}, trust_env=False
    )
    shown = HTMLParser(page.text).css_first(f"#ticket-{ticket}")
    assert heard is not None
    assert shown is not None
    for part in ("h2", ".pool-pay", ".meta", "button"):
        assert [node.html for node in heard.css(part)] == [node.html for node in shown.css(part)] != []


def test_who_comes_back_hears_what_he_missed_and_nothing_twice(town: Town) -> None:
    stream = town.listen(town.bob)
    town.settle(stream)
    last = stream.next("pool.waiting")  # the end of what that look found
    missed = [town.post(), town.post()]
    for ticket in missed:
        stream.next("pool.upsert", about=ticket)
    returned = town.listen(town.bob, after=last.id)
    for ticket in missed:
        returned.next("pool.upsert", about=ticket)
    again = [one.event for one in returned.everything_for(QUIET_SECONDS)]
    assert again == ["pool.waiting"] * len(again)


def test_who_comes_back_with_nonsense_is_told_to_reload(town: Town) -> None:
    town.settle(town.listen(town.bob))
    for after in ("nonsense", "99999999999999999999999-1"):
        assert town.listen(town.bob, after=after).next("resync").data == {}


def test_the_holder_hears_of_his_ticket_and_the_brand_of_its_own_and_nobody_else(town: Town) -> None:
    ann, bob = town.listen(town.ann), town.listen(town.bob)
    manager, stranger = town.listen(town.manager), town.listen(town.stranger)
    town.settle(ann)
    ticket = town.post()
    number = town.claim(town.ann, ticket)
    ann.next("mine", about=ticket)
    with town.db.transaction(as_worker(town.ann)) as tx:
        send_reply(tx, ticket=ticket, worker=town.ann, number=number, body="On its way.", now=app_now(tx))
    ann.next("ticket.message", about=ticket)
    with town.background.transaction() as tx:
        deliver_queued(tx, delivery=ApiFeed(), now=app_now(tx))
    with town.background.transaction() as tx:
        customer_writes(
            tx, brand=town.brand, ticket=ticket, text="Thanks, when?", external_id=None, now=app_now(tx)
        )
    for _ in range(2):
        ann.next("ticket.message", about=ticket)
        manager.next("ticket.message", about=ticket)
    time.sleep(QUIET_SECONDS)
    to_bob = [one for one in bob.everything_for(0) if one.event.startswith(("ticket.", "mine"))]
    assert to_bob == []
    assert stranger.everything_for(0) == []
    for heard in (*ann.everything_for(0), *manager.everything_for(0)):
        assert "Thanks, when?" not in json.dumps(heard.data)


def test_a_quarantine_reaches_open_desks_and_its_brand_and_no_other(town: Town) -> None:
    bob, manager, stranger = town.listen(town.bob), town.listen(town.manager), town.listen(town.stranger)
    town.settle(bob)
    ticket = town.post()
    with town.background.transaction() as tx:
        set_report_policy(tx, brand=town.brand, reports=1)
        passage = an_article(tx, town.brand, text="Returns are accepted within 14 days.")
        a_suggestion(tx, town.brand, ticket, passage, draft="")
    town.claim(town.ann, ticket)
    with town.db.transaction(as_worker(town.ann)) as tx:
        report_shown_passage(
            tx,
            ticket=ticket,
            passage=passage.id,
            worker=town.ann,
            reason=ReportReason.OUT_OF_DATE,
            note="",
            now=app_now(tx),
        )
    bob.next("ticket.guidance")
    assert "out of suggestions" in str(manager.next("notice").data["text"])
    assert [
        one for one in stranger.everything_for(QUIET_SECONDS) if one.event in ("notice", "kb.changed")
    ] == []


def test_who_opens_an_article_to_edit_it_is_told_to_its_brand_and_no_other(town: Town) -> None:
    manager, stranger = town.listen(town.manager), town.listen(town.stranger)
    town.settle(town.listen(town.ann))
    with town.background.transaction() as tx:
        article = an_article(tx, town.brand, text="Returns are accepted within 14 days.").article_id
        editor = a_member(tx, town.brand)
    with town.db.transaction(Scope(brand=town.brand)) as tx:
        say_editing(tx, brand=town.brand, article=article, person=editor, now=app_now(tx))
    assert manager.next("kb.editing").data["id"] == str(article)
    assert [one for one in stranger.everything_for(QUIET_SECONDS) if one.event == "kb.editing"] == []


def test_an_import_moves_its_bar_on_the_brands_page(town: Town) -> None:
    manager = town.listen(town.manager)
    town.settle(town.listen(town.ann))
    with town.background.transaction(Scope(brand=town.brand)) as tx:
        started = start_import(
            tx,
            brand=town.brand,
            files=[("returns.md", b"# Returns\n\nWithin thirty days.")],
            author=None,
            now=app_now(tx),
        )
    read_import(town.background, town.brand, started)
    states = [manager.next("kb.progress", about=started).data for _ in range(2)]
    assert [(one["total"], one["state"]) for one in states] == [(1, "queued"), (1, "reading")]
    assert states[1]["stage"] == "being read"
    manager.next("kb.changed")


def test_a_share_that_moves_by_itself_is_told_to_its_brand_alone(town: Town) -> None:
    manager, stranger = town.listen(town.manager), town.listen(town.stranger)
    town.settle(town.listen(town.ann))
    with town.background.transaction() as tx:
        moved = StageMoved(
            brand=town.brand, move=StageMoveId(new_id()), cause="rolled_back", from_percent=25, to_percent=5
        )
        record(tx, moved)
    manager.next("stage")
    told = manager.next("notice").data
    assert told == {"text": "A gate was breached: your share fell back from 25 % to 5 %.", "tone": "warn"}
    time.sleep(QUIET_SECONDS)
    assert [one for one in stranger.everything_for(0) if one.event in ("stage", "notice")] == []


def test_a_payout_is_told_to_its_worker_alone(town: Town) -> None:
    ann, bob = town.listen(town.ann), town.listen(town.bob)
    town.settle(ann)
    town.settle(bob)
    with town.background.transaction() as tx:
        record(tx, PayoutSent(worker=town.ann, payout=PayoutId(new_id()), amount_minor=1_250, currency="usd"))
    ann.next("payout")
    assert ann.next("notice").data == {
        "text": "$12.50 was sent to your account at Stripe.",
        "tone": "good",
    }
    to_bob = [one.event for one in bob.everything_for(QUIET_SECONDS)]
    assert [event for event in to_bob if not event.startswith("pool.")] == []


def test_a_stream_ends_soon_after_its_person_signed_out_and_the_others_go_on(town: Town) -> None:
    bob, ann = town.listen(town.bob), town.listen(town.ann)
    town.settle(ann)
    with town.db.transaction() as tx:
        sign_out(tx, town.tokens[town.bob])
    assert bob.over.wait(SESSION_SECONDS)
    town.settle(ann)
    assert not ann.over.is_set()


def test_a_stream_ends_soon_after_its_person_was_suspended_or_lost_a_role(town: Town) -> None:
    bob, manager = town.listen(town.bob), town.listen(town.manager)
    with town.background.transaction() as tx:
        tx.get_one(Worker, town.bob).status = WorkerStatus.RESTRICTED
        tx.get_one(Member, (town.brand, town.manager)).role = MemberRole.AGENT
    assert bob.over.wait(SESSION_SECONDS)
    assert manager.over.wait(SESSION_SECONDS)
    back = town.listen(town.bob)
    town.post()
    assert [one for one in back.everything_for(QUIET_SECONDS) if one.event.startswith("pool.")] == []


def test_stopping_ends_every_open_stream_within_five_seconds(town: Town) -> None:
    streams = [town.listen(who) for who in (town.ann, town.bob, town.manager)]
    began = time.monotonic()
    town.site.stop()
    assert all(stream.over.wait(1.0) for stream in streams)
    assert time.monotonic() - began < STOP_SECONDS


def test_a_web_process_with_an_open_stream_leaves_on_sigterm_within_five_seconds(
    settings: Settings, background: Database, tmp_path: Path
) -> None:
    with background.transaction() as tx:
        person = tx.get_one(Worker, a_worker(tx)).person_id
        token = begin_session(tx, person=person, session_hours=1, now=app_now(tx)).token
    port = free_port()
    code = (
        "from workers_ui.app import run; from marketplace.kernel.settings import Settings; "
        f"run(Settings(port={port}))"
    )
    env = dict(os.environ) | {
        "DATABASE_URL": str(settings.database_url),
        "HUMANCLOUD_DATA_DIR": str(tmp_path),
    }
    with (tmp_path / "web.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-c", code], env=env, stdout=log, stderr=log)
        try:
            _await(f"http://127.0.0.1:{port}/healthz")
            stream = listen(f"http://127.0.0.1:{port}", token)
            process.send_signal(signal.SIGTERM)
            assert process.wait(STOP_SECONDS) in (0, -signal.SIGTERM)
            assert stream.over.wait(1.0)
        finally:
            process.kill()
            process.wait()


def _await(url: str) -> None:
    deadline = time.monotonic() + 60.0
    while time.monotonic() < deadline:
        try:
            httpx.get(url, timeout=1.0, trust_env=False)
            return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError(f"{url} does not answer")

"""The command line, as an operator uses it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from billing.inbox import take_in
from billing.inbox_events import Endpoint, StripeEvent
from billing.inbox_models import EventSource, InboxEvent
from billing.models import StripeAccount
from billing.periods import closed_through, closings
from knowledge_base.drafting import hold_knowledge
from knowledge_base.import_models import ImportState
from knowledge_base.import_queries import imports
from knowledge_base.index.commands import note_damage
from knowledge_base.queries import holdings
from knowledge_base.reading.formats import ACCEPTED
from marketplace.accounts.models import Person, Worker
from marketplace.accounts.queries import brand as brand_card
from marketplace.accounts.queries import brand_by_slug, find_person_by_email
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Scope
from marketplace.kernel.ids import BrandId
from tests.builders import a_brand, a_worker, give_funds, usd
from tests.web_servers import web_server
from workers_ui.cli import NONE_TAKEN, SOME_REFUSED, main

Run = Callable[..., Result]

pytestmark = pytest.mark.usefixtures("logs_of_its_own")


@pytest.fixture
def run(database_url: str, model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Calls `humancloud` with these words."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("HUMANCLOUD_MODEL_DIR", str(model_dir))
    monkeypatch.setenv("HUMANCLOUD_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("REDIS_URL", raising=False)
    return lambda *words: CliRunner().invoke(main, list(words), catch_exceptions=False)


def test_help_on_importing_names_the_formats_that_are_read(run: Run) -> None:
    assert ACCEPTED in " ".join(run("import", "--help").output.split())


def test_the_engine_is_measured_on_files_and_prints_one_object(run: Run, tmp_path: Path) -> None:
    docs, queries, outside = tmp_path / "docs.jsonl", tmp_path / "queries.jsonl", tmp_path / "outside.jsonl"
    texts = {"tea": "Green leaves want cooler water.", "back": "Send the kettle back within thirty days."}
    docs.write_text("\n".join(json.dumps({"id": k, "title": k, "text": v}) for k, v in texts.items()))
    asked = [("How hot is the water for green leaves?", "tea"), ("Can I send my kettle back?", "back")]
    queries.write_text(
        "\n".join(json.dumps({"id": d, "text": q, "context": "Hello.", "rel": {d: 1}}) for q, d in asked)
    )
    outside.write_text(json.dumps({"text": "Who won the football?"}))
    files = ("--docs", str(docs), "--queries", str(queries), "--out-of-scope", str(outside))

    done = run("evaluate", *files, "--json")

    figures = json.loads(done.stdout)
    rankings = {"hit@1", "hit@5", "recall@1", "recall@5", "recall@10", "mrr@10", "ndcg@10"}
    assert set(figures) == {"bm25", "dense", "engine", "abstention", "cpu_ms", "n"}
    assert {name: set(figures[name]) for name in ("bm25", "dense", "engine")} == dict.fromkeys(
        ("bm25", "dense", "engine"), rankings
    )
    assert (figures["engine"]["hit@1"], figures["n"]) == (1.0, 2)
    assert figures["abstention"]["auroc"] == 1.0
    assert 0 < figures["cpu_ms"]["p50"] <= figures["cpu_ms"]["p95"]
    assert "engine" in done.stderr
    assert run("evaluate", *files).stdout == ""


def test_a_set_that_cannot_be_used_is_refused_with_its_line(run: Run, tmp_path: Path) -> None:
    docs, queries = tmp_path / "docs.jsonl", tmp_path / "queries.jsonl"
    docs.write_text(json.dumps({"id": "a", "title": "A", "text": "Tea."}))
    queries.write_text("nonsense")
    done = run("evaluate", "--docs", str(docs), "--queries", str(queries), "--json")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "queries.jsonl, line 1: it is not JSON" in done.stderr


def test_a_brand_is_opened_and_staff_added(run: Run, background: Database) -> None:
    opened = run("brand", "add", "fern", "--name", "Fern", "--owner", "owner@example.com")
    assert (opened.exit_code, "/invite/" in opened.output) == (0, True)
    words = ("staff", "add", "fay@example.com", "--name", "Fay", "--role", "finance", "--password")
    assert run(*words, "a longer phrase").exit_code == 0
    with background.transaction() as tx:
        assert brand_by_slug(tx, "fern") is not None
        assert find_person_by_email(tx, "fay@example.com") is not None
    again = run("brand", "add", "fern", "--name", "Fern", "--owner", "owner@example.com")
    assert (again.exit_code, "Another brand has this address." in again.output) == (1, True)


def test_a_month_is_closed_once_by_finance_and_named_twice(run: Run, background: Database) -> None:
    run(
        *(
            "staff",
            "add",
            "fay@example.com",
            "--name",
            "Fay",
            "--role",
            "finance",
            "--password",
            "a longer phrase",
        )
    )
    run(
        *(
            "staff",
            "add",
            "olga@example.com",
            "--name",
            "Olga",
            "--role",
            "operator",
            "--password",
            "a long phrase",
        )
    )

    def close(email: str, *, confirm: str = "2026-10") -> Result:
        return run("close-month", "2026-10", "--by", email, "--confirm", confirm)

    assert (close("fay@example.com", confirm="2026-01").exit_code) == 2
    for other in ("olga@example.com", "nobody@example.com"):
        refused = close(other)
        assert (refused.exit_code, "by people of finance" in refused.output) == (1, True)
    with background.transaction() as tx:
        assert closed_through(tx) is None
    assert close("fay@example.com").output == "2026-10 is closed, and all before it.\n"
    with background.transaction() as tx:
        assert [(f"{one.month:%Y-%m}", one.closed_by) for one in closings(tx)] == [("2026-10", "Fay")]
    again = close("fay@example.com")
    assert (again.exit_code, "closed already" in again.output) == (1, True)


def test_a_worker_is_erased_by_an_operator_who_types_the_address_twice(
    run: Run, background: Database
) -> None:
    run(
        *(
            "staff",
            "add",
            "olga@example.com",
            "--name",
            "Olga",
            "--role",
            "operator",
            "--password",
            "a long phrase",
        )
    )
    with background.transaction() as tx:
        person = tx.get_one(Worker, a_worker(tx, name="Wanda Worker")).person_id
        email = tx.get_one(Person, person).email
        worker = tx.scalars(select(Worker.id).where(Worker.person_id == person)).one()
        tx.add(StripeAccount(worker_id=worker, account="acct_1"))
        told: dict[str, object] = {"id": "acct_1", "email": email}
        account_updated = StripeEvent(
            id="evt_1",
            type="account.updated",
            account="acct_1",
            created_at=app_now(tx),
            livemode=False,
            api_version=None,
            snapshot=told,
        )
        take_in(
            tx,
            endpoint=Endpoint.CONNECT,
            event=account_updated,
            body=json.dumps({"data": {"object": told}}).encode(),
            headers={},
            source=EventSource.WEBHOOK,
            now=app_now(tx),
        )

    def erase(*, by: str = "olga@example.com", confirm: str = email) -> Result:
        return run("erase-worker", email, "--by", by, "--reason", "asked for", "--confirm", confirm)

    assert erase(confirm="other@example.com").exit_code == 2
    assert erase(by=email).exit_code == 1
    with background.transaction() as tx:
        assert tx.get_one(Person, person).name == "Wanda Worker"
    assert "Erased. The ledger keeps the id" in erase().output
    with background.transaction() as tx:
        assert tx.get_one(Person, person).name == "Erased worker"
        assert json.loads(tx.scalars(select(InboxEvent.body)).one()) == {"data": {"object": {"id": "acct_1"}}}
    assert "There is no such person." in erase().output


def test_knowledge_is_imported_indexed_and_refusals_are_named(
    run: Run, background: Database, tmp_path: Path
) -> None:
    with background.transaction() as tx:
        brand = a_brand(tx)
        slug = brand_card(tx, brand).slug
    folder = tmp_path / "help centre"
    folder.mkdir()
    (folder / "returns.md").write_text("---\ntitle: Returns\n---\nSend it back within 30 days.\n")
    (folder / "broken.html").write_bytes(b"\x00\x01\x02")
    done = run("import", slug, str(folder))
    assert done.exit_code == SOME_REFUSED, done.output
    assert "1 articles changed" in done.output
    assert "broken.html" in done.output
    again = run("import", slug, str(folder / "returns.md"))
    assert (again.exit_code, "0 articles changed, 1 unchanged" in again.output) == (0, True)
    assert run("import", slug, str(folder / "broken.html")).exit_code == NONE_TAKEN
    assert run("reindex", slug).exit_code == 0
    (folder / "hours.md").write_text("---\ntitle: Hours\n---\nWe open at nine.\n")
    run("import", slug, str(folder / "hours.md"))
    back = run("reindex", slug, "--back", "--why", "The hours were wrong.")
    assert (back.exit_code, "serves until the next change" in back.output) == (0, True)
    again = run("reindex", slug, "--back")
    assert (again.exit_code, "no earlier search index" in again.output) == (1, True)
    unknown = run("import", "nobody", str(folder))
    assert (unknown.exit_code, "There is no such brand." in unknown.output) == (1, True)


def test_knowledge_is_imported_from_an_address(
    run: Run, background: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with background.transaction() as tx:
        slug = brand_card(tx, a_brand(tx)).slug
    with web_server() as web:
        monkeypatch.setenv("HUMANCLOUD_FETCH_PLAIN_HTTP", "true")
        monkeypatch.setenv("HUMANCLOUD_FETCH_PORTS", f"80,{web.port}")
        monkeypatch.setenv("HUMANCLOUD_FETCH_PRIVATE_CIDRS", "127.0.0.1/32")
        address = f"http://127.0.0.1:{web.port}"
        web.page("/returns", "<main><h1>Returns</h1><p>Send it back.</p></main>")
        listed = "".join(f"<url><loc>{address}{path}</loc></url>" for path in ("/returns", "/gone"))
        web.page("/sitemap.xml", f"<urlset>{listed}</urlset>", kind="text/xml")
        done = run("import", slug, f"{address}/sitemap.xml")
    assert done.exit_code == SOME_REFUSED, done.output
    assert "1 articles changed" in done.output
    assert f"refused: {address}/gone: The site says that there is no such page any more." in done.output
    assert "Name one address alone" in run("import", slug, "https://shop.example/", "here").output
    assert "There is no file or folder here" in run("import", slug, "here").output
    monkeypatch.delenv("HUMANCLOUD_FETCH_PRIVATE_CIDRS")
    refused = run("import", slug, f"{address}/returns")
    assert "This address leads into a private network." in refused.output
    assert refused.exit_code == 1


def test_a_brands_knowledge_is_erased_by_its_typed_name(
    run: Run, background: Database, tmp_path: Path
) -> None:
    with background.transaction() as tx:
        slug = brand_card(tx, a_brand(tx)).slug
    (tmp_path / "returns.md").write_text("# Returns\n\nSend it back within 30 days.\n")
    assert run("import", slug, str(tmp_path / "returns.md")).exit_code == 0
    wrong = run("brand", "erase-knowledge", slug, "--confirm", "something else")
    assert (wrong.exit_code, "is not the brand's short name" in wrong.output) == (1, True)
    done = run("brand", "erase-knowledge", slug, "--confirm", slug)
    assert (done.exit_code, "Erased: " in done.output) == (0, True)
    assert list((tmp_path / "data" / "snapshots").iterdir()) == []
    assert "1 articles changed" in run("import", slug, str(tmp_path / "returns.md")).output


def test_with_review_files_become_drafts_that_hold_nowhere(
    run: Run, background: Database, tmp_path: Path
) -> None:
    with background.transaction() as tx:
        brand = a_brand(tx)
        slug = brand_card(tx, brand).slug
    (tmp_path / "returns.md").write_text("# Returns\n\nSend it back within 30 days.\n")

    done = run("import", slug, str(tmp_path / "returns.md"), "--review")

    assert (done.exit_code, "They are drafts" in done.output) == (0, True)
    with background.transaction() as tx:
        assert holdings(tx, brand=brand).articles == 0
        (status,) = imports(tx, brand=brand).lines
    assert f"/knowledge/imports/{status.id}" in done.output
    assert status.state is ImportState.REVIEW


def test_an_import_that_was_killed_goes_on_where_it_was_with_the_same_command(
    run: Run, background: Database, tmp_path: Path
) -> None:
    with background.transaction() as tx:
        brand = a_brand(tx)
        slug = brand_card(tx, brand).slug
    lines = [{"id": f"d{n}", "title": f"Entry {n}", "text": f"Answer {n}."} for n in range(800)]
    (tmp_path / "faq.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    words = ("import", slug, str(tmp_path / "faq.jsonl"))
    job = subprocess.Popen([sys.executable, "-m", "workers_ui.cli", *words], stderr=subprocess.DEVNULL)
    cut_off = _articles(background, brand)
    while not cut_off:
        assert job.poll() is None, "it ended before it was killed"
        cut_off = _articles(background, brand)
    os.kill(job.pid, signal.SIGKILL)
    job.wait()

    done = run(*words)

    assert done.exit_code == 0, done.output
    assert "was cut off and went on" in done.output
    assert "800 articles changed, 0 unchanged" in done.output
    assert _articles(background, brand) == 800
    with background.transaction() as tx:
        (status,) = imports(tx, brand=brand).lines
    assert status.state is ImportState.READY


def _articles(background: Database, brand: BrandId) -> int:
    with background.transaction() as tx:
        return holdings(tx, brand=brand).articles


def test_reconcile_proves_the_ledger_and_says_when_stripe_cannot_be_asked(
    run: Run, background: Database
) -> None:
    with background.transaction() as tx:
        brand = a_brand(tx)
    with background.transaction(Scope(brand=brand)) as tx:
        give_funds(tx, brand, usd(500))
    found = run("reconcile")
    assert "ok   debits equal credits" in found.output
    assert (found.exit_code, "Stripe could not be asked" in found.output) == (1, True)


def test_the_doctor_says_what_is_missing_in_plain_words(run: Run) -> None:
    found = run("doctor")
    assert "ok   migrations" in found.output
    assert "no sign of life from the background process" in found.output
    assert "ok   search indexes: whole" in found.output


def test_the_doctor_names_a_damaged_index(run: Run, background: Database) -> None:
    with background.transaction() as tx:
        brand = a_brand(tx)
        hold_knowledge(tx, brand)
        note_damage(tx, brand, number=3, reason="vectors.faiss is not the file that was written.")
    found = run("doctor")
    assert (
        f"FIX  search indexes: 1 found damaged and being built again from the database: brand {brand}"
        in found.output
    )
    assert "vectors.faiss is not the file that was written." in found.output
    assert found.exit_code == 1


def test_migrating_twice_changes_nothing(run: Run) -> None:
    assert [run("migrate").exit_code for _ in range(2)] == [0, 0]

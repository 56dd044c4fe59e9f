"""The command line, as an operator uses it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from marketplace.accounts.queries import brand as brand_card
from marketplace.accounts.queries import brand_by_slug, find_person_by_email
from marketplace.kernel.db import Database, Scope
from tests.builders import a_brand, give_funds, usd
from workers_ui.cli import main

Run = Callable[..., Result]


@pytest.fixture
def run(database_url: str, model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Calls `humancloud` with these words."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("HUMANCLOUD_MODEL_DIR", str(model_dir))
    monkeypatch.setenv("HUMANCLOUD_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("REDIS_URL", raising=False)
    return lambda *words: CliRunner().invoke(main, list(words), catch_exceptions=False)


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
    assert done.exit_code == 0, done.output
    assert "1 articles changed" in done.output
    assert "broken.html" in done.output
    assert "0 articles changed, 1 unchanged" in run("import", slug, str(folder / "returns.md")).output
    assert run("reindex", slug).exit_code == 0
    unknown = run("import", "nobody", str(folder))
    assert (unknown.exit_code, "There is no such brand." in unknown.output) == (1, True)


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
    assert found.exit_code == 1


def test_migrating_twice_changes_nothing(run: Run) -> None:
    assert [run("migrate").exit_code for _ in range(2)] == [0, 0]

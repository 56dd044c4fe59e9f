"""Flows at the command line: a file is checked and tried before anybody publishes it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from guidance.flows import publish_flow
from marketplace.accounts.queries import brand as brand_card
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from tests.builders import a_brand, as_brand
from tests.guidance.test_flow import RETURNS
from workers_ui.cli import main

pytestmark = pytest.mark.usefixtures("logs_of_its_own")


def flow(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["flow", *map(str, words)])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "returns.yaml"
    path.write_text(RETURNS, encoding="utf-8")
    return path


def test_a_good_file_is_said_to_be_good(file: Path) -> None:
    told = flow("check", file)
    assert (told.exit_code, told.stdout) == (0, "ok  returns: 8 steps, 3 outcomes.\n")


def test_each_problem_of_a_file_is_told_with_exit_code_1(file: Path) -> None:
    file.write_text(RETURNS.replace("next: photo", "next: foto").replace("next: late", "next: x"))
    told = flow("check", file)
    assert told.exit_code == 1
    assert [line.partition(" ")[0] for line in told.stderr.splitlines()] == ["FIX", "FIX"]
    refused = flow("test", file)
    assert refused.exit_code == 1
    assert "“foto”" in refused.stderr


def test_a_walk_prints_the_way_and_the_draft(file: Path) -> None:
    told = flow(
        "test", file, "--answers", "Not wanted", "-a", "2026-11-20", "-a", "A1", "--today", "2026-11-27"
    )
    assert told.exit_code == 0
    assert told.stdout.splitlines() == [
        "Why? Not wanted",
        "When was it delivered? 2026-11-20",
        "Which order? A1",
        "Outcome: answer",
        "Order A1 of 2026-11-20 may come back.",
    ]


def test_a_walk_on_its_way_prints_the_next_question(file: Path) -> None:
    assert "Next: Why? [Broken / Not wanted]" in flow("test", file).stdout
    told = json.loads(flow("test", file, "-a", "broken", "--json").stdout)
    assert (told["path"], told["asks"]["type"], told["outcome"]) == (["reason", "order"], "order_id", None)


def test_a_bad_answer_and_a_flow_that_is_not_there_are_one_sentence(file: Path) -> None:
    assert flow("test", file, "-a", "Perhaps").stderr == "Error: Choose one of “Broken”, “Not wanted”.\n"
    assert "name its brand: --brand" in flow("test", "returns").stderr


def test_a_published_flow_is_walked_by_its_key(
    database_url: str, db: Database, background: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("HUMANCLOUD_DATA_DIR", str(tmp_path))
    with background.transaction() as tx:
        brand = a_brand(tx)
        slug = brand_card(tx, brand).slug
    with db.transaction(as_brand(brand)) as tx:
        publish_flow(tx, brand=brand, source=RETURNS, author=None, now=app_now(tx))
    told = flow("test", "returns", "--brand", slug, "-a", "broken", "-a", "A1")
    assert "Please send a photo of order A1." in told.stdout
    assert "There is no such flow" in flow("test", "other", "--brand", slug).stderr
    assert "There is no brand" in flow("test", "returns", "--brand", "nobody").stderr

"""The command line `humancloud flow`: check a flow that is still a file, and try one with answers."""

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from guidance.flow import Flow, Outcome, Walk, walk
from guidance.flow_source import MAX_SOURCE_CHARS, UnfitFlow, read_flow


@click.group("flow")
def flow_commands() -> None:
    """A brand's question trees."""


@flow_commands.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def check(file: Path) -> None:
    """Say all that is wrong with the flow in FILE; exit code 1 when anything is."""
    try:
        flow = read_flow(_source(file))
    except UnfitFlow as refusal:
        for problem in refusal.problems:
            click.echo(f"FIX {problem}", err=True)
        raise SystemExit(1) from refusal
    outcomes = sum(isinstance(step, Outcome) for step in flow.steps.values())
    click.echo(f"ok  {flow.key}: {len(flow.steps)} steps, {outcomes} outcomes.")


@flow_commands.command()
@click.argument("file_or_key")
@click.option("--answers", "-a", multiple=True, help="An answer; give it once for each question, in order.")
@click.option("--brand", help="The brand's short name, where a published flow's key is given.")
@click.option("--today", type=click.DateTime(["%Y-%m-%d"]), help="Walk it as of that day.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def test(
    file_or_key: str, answers: tuple[str, ...], brand: str | None, today: datetime | None, as_json: bool
) -> None:
    """Walk the flow in a file, or a brand's published one, with the answers given.

    Prints the way taken, and the next question or the outcome with its draft.
    """
    walked = walk(
        _flow(file_or_key, brand), answers, today=today.date() if today else datetime.now(UTC).date()
    )
    click.echo(json.dumps(told(walked), ensure_ascii=False) if as_json else _story(walked))


def told(walked: Walk) -> dict[str, object]:
    """A walk for programs."""
    asks, outcome = walked.asks, walked.outcome
    return {
        "path": list(walked.path),
        "answered": [
            {"step": one.step, "question": one.question, "answer": one.answer} for one in walked.answered
        ],
        "said": list(walked.said),
        "asks": None
        if asks is None
        else {
            "step": asks.key,
            "question": asks.question,
            "type": asks.kind.value,
            "choices": [one.label for one in asks.choices],
        },
        "outcome": None if outcome is None else outcome.ending.value,
        "draft": walked.draft,
        "note": walked.note,
    }


def _story(walked: Walk) -> str:
    lines = [f"{one.question} {one.answer}" for one in walked.answered]
    lines += [f"(say) {text}" for text in walked.said]
    if walked.asks is not None:
        choices = " / ".join(one.label for one in walked.asks.choices) or walked.asks.kind.value
        lines.append(f"Next: {walked.asks.question} [{choices}]")
    if walked.outcome is not None:
        lines += [f"Outcome: {walked.outcome.ending.value}", *filter(None, (walked.note, walked.draft))]
    return "\n".join(lines)


def _flow(file_or_key: str, brand: str | None) -> Flow:
    path = Path(file_or_key)
    if path.is_file():
        return read_flow(_source(path))
    if brand is None:
        raise click.ClickException(
            f"There is no file {file_or_key}. For a published flow name its brand: --brand SLUG."
        )
    return _published(brand, file_or_key)


def _source(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(MAX_SOURCE_CHARS + 1)
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{path} is not text in UTF-8.") from error


def _published(slug: str, key: str) -> Flow:
    """The brand's flow that holds. Raises NotFound."""
    from guidance.flows import flow_version
    from marketplace.accounts.queries import brand_by_slug
    from marketplace.kernel.db import Role, Scope
    from marketplace.kernel.settings import Settings
    from workers_ui import parts
    from workers_ui.installation import database_running, prepare_database

    with database_running(Settings()) as settings:
        prepare_database(settings)
        database = parts.database(settings, role=Role.BACKGROUND, process="command")
        try:
            with database.transaction() as tx:
                card = brand_by_slug(tx, slug)
            if card is None:
                raise click.ClickException(f"There is no brand with the short name {slug}.")
            with database.transaction(Scope(brand=card.id)) as tx:
                return read_flow(flow_version(tx, brand=card.id, key=key).source)
        finally:
            database.dispose()

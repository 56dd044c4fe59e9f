"""The command line `humancloud`: serve, demo, migrate, import, reindex, evaluate, reconcile, flow, billing, staff,
brand, doctor and reset."""

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import click

from marketplace.kernel import log as logs
from marketplace.kernel.embedded_postgres import EmbeddedPostgresFailed
from marketplace.kernel.errors import AppError
from marketplace.kernel.settings import Settings
from workers_ui.flow_cli import flow_commands
from workers_ui.installation import OtherMoneyMode

if TYPE_CHECKING:
    from marketplace.kernel.db import Database

PASSWORD_PROMPT = "Password (10 characters or more)"  # noqa: S105 - a prompt


class Commands(click.Group):
    """The edge of the command line: a refusal is one sentence, not a stack trace."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (AppError, OtherMoneyMode, EmbeddedPostgresFailed) as error:
            raise click.ClickException(str(error)) from error


NONE_TAKEN = 1
SOME_REFUSED = 3


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Human Cloud: a marketplace for customer service. Settings come from the environment (docs/map.md)."""
    logs.configure(process="command", level="WARNING")


@main.command()
@click.option("--demo", is_flag=True, help="Bring three fictional brands with knowledge, tickets and people.")
def serve(demo: bool) -> None:
    """Run everything in this terminal: database (if none is named), web, background, fake Stripe."""
    from workers_ui import seeding, serving
    from workers_ui.content import demo_brands
    from workers_ui.demo_money import fund_demo
    from workers_ui.installation import database_running, prepare_database
    from workers_ui.supervisor import supervise

    with database_running(Settings()) as settings:
        prepare_database(settings)
        first_time = demo and not (settings.data_dir / seeding.SIGN_INS_FILE).exists()
        if first_time:
            click.echo("Bringing in the demo's brands, knowledge and tickets …")
            with _background_database(settings) as database:
                seeding.seed_demo(database, settings, demo_brands())

        def tell() -> None:
            serving.announce(settings, seeding.demo_sign_ins(settings), click.echo)
            if demo:
                Thread(target=fund_demo, args=(settings,), daemon=True).start()

        code = supervise(
            serving.children(settings), on_ready=tell, log_dir=settings.data_dir / "logs", output=sys.stdout
        )
    sys.exit(code)


@main.command()
def web() -> None:
    """Run the web process alone."""
    from workers_ui.app import run

    run(Settings())


@main.command()
def work() -> None:
    """Run the background process alone."""
    from workers_ui.background import run

    run(Settings())


@main.command()
@click.option(
    "--data", type=click.Path(path_type=Path), help="Keep everything in this folder, and go on there."
)
@click.option("--knowledge", type=click.Path(exists=True, path_type=Path), help="A folder or a docs.jsonl.")
@click.option(
    "--tickets", type=click.Path(exists=True, path_type=Path), help="A JSONL with id, text, context."
)
@click.option("--workers", default=6, show_default=True, type=click.IntRange(1, 32))
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object on standard output, nothing else."
)
def demo(
    data: Path | None, knowledge: Path | None, tickets: Path | None, workers: int, as_json: bool
) -> None:
    """Run the whole job without a browser, and tell it as a story."""
    from workers_ui.content import NoSuchContent
    from workers_ui.demo import run_demo
    from workers_ui.demo_callers import DemoFailed

    try:
        result = run_demo(
            Settings(), data=data, knowledge=knowledge, tickets=tickets, workers=workers, quiet=as_json
        )
    except (NoSuchContent, DemoFailed) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps(asdict(result)))


@main.command()
def migrate() -> None:
    """Bring the database to the newest schema and mark its money mode."""
    from workers_ui.installation import database_running, prepare_database

    with database_running(Settings()) as settings:
        prepare_database(settings)
    click.echo("The database is ready.")


@main.command("prepare-model")
def prepare_model_command() -> None:
    """Export the packaged embedding model for fast encoding (a set-up step, about 5 seconds, once)."""
    from knowledge_base.index.embedder import prepare_model

    click.echo(f"The embedding model is ready in {prepare_model(Settings().model_dir)}.")


@main.command("import")
@click.argument("slug")
@click.argument("sources", nargs=-1, required=True)
@click.option("--review", is_flag=True, help="Write drafts that someone looks at and publishes on the page.")
def import_knowledge(slug: str, sources: tuple[str, ...], review: bool) -> None:
    """Read files, folders of them, or the https:// address of a page, document or sitemap into a brand's knowledge and
    index them, with a bar for each stage.

    Files are Markdown, HTML, plain text, PDF, Word (.docx), CSV, Excel (.xlsx), JSON Lines or a ZIP of these.

    Cut off, the same command with the same files goes on where it was. Exit code 0: all files were taken; 1: none
    was; 3: some were refused, by name.
    """
    from workers_ui.importing import import_sources

    with _ready_settings() as settings:
        outcome = import_sources(settings, slug, sources, looks_first=review)
    status = outcome.status
    if outcome.resumed:
        click.echo("An import of these files was cut off and went on.", err=True)
    click.echo(f"{status.articles} articles changed, {status.unchanged} unchanged.")
    if status.state == "review":
        click.echo(
            f"They are drafts: look at them at /b/{slug}/knowledge/imports/{status.id} and publish them."
        )
    for refusal in status.refusals:
        click.echo(f"refused: {refusal.name}: {refusal.reason}", err=True)
    if status.more_refusals:
        click.echo(f"refused: {status.more_refusals} more.", err=True)
    taken = status.articles + status.unchanged
    sys.exit(0 if not status.refusals else SOME_REFUSED if taken else NONE_TAKEN)


@main.command()
@click.argument("slug")
@click.option(
    "--back", is_flag=True, help="Search the index before the newest again, until the next is built."
)
@click.option(
    "--why", default="Rolled back at the command line.", help="With --back: the reason, for the record."
)
def reindex(slug: str, back: bool, why: str) -> None:
    """Build a brand's index anew from the database, or go back to the one before."""
    from workers_ui.importing import rebuild, roll_back

    with _ready_settings() as settings:
        said = roll_back(settings, slug, why) if back else rebuild(settings, slug)
    click.echo(said)


@main.command()
def reconcile() -> None:
    """Prove the ledger, and hold it against Stripe's balance; exit code 1 when anything differs."""
    from workers_ui.proving import prove

    with _ready_settings() as settings, _background_database(settings) as database:
        findings = prove(database, settings)
    for finding in findings:
        click.echo(f"{'ok  ' if finding.ok else 'FIX '} {finding.what}: {finding.said}")
    sys.exit(0 if all(finding.ok for finding in findings) else 1)


@main.command("erase-worker")
@click.argument("email")
@click.option("--by", required=True, help="E-mail address of the operator who erases.")
@click.option("--reason", required=True, help="For the record; name nobody in it.")
@click.option("--confirm", prompt="This cannot be undone. Type the address again", help="The address again.")
def erase_worker(email: str, by: str, reason: str, confirm: str) -> None:
    """Forget who a worker is: name, address, sign-in. What was earned and paid stays under an opaque id."""
    from workers_ui.erasing import erase_worker_of

    if confirm != email:
        raise click.UsageError("What you typed is not the address. Nothing was erased.")
    with _ready_settings() as settings, _background_database(settings) as database:
        erased = erase_worker_of(database, email=email, by=by, reason=reason)
    click.echo(
        f"Erased. The ledger keeps the id {erased.worker}; what is still owed goes to the account at Stripe."
    )


@main.command("close-month")
@click.argument("month")
@click.option("--by", "email", required=True, help="E-mail address of the person of finance who closes it.")
@click.option(
    "--confirm", prompt="A closed month does not open again. Type it once more", help="The month again."
)
def close_month(month: str, email: str, confirm: str) -> None:
    """Close the books of a month that is over, like 2026-10, and of all before it."""
    from workers_ui.month_closing import close

    if confirm != month:
        raise click.UsageError("What you typed is not the month. Nothing was closed.")
    with _ready_settings() as settings, _background_database(settings) as database:
        close(database, month=month, email=email)
    click.echo(f"{month} is closed, and all before it.")


main.add_command(flow_commands)


@main.group()
def billing() -> None:
    """Money."""


@billing.command("doctor")
@click.option(
    "--country", "countries", multiple=True, help="Countries to try, by ISO code; else a few of each kind."
)
def billing_doctor(countries: tuple[str, ...]) -> None:
    """Try what Stripe must have approved, and what must be set there, before anybody is paid; exit code 1 when anything
    is missing.

    With a test key (or fake Stripe while it runs) accounts are made to try; with a live key nothing is made.
    """
    from datetime import UTC, datetime

    from billing.launch import TRIED_COUNTRIES, check_launch
    from billing.stripe_gateway import StripeGateway
    from billing.stripe_launch import StripeLaunch
    from workers_ui import parts

    settings = Settings()
    connection = parts.stripe_connection(settings)
    checks = check_launch(
        StripeGateway(connection),
        StripeLaunch(connection),
        is_live=connection.is_live,
        base_url=settings.base_url,
        today=datetime.now(UTC).date(),
        countries=[one.upper() for one in countries] or TRIED_COUNTRIES,
    )
    for check in checks:
        click.echo(f"{'ok  ' if check.ok else 'FIX '} {check.what}: {check.said}")
    sys.exit(0 if all(check.ok for check in checks) else 1)


@main.group()
def staff() -> None:
    """People of the platform."""


@staff.command("add")
@click.argument("email")
@click.option("--name", prompt=True)
@click.option("--role", type=click.Choice(["finance", "operator"]), required=True)
@click.password_option(prompt=PASSWORD_PROMPT)
def staff_add(email: str, name: str, role: str, password: str) -> None:
    """Make somebody finance or operator."""
    from marketplace.accounts.commands import add_staff
    from marketplace.accounts.models import StaffRole
    from marketplace.kernel.clock import app_now

    with (
        _ready_settings() as settings,
        _background_database(settings) as database,
        database.transaction() as tx,
    ):
        add_staff(tx, email=email, name=name, password=password, role=StaffRole(role), now=app_now(tx))
    click.echo(f"{email} may sign in as {role}.")


@main.group()
def brand() -> None:
    """Tenants."""


@brand.command("add")
@click.argument("slug")
@click.option("--name", prompt=True)
@click.option("--owner", "owner", required=True, help="E-mail address of the first owner, who is invited.")
@click.option("--time-zone", default="UTC", show_default=True)
@click.option("--language", default="en", show_default=True)
def brand_add(slug: str, name: str, owner: str, time_zone: str, language: str) -> None:
    """Open a brand and invite its first owner; prints the one-time link."""
    from marketplace.accounts.commands import create_brand, invite_member
    from marketplace.accounts.models import MemberRole
    from marketplace.kernel.clock import app_now

    with _ready_settings() as settings, _background_database(settings) as database:
        with database.transaction() as tx:
            brand_id = create_brand(
                tx, slug=slug, name=name, time_zone=time_zone, language=language, now=app_now(tx)
            )
            token = invite_member(
                tx,
                brand=brand_id,
                email=owner,
                role=MemberRole.OWNER,
                invited_by=None,
                base_url=settings.base_url,
                now=app_now(tx),
                invite_hours=settings.invite_hours,
            )
        click.echo(f"{name} is open. Its owner joins at {settings.base_url}/invite/{token}")


@brand.command("erase-knowledge")
@click.argument("slug")
@click.option(
    "--confirm", prompt="This cannot be undone. Type the brand's short name", help="The short name again."
)
def brand_erase_knowledge(slug: str, confirm: str) -> None:
    """Erase all of a brand's knowledge: articles, vectors, imports, index files. Receipts keep what was sent."""
    from workers_ui.erasing import erase_knowledge

    with _ready_settings() as settings, _background_database(settings) as database:
        rows = erase_knowledge(database, settings, slug, confirm)
    click.echo(f"Erased: {rows:,} rows and the index. Receipts keep what was sent.")


@main.command()
def doctor() -> None:
    """Say what is missing or wrong, in plain words; exit code 1 when anything is."""
    from workers_ui.doctor import examine

    findings = examine(Settings())
    for finding in findings:
        click.echo(f"{'ok  ' if finding.ok else 'FIX '} {finding.what}: {finding.said}")
    sys.exit(0 if all(finding.ok for finding in findings) else 1)


_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@main.command()
@click.option("--docs", type=_FILE, required=True, help="JSON Lines: id, title, text.")
@click.option("--queries", type=_FILE, required=True, help="JSON Lines: id, text, context, rel {id: grade}.")
@click.option("--tickets", type=_FILE, help="JSON Lines of resolved tickets: text, doc.")
@click.option("--out-of-scope", type=_FILE, help="JSON Lines: text, of questions nothing answers.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON object.")
def evaluate(
    docs: Path, queries: Path, tickets: Path | None, out_of_scope: Path | None, as_json: bool
) -> None:
    """Measure the engine on a set of documents and questions; it learns nothing from the questions.

    The table goes to standard error, the JSON object alone to standard output.
    """
    from workers_ui.evaluating import evaluate_files

    figures, table = evaluate_files(Settings(), docs, queries, tickets=tickets, out_of_scope=out_of_scope)
    click.echo(table, err=True)
    if as_json:
        click.echo(json.dumps(figures))


@main.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(yes: bool) -> None:
    """Delete this installation's data folder: embedded database, snapshots, fake Stripe, logs."""
    settings = Settings()
    if not yes:
        click.confirm(f"Delete everything in {settings.data_dir.resolve()}?", abort=True)
    for part in ("postgres", "snapshots", "fake_stripe", "logs"):
        shutil.rmtree(settings.data_dir / part, ignore_errors=True)
    (settings.data_dir / "demo.json").unlink(missing_ok=True)
    click.echo("Everything is gone; the next start begins anew.")


@contextmanager
def _ready_settings() -> Iterator[Settings]:
    """Settings with a database that answers and has the newest schema."""
    from workers_ui.installation import database_running, prepare_database

    with database_running(Settings()) as settings:
        prepare_database(settings)
        yield settings


@contextmanager
def _background_database(settings: Settings) -> Iterator["Database"]:
    from marketplace.kernel.db import Role
    from workers_ui import parts

    database = parts.database(settings, role=Role.BACKGROUND, process="command")
    try:
        yield database
    finally:
        database.dispose()


if __name__ == "__main__":
    main()

"""Sample views of a brand's imported files."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from workers_ui.presenters.frame import Frame, Person, brand_nav
from workers_ui.presenters.ticket_imports import (
    ColumnChoice,
    ImportLink,
    ImportTotal,
    LineProblem,
    PreviewRow,
    TicketImportPage,
    TicketImportsPage,
)
from workers_ui.presenters.values import Action, Badge, Choice, FormState, Tone
from workers_ui.templating import PageView

NOW = datetime(2026, 11, 22, 13, 5, tzinfo=UTC)
SLUG = "northwind-coffee"
BRAND = "Northwind Coffee"
HREF = f"/b/{SLUG}/tickets/imports/018f"
HEADERS = ("Ticket ID", "Subject", "Message", "Requester email", "Requester")

MakeFrame = Callable[..., Frame]


def _frame(frame: MakeFrame, path: str) -> Frame:
    person = Person(name="Mira Holt", email="mira@northwind.example")
    return frame(path, person=person, area=BRAND, nav=brand_nav(SLUG), live_url="/live")


def choosing(frame: MakeFrame) -> PageView:
    done = ImportLink(
        href=HREF,
        file_name="backlog-november.csv",
        state=Badge(label="imported", tone=Tone.GOOD),
        lines=500,
        made_at=NOW - timedelta(hours=3),
    )
    return TicketImportsPage(
        frame=_frame(frame, f"/b/{SLUG}/tickets/import"), slug=SLUG, brand=BRAND, imports=(done,)
    )


def refused(frame: MakeFrame) -> PageView:
    problem = "This is a spreadsheet's own file. Save it as CSV (comma-separated values) and choose that one."
    page = TicketImportsPage(frame=_frame(frame, f"/b/{SLUG}/tickets/import"), slug=SLUG, brand=BRAND)
    return replace(page, form=FormState(errors={"file": problem}))


def draft(frame: MakeFrame) -> TicketImportPage:
    return TicketImportPage(
        frame=_frame(frame, HREF),
        slug=SLUG,
        import_id="018f",
        href=HREF,
        file_name="backlog-november.csv",
        state=Badge(label="not imported yet"),
        headline="482 good, 18 with errors. Nothing is imported yet.",
        totals=(
            ImportTotal(label="Lines", value=500),
            ImportTotal(label="Good", value=482, tone="good"),
            ImportTotal(label="With errors", value=18),
        ),
        is_draft=True,
        columns=(
            _column(
                "text", "What the customer wrote", "2", "My grinder makes a high noise since…", required=True
            ),
            _column("subject", "Subject", "1", "Grinder noise"),
            _column("external_id", "Your own number", "0", "NC-20413"),
            _column("customer_email", "Customer e-mail", "3", "sam@example.com"),
            _column("customer_name", "Customer name", "4", "Sam Doe"),
            _column("category", "Category", "", ""),
        ),
        choices=tuple(Choice(value=str(number), label=name) for number, name in enumerate(HEADERS)),
        channels=(Choice(value="email", label="E-mail"), Choice(value="chat", label="Chat")),
        languages=(Choice(value="en", label="English"), Choice(value="de", label="German")),
        categories=(Choice(value="general", label="General"),),
        preview=(
            PreviewRow(
                line=2,
                subject="Grinder noise",
                text="My grinder makes a high noise since the last update. Is it safe to use?",
                facts=("Sam Doe", "sam@example.com", "email, en", "NC-20413"),
            ),
            PreviewRow(line=3, problem="“sam at example”: That does not look like an e-mail address."),
        ),
        problems=(
            LineProblem(line=3, reason="“sam at example”: That does not look like an e-mail address."),
            LineProblem(line=48, reason="It does not say what the customer wrote."),
        ),
        more_problems=16,
        errors_href=f"{HREF}/errors.csv",
        commit=Action(href=f"{HREF}/commit", label="Import 482 tickets"),
        discard=Action(href=f"{HREF}/discard", label="Forget this file"),
    )


def _column(name: str, label: str, value: str, sample: str, *, required: bool = False) -> ColumnChoice:
    return ColumnChoice(name=name, label=label, value=value, sample=sample, required=required)


def running(frame: MakeFrame) -> PageView:
    return replace(
        draft(frame),
        state=Badge(label="importing", tone=Tone.INFO),
        headline="482 lines on the way in.",
        totals=(
            ImportTotal(label="Tickets", value=300, tone="good"),
            ImportTotal(label="Waiting", value=182),
            ImportTotal(label="Here before", value=0, hint="unchanged"),
            ImportTotal(label="With errors", value=18),
        ),
        is_draft=False,
        is_running=True,
        done=300,
        total=482,
        problems=(),
        more_problems=0,
        commit=None,
        discard=None,
    )


def done(frame: MakeFrame) -> PageView:
    kept = LineProblem(
        line=12,
        reason="A worker has claimed it already.",
        href=f"/b/{SLUG}/tickets/018a",
        label="See the ticket",
    )
    return replace(
        draft(frame),
        state=Badge(label="imported", tone=Tone.GOOD),
        headline="482 tickets made of 500 lines.",
        totals=(
            ImportTotal(label="Tickets", value=482, tone="good"),
            ImportTotal(label="Here before", value=0, hint="unchanged"),
            ImportTotal(label="With errors", value=18),
        ),
        is_draft=False,
        problems=(kept,),
        more_problems=0,
        commit=None,
        discard=None,
        undo=Action(href=f"{HREF}/undo", label="Undo this import"),
    )


BUILDERS: Mapping[str, Callable[[MakeFrame], PageView]] = {
    "ticket-imports": choosing,
    "ticket-imports-refused": refused,
    "ticket-import-draft": draft,
    "ticket-import-running": running,
    "ticket-import-done": done,
}

"""Sample views of flows: the list, the editor with a trial, one that cannot be walked; walks at the desk."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from guidance.flow import Ending
from workers_ui.gallery_desk import sample_desk
from workers_ui.gallery_samples import BRAND, SLUG, MakeFrame, ago, brand_frame
from workers_ui.pages.brand_flows import EXAMPLE
from workers_ui.pages.flow_views import ENDINGS
from workers_ui.presenters.flows import (
    FlowOutcome,
    FlowPage,
    FlowPanel,
    FlowQuestion,
    FlowRow,
    FlowsPage,
    FlowWalkView,
)
from workers_ui.presenters.values import Badge, Choice, FilterTab, Tone
from workers_ui.templating import PageView

TABS = (
    FilterTab(label="Articles", href=f"/b/{SLUG}/knowledge", count=84),
    FilterTab(label="Flows", href=f"/b/{SLUG}/knowledge/flows", count=2, current=True),
)
OFFERED = Badge(label="offered", tone=Tone.GOOD)
ROWS = (
    FlowRow(
        key="returns",
        name="Return an item",
        version="3",
        state=OFFERED,
        published_at=ago(days=2),
        by="Mira Holt",
        used=1_204,
    ),
    FlowRow(
        key="identity",
        name="Identity check",
        version="1",
        state=Badge(label="withdrawn"),
        published_at=ago(days=40),
        by="",
        used=0,
    ),
)
CHOOSING = FlowWalkView(
    key="returns",
    name="Return an item",
    version=3,
    answers=(),
    answered=(),
    said=("Never promise a refund before the item is back.",),
    question=FlowQuestion(
        text="Why does the customer send it back?",
        labels=("It arrived broken", "Not wanted", "They do not say"),
    ),
)
TYPING = replace(
    CHOOSING,
    answers=("Not wanted",),
    answered=(("Why does the customer send it back?", "Not wanted"),),
    said=(),
    question=FlowQuestion(text="Which order is it?", hint="As the customer wrote it."),
    typed="the last one",
    problem="An order id has letters, digits and dashes, with one digit at least.",
)
ANSWERED = (("Why does the customer send it back?", "Not wanted"), ("Which order is it?", "NC-20417"))
DONE = replace(
    CHOOSING,
    answers=("Not wanted", "NC-20417"),
    answered=ANSWERED,
    said=(),
    question=None,
    outcome=FlowOutcome(
        label=ENDINGS[Ending.ANSWER],
        draft="Hi Sam,\n\nWe have noted the return of order NC-20417.\n\nNorthwind Coffee",
        mark="flow:w-1",
    ),
)
TRIED = replace(DONE, outcome=FlowOutcome(label=ENDINGS[Ending.ANSWER], draft="Hi Sam,\n\nIt is noted."))
ESCALATED = replace(
    DONE,
    outcome=FlowOutcome(
        label=ENDINGS[Ending.ESCALATE], note="Wants to return order NC-20417, too late.", escalates=True
    ),
)
FLOWS = (Choice(value="returns", label="Return an item"), Choice(value="order", label="Where is my order?"))


def flows(frame: MakeFrame) -> PageView:
    return FlowsPage(
        frame=brand_frame(frame, f"/b/{SLUG}/knowledge/flows"),
        slug=SLUG,
        brand=BRAND,
        tabs=TABS,
        rows=ROWS,
        can_edit=True,
    )


def flows_empty(frame: MakeFrame) -> PageView:
    return replace(flows(frame), rows=())  # type: ignore[type-var]  # a FlowsPage


def _flow(frame: MakeFrame) -> FlowPage:
    return FlowPage(
        frame=brand_frame(frame, f"/b/{SLUG}/knowledge/flows/returns"),
        slug=SLUG,
        brand=BRAND,
        tabs=TABS,
        key="returns",
        name="Return an item",
        source=EXAMPLE,
        based_on=3,
        holds=True,
        can_edit=True,
        versions=(ROWS[0], replace(ROWS[0], version="2", published_at=ago(days=9))),
        walk=TYPING,
    )


def flow_refused(frame: MakeFrame) -> PageView:
    problems = (
        "Step “order” leads to “lable”, and there is no such step.",
        "Step “label” is never reached: no other step leads to it.",
    )
    return replace(_flow(frame), problems=problems, walk=None)


BUILDERS: Mapping[str, Callable[[MakeFrame], PageView]] = {
    "flows": flows,
    "flows-empty": flows_empty,
    "flow": _flow,
    "flow-done": lambda frame: replace(_flow(frame), walk=TRIED),
    "flow-refused": flow_refused,
    "flow-read-only": lambda frame: replace(_flow(frame), can_edit=False, walk=None),
    "desk-flows": lambda frame: replace(sample_desk(frame), flows=FlowPanel(flows=FLOWS)),
    "desk-flow": lambda frame: replace(sample_desk(frame), flows=FlowPanel(flows=FLOWS, walk=CHOOSING)),
    "desk-flow-typed": lambda frame: replace(sample_desk(frame), flows=FlowPanel(flows=FLOWS, walk=TYPING)),
    "desk-flow-done": lambda frame: replace(sample_desk(frame), flows=FlowPanel(flows=FLOWS, walk=DONE)),
    "desk-flow-escalates": lambda frame: replace(
        sample_desk(frame), flows=FlowPanel(flows=FLOWS, walk=ESCALATED)
    ),
}

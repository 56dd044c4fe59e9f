"""Sample views of the reply rules: as usual, and with versions before."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from guidance.lint_policy import USUAL
from workers_ui.gallery_samples import BRAND, SLUG, MakeFrame, ago, brand_frame
from workers_ui.pages.brand_reply_rules import ALWAYS, KINDS, LEVELS, SECTION
from workers_ui.presenters.control import control_sections
from workers_ui.presenters.reply_rules import ReplyRulesPage, RuleRow
from workers_ui.presenters.values import FormState
from workers_ui.presenters.versions import VersionRow
from workers_ui.templating import PageView

VERSIONS = (
    VersionRow(version=2, summary="Promises: block", written_at=ago(days=1), by="Mira Holt"),
    VersionRow(
        version=1, summary="Statements: off, Other personal data: block", written_at=ago(days=30), by=""
    ),
)


def usual(frame: MakeFrame) -> ReplyRulesPage:
    return ReplyRulesPage(
        frame=brand_frame(frame, f"/b/{SLUG}/control/{SECTION}"),
        slug=SLUG,
        brand=BRAND,
        sections=control_sections(SLUG, SECTION),
        rows=tuple(
            RuleRow(kind=kind.value, label=label, hint=hint, level=USUAL[kind])
            for kind, (label, hint) in KINDS.items()
        ),
        levels=LEVELS,
        always=tuple(ALWAYS.values()),
        based_on=0,
    )


def refused(frame: MakeFrame) -> PageView:
    problem = (
        "Somebody else changed the reply rules meanwhile. Look at what holds now, then save yours again."
    )
    return replace(
        usual(frame), based_on=2, versions=VERSIONS, form=FormState(values={"link": "off"}, problem=problem)
    )


BUILDERS: Mapping[str, Callable[[MakeFrame], PageView]] = {
    "reply-rules": usual,
    "reply-rules-refused": refused,
}

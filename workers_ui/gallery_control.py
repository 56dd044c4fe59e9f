"""Sample views of a brand's control pages, for the gallery and the tests of every page."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from marketplace.kernel.money import Money
from marketplace.tickets.sensitive_words import NAMES, Topic
from workers_ui.presenters import sharing as views
from workers_ui.presenters.control import control_sections
from workers_ui.presenters.frame import Frame, Person, brand_nav
from workers_ui.presenters.values import Action, Badge, Choice, FormState, Notice, Tone
from workers_ui.templating import PageView

MakeFrame = Callable[..., Frame]

SLUG = "northwind-coffee"
BRAND = "Northwind Coffee"
SET_AT = datetime(2026, 11, 17, 8, 30, tzinfo=UTC)
CATEGORIES = (
    Choice(value="orders", label="Orders"),
    Choice(value="product", label="Product"),
    Choice(value="returns", label="Returns"),
)


def sharing(frame: MakeFrame) -> PageView:
    return views.SharingPage(
        frame=_frame(frame, "sharing"),
        slug=SLUG,
        brand=BRAND,
        zone="Europe/Lisbon",
        sections=control_sections(SLUG, "sharing"),
        rules=(
            views.DialRow(
                category="",
                category_label="All categories",
                hours_label="all day",
                from_hour="",
                to_hour="",
                percent=60,
                set_at=SET_AT,
                removal=_act("sharing/rules/r1/removal", "Remove"),
            ),
            views.DialRow(
                category="returns",
                category_label="Returns",
                hours_label="22:00–06:00",
                from_hour="22",
                to_hour="6",
                percent=100,
                set_at=SET_AT,
                removal=_act("sharing/rules/r2/removal", "Remove"),
            ),
        ),
        categories=CATEGORIES,
        looked_at=100,
        shared_now=24,
        ceiling=25,
        steps=tuple(
            views.DialStep(percent=percent, shared=shared)
            for percent, shared in ((10, 9), (25, 24), (50, 52), (75, 77))
        ),
        caps=(
            views.Cap(label="Today", used=_usd(4_380), cap=_usd(10_000)),
            views.Cap(label="This month", used=_usd(131_040)),
        ),
        currency="usd",
        caps_form=FormState(values={"per_day": "100.00", "per_month": ""}),
    )


def sharing_new(frame: MakeFrame) -> PageView:
    page = sharing(frame)
    assert isinstance(page, views.SharingPage)
    return replace(
        page,
        rules=(replace(page.rules[0], percent=100, set_at=None, removal=None),),
        categories=(),
        looked_at=0,
        caps=(),
        currency="",
        dial_form=FormState(values={"percent": "lots"}, problem="Write a whole number from 0 to 100."),
    )


def eligibility(frame: MakeFrame) -> PageView:
    always = Badge(label="always kept", tone=Tone.INFO)
    return views.EligibilityPage(
        frame=_frame(frame, "eligibility"),
        slug=SLUG,
        brand=BRAND,
        sections=control_sections(SLUG, "eligibility"),
        topics=(
            *(
                views.TopicRow(key=topic.value, label=NAMES[topic], badge=always, enabled=True)
                for topic in (Topic.LEGAL, Topic.MEDICAL, Topic.REGULATED)
            ),
            _switched("security", NAMES[Topic.SECURITY], kept=True),
            _switched("press", NAMES[Topic.PRESS], kept=False),
        ),
        kept_categories=(_switched("orders", "Orders", kept=False), _switched("vip", "VIP", kept=True)),
        phrases=(views.OwnRule(text="recall*", removal=_act("eligibility/rules/p1/removal", "Remove")),),
        examples=(
            views.OwnRule(
                text="The glass of the kettle cracked while the water was boiling.",
                removal=_act("eligibility/rules/e1/removal", "Remove"),
            ),
        ),
        categories=CATEGORIES,
    )


def eligibility_tried(frame: MakeFrame) -> PageView:
    page = eligibility(frame)
    assert isinstance(page, views.EligibilityPage)
    return replace(
        page,
        phrases=(),
        examples=(),
        reads_meaning=False,
        phrase_form=FormState(
            values={"phrase": "a"}, errors={"phrase": "Write 3 to 100 characters with at least one letter."}
        ),
        trial_form=FormState(values={"text": "You will hear from my lawyer.", "category": "returns"}),
        verdict=Notice(
            text="This ticket would stay with you. Legal claims: it says “lawyer”.", tone=Tone.WARN
        ),
    )


def prices(frame: MakeFrame) -> PageView:
    return views.PricesPage(
        frame=_frame(frame, "prices"),
        slug=SLUG,
        brand=BRAND,
        zone="Europe/Lisbon",
        sections=control_sections(SLUG, "prices"),
        cells=(
            _cell("orders", "Orders (default)", "", "all day", 175, removable=False),
            _cell("returns", "Returns", "", "all day", 219),
            _cell("returns", "Returns", "de", "22:00–06:00", 329),
        ),
        categories=CATEGORIES,
        fee_percent="20 %",
        unpriced=("Product",),
        currency="usd",
    )


def prices_new(frame: MakeFrame) -> PageView:
    page = prices(frame)
    assert isinstance(page, views.PricesPage)
    return replace(
        page,
        cells=(),
        categories=(),
        currency="",
        hint="Top up first: the first top-up fixes your currency, and amounts are in it.",
        category_form=FormState(values={"name": ""}, problem="A name has 1 to 100 characters."),
    )


BUILDERS: Mapping[str, Callable[[MakeFrame], PageView]] = {
    "control-sharing": sharing,
    "control-sharing-new": sharing_new,
    "control-eligibility": eligibility,
    "control-eligibility-tried": eligibility_tried,
    "control-prices": prices,
    "control-prices-new": prices_new,
}


def _frame(frame: MakeFrame, section: str) -> Frame:
    person = Person(name="Mira Holt", email="mira@northwind.example")
    return frame(
        f"/b/{SLUG}/control/{section}", person=person, area=BRAND, nav=brand_nav(SLUG), live_url="/live"
    )


def _switched(key: str, label: str, *, kept: bool) -> views.TopicRow:
    return views.TopicRow(
        key=key,
        label=label,
        badge=Badge(label="kept back" if kept else "shared", tone=Tone.GOOD if kept else Tone.NEUTRAL),
        enabled=kept,
        switch=_act("eligibility/topics", "Share" if kept else "Keep back"),
    )


def _cell(
    category: str, label: str, language: str, hours: str, total: int, *, removable: bool = True
) -> views.CellRow:
    fee = total // 5
    return views.CellRow(
        id="c1",
        category=category,
        category_label=label,
        language=language,
        language_label=language or "any language",
        from_hour="22" if language else "",
        to_hour="6" if language else "",
        hours_label=hours,
        total=_usd(total),
        pay=_usd(total - fee),
        fee=_usd(fee),
        escalation_fee=_usd((total - fee) * 3 // 10),
        version=3,
        since=SET_AT,
        removal=_act("prices/c1/removal", "Remove") if removable else None,
    )


def _act(rest: str, label: str) -> Action:
    return Action(href=f"/b/{SLUG}/control/{rest}", label=label)


def _usd(amount_minor: int) -> Money:
    return Money(amount_minor=amount_minor, currency="usd")

"""Pages and parts from view models: the Jinja environment, built assets, money and time as people read them.

A view model names its template (`template: ClassVar[str]`). The page and its fragments are blocks of that one
template, so a fragment can never differ from the page it belongs to.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import ClassVar, Protocol
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_skeleton, get_datetime_format
from babel.numbers import format_currency, format_decimal, format_percent, get_currency_symbol
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from marketplace.kernel.money import Money, exponent
from workers_ui.presenters.frame import Frame

HERE = Path(__file__).parent
BUILD_DIR = HERE / "static" / "build"
BUILD_URL = "/static/build"
DEFAULT_LOCALE = "en"
DEFAULT_ZONE = "UTC"
MINUTE_SECONDS = 60
HOUR_SECONDS = 3600
DAY_SECONDS = 86_400
NOTHING = Markup("")


class View(Protocol):
    """A frozen dataclass that names the template it fills."""

    template: ClassVar[str]


class PageView(View, Protocol):
    """A view of a whole page: it has the frame, which says locale and time zone."""

    @property
    def frame(self) -> Frame: ...


class AssetsNotBuilt(RuntimeError):
    """The front end is not built: run `npm ci --ignore-scripts` and `npm run build`."""


class Assets:
    """Addresses of built files by their plain name, after esbuild's manifest."""

    def __init__(self, *, build_dir: Path = BUILD_DIR, build_url: str = BUILD_URL) -> None:
        self._manifest = build_dir / "manifest.json"
        self._url = build_url
        self._files: Mapping[str, str] = {}
        self._read_at = -1.0

    def __call__(self, name: str) -> str:
        self._read_if_changed()
        if name not in self._files:
            raise AssetsNotBuilt(f"{name} is not in {self._manifest}.")
        return f"{self._url}/{self._files[name]}"

    def _read_if_changed(self) -> None:
        try:
            changed_at = self._manifest.stat().st_mtime
        except FileNotFoundError:
            raise AssetsNotBuilt(str(AssetsNotBuilt.__doc__)) from None
        if changed_at != self._read_at:
            self._files = json.loads(self._manifest.read_text())
            self._read_at = changed_at


class Templates:
    """Renders views. One per process; it keeps compiled templates and the manifest."""

    def __init__(
        self, *, assets: Callable[[str], str] | None = None, templates_dir: Path = HERE / "templates"
    ) -> None:
        self._env = Environment(
            loader=FileSystemLoader(templates_dir),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._env.globals["asset"] = assets or Assets()
        self._env.filters.update(FILTERS)
        self._macros = self._env.get_template("macros.html")

    def page(self, view: PageView) -> str:
        """The whole page, in the frame's locale and time zone."""
        return self._env.get_template(view.template).render(self._with_macros(_page_context(view)))

    def block(self, view: PageView, name: str) -> str:
        """One block of the page's template by itself."""
        template = self._env.get_template(view.template)
        context = template.new_context(self._with_macros(_page_context(view)))
        return "".join(template.blocks[name](context))

    def part(self, view: View, *, locale: str = DEFAULT_LOCALE, time_zone: str = DEFAULT_ZONE) -> str:
        """A part that belongs to no one page, such as a pool row: once per event and locale."""
        context: dict[str, object] = {"view": view, "locale": locale, "time_zone": time_zone}
        return self._env.get_template(view.template).render(self._with_macros(context))

    def _with_macros(self, context: dict[str, object]) -> dict[str, object]:
        # Macros come as `ui` by the context, not by {% import %}, so that a block renders by itself too.
        return context | {"ui": self._macros.make_module(context)}


@cache
def templates() -> Templates:
    """This process's templates: they are compiled once."""
    return Templates()


def retarget(element_id: str, *, toast: str = "") -> dict[str, str]:
    """Headers by which an htmx answer replaces one element and, if asked, says a sentence.

    Used with the losing claim: 409, `parts/pool_row_taken.html`, `retarget("ticket-<id>")`.
    """
    headers = {"HX-Retarget": f"#{element_id}", "HX-Reswap": "outerHTML", "HX-Push-Url": "false"}
    if toast:
        headers["HX-Trigger"] = json.dumps({"toast": {"text": toast}})
    return headers


def _page_context(view: PageView) -> dict[str, object]:
    return {
        "view": view,
        "frame": view.frame,
        "locale": view.frame.locale,
        "time_zone": view.frame.time_zone,
    }


def _locale(context: Context) -> Locale:
    return Locale.parse(str(context.get("locale", DEFAULT_LOCALE)), sep="-")


def _zone(context: Context) -> ZoneInfo:
    return ZoneInfo(str(context.get("time_zone", DEFAULT_ZONE)))


def _time_element(moment: datetime, text: str, *, marker: Markup = NOTHING) -> Markup:
    return Markup('<time datetime="{}"{}>{}</time>').format(
        moment.isoformat(timespec="seconds"), marker, text
    )


def major_units(money: Money) -> Decimal:
    """The amount as a decimal number of the currency, for display alone."""
    return Decimal(money.amount_minor).scaleb(-exponent(money.currency))


@pass_context
def money(context: Context, amount: Money) -> str:
    """$1,234.50 as the viewer's locale writes it, with the currency's own number of decimals."""
    # Babel knows the decimals of each currency, but Stripe's list is the one that money is counted in.
    places = exponent(amount.currency)
    digits = "#,##0." + "0" * places if places else "#,##0"
    standard = _locale(context).currency_formats["standard"].pattern.split(";")[0]
    pattern = re.sub(r"[#0][#0,.]*", digits, standard)
    if get_currency_symbol(amount.currency.upper(), locale=_locale(context))[-1].isalpha():
        pattern = pattern.replace("¤#", "¤\N{NO-BREAK SPACE}#")
    text = format_currency(
        major_units(amount),
        amount.currency.upper(),
        format=pattern,
        locale=_locale(context),
        currency_digits=False,
    )
    return text.replace("-", "\u2212", 1)


def decimal_input(amount: Money) -> str:
    """1234.50: how an amount stands in a form field."""
    return f"{major_units(amount):f}"


@pass_context
def when(context: Context, moment: datetime) -> Markup:
    """Day and time in the viewer's zone: "Nov 22, 14:03"; the year where it is another one."""
    local = moment.astimezone(_zone(context))
    frame = context.get("frame")
    this_year = isinstance(frame, Frame) and frame.now.year == local.year
    locale = _locale(context)
    day_text = format_skeleton("MMMd" if this_year else "yMMMd", local, locale=locale)
    time_text = format_skeleton("Hm", local, locale=locale)
    joined = str(get_datetime_format("medium", locale=locale))
    text = joined.replace("{1}", day_text).replace("{0}", time_text)
    return _time_element(moment, text)


@pass_context
def clock(context: Context, moment: datetime) -> Markup:
    """Time of day in the viewer's zone: "14:03"."""
    local = moment.astimezone(_zone(context))
    return _time_element(moment, format_skeleton("Hm", local, locale=_locale(context)))


@pass_context
def soon(context: Context, moment: datetime, now: datetime) -> Markup:
    """Time of day alone where the day goes without saying, else day and time: "14:03", "Nov 23, 14:03"."""
    zone = _zone(context)
    same_day = moment.astimezone(zone).date() == now.astimezone(zone).date()
    return clock(context, moment) if same_day else when(context, moment)


@pass_context
def day(context: Context, moment: date) -> Markup:
    """A calendar day: "22 November 2026"."""
    local = moment.astimezone(_zone(context)).date() if isinstance(moment, datetime) else moment
    text = format_date(local, "long", locale=_locale(context))
    return Markup('<time datetime="{}">{}</time>').format(local.isoformat(), text)


@pass_context
def month(context: Context, first: date) -> str:
    """ "November 2026"."""
    return format_skeleton("yMMMM", first, locale=_locale(context))


@pass_context
def due(context: Context, moment: datetime, now: datetime) -> Markup:
    """How long until `moment`, kept current by the page's script: "due in 15 min", "6 min late"."""
    seconds = int((moment - now).total_seconds())
    text = f"due in {_span(seconds)}" if seconds >= 0 else f"{_span(-seconds)} late"
    return _time_element(moment, text, marker=Markup(" data-due"))


def left(moment: datetime, now: datetime) -> str:
    """Time left on a lease as the countdown writes it: "54:07 left"; hours where there are any."""
    seconds = max(0, int((moment - now).total_seconds()))
    hours, rest = divmod(seconds, HOUR_SECONDS)
    minutes, seconds = divmod(rest, MINUTE_SECONDS)
    return f"{hours}:{minutes:02}:{seconds:02} left" if hours else f"{minutes}:{seconds:02} left"


def _span(seconds: int) -> str:
    if seconds < HOUR_SECONDS:
        return f"{seconds // MINUTE_SECONDS} min"
    if seconds < DAY_SECONDS:
        hours, minutes = divmod(seconds // MINUTE_SECONDS, 60)
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(seconds // HOUR_SECONDS, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


@pass_context
def number(context: Context, value: int) -> str:
    return format_decimal(value, locale=_locale(context))


@pass_context
def percent(context: Context, share: float) -> str:
    """0.92 as "92%"."""
    return format_percent(share, locale=_locale(context))


def time_of_day(moment: datetime, *, locale: str, time_zone: str) -> str:
    """ "14:03" in somebody's zone, for a sentence that is no template's."""
    return format_skeleton("Hm", moment.astimezone(ZoneInfo(time_zone)), locale=Locale.parse(locale, sep="-"))


def slug_id(path: str) -> str:
    """A path as part of an element id: /worker/t/7 → worker-t-7."""
    return re.sub(r"[^A-Za-z0-9]+", "-", path).strip("-") or "start"


FILTERS = {
    "money": money,
    "decimal_input": decimal_input,
    "when": when,
    "clock": clock,
    "soon": soon,
    "day": day,
    "month": month,
    "due": due,
    "left": left,
    "number": number,
    "percent": percent,
    "slug_id": slug_id,
}

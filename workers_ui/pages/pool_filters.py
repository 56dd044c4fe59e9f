"""The pool's filters: in the address, kept for the person in this browser, and said in words."""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl, quote, unquote, urlencode

from babel import Locale, UnknownLocaleError
from fastapi import Request
from fastapi.responses import RedirectResponse

from marketplace.kernel.errors import Invalid
from marketplace.kernel.ids import WorkerId
from marketplace.tickets.lanes import GENERAL, SKILLS, primary_language
from marketplace.tickets.models import Channel
from marketplace.tickets.pool_queries import PoolFilters
from workers_ui.pages.answers import see
from workers_ui.pages.pool_views import CHANNELS, NOTHING_CHOSEN
from workers_ui.presenters.pool_filters import FilterForm
from workers_ui.presenters.values import Choice, FormState

POOL = "/worker/pool"
COOKIE = "hc_pool"
COOKIE_SECONDS = 90 * 24 * 3600
FIELDS: Mapping[str, re.Pattern[str]] = {
    "brand": re.compile(r"[a-z0-9][a-z0-9-]{0,99}"),
    "language": re.compile(r"[a-z]{2,3}"),
    "channel": re.compile("|".join(Channel)),
    "skill": re.compile("|".join((GENERAL, *SKILLS))),
    "pay": re.compile(r"[1-9][0-9]{0,8}"),
    "minutes": re.compile(r"[1-9][0-9]{0,3}"),
}
LEAST_PAYS_MINOR = (100, 200, 500, 1_000, 2_000)
MOST_MINUTES = (3, 5, 10, 15, 30)

Chosen = Mapping[str, str]


class NoSuchFilter(Invalid):
    """The pool cannot be filtered like that. Choose from the list."""


def chosen_in(request: Request, worker: WorkerId) -> Chosen:
    """What this address filters by; a bare one, what `worker` filtered by the last time in this browser.

    Raises NoSuchFilter.
    """
    asked = _read((name, value) for name, value in request.query_params.items() if name in FIELDS)
    if asked or request.query_params.get("set") or "page" in request.query_params:
        return asked
    try:
        return _read(parse_qsl(_kept(request, worker)))
    except NoSuchFilter:
        return NOTHING_CHOSEN


def keep(chosen: Chosen, worker: WorkerId) -> RedirectResponse:
    """Go to the address of `chosen`, which is what the bare one shows from now on."""
    query = urlencode(chosen)
    response = see(f"{POOL}?{query}" if query else POOL)
    if query:
        value = quote(f"{worker}:{query}")
        response.set_cookie(COOKIE, value, max_age=COOKIE_SECONDS, httponly=True, samesite="lax", path=POOL)
    else:
        response.delete_cookie(COOKIE, httponly=True, samesite="lax", path=POOL)
    return response


def query_of(chosen: Chosen) -> PoolFilters:
    return PoolFilters(
        brand=chosen.get("brand", ""),
        language=chosen.get("language", ""),
        channel=chosen.get("channel", ""),
        skill=chosen.get("skill", ""),
        minimum_pay_minor=int(chosen.get("pay", 0)),
        longest_minutes=int(chosen.get("minutes", 0)),
    )


def form_of(
    chosen: Chosen, *, brands: Iterable[tuple[str, str]], languages: Iterable[str], skills: Iterable[str]
) -> FilterForm:
    """The form with what this worker can choose: brands that have tickets for him, his languages and skills."""
    choices: dict[str, tuple[Choice, ...]] = {
        "brand": tuple(Choice(value=slug, label=name) for slug, name in brands),
        "language": tuple(
            Choice(value=tag, label=language_name(tag))
            for tag in dict.fromkeys(primary_language(one) for one in languages)
        ),
        "channel": tuple(Choice(value=key, label=label) for key, label in CHANNELS.items()),
        "skill": tuple(Choice(value=key, label=skill_name(key)) for key in (GENERAL, *skills)),
        "pay": tuple(Choice(value=str(one), label=f"{one / 100:.2f}") for one in LEAST_PAYS_MINOR),
        "minutes": tuple(Choice(value=str(one), label=f"{one} min") for one in MOST_MINUTES),
    }
    return FilterForm(
        form=FormState(values=chosen),
        brands=choices["brand"],
        languages=choices["language"],
        channels=choices["channel"],
        skills=choices["skill"],
        pays=choices["pay"],
        lengths=choices["minutes"],
        chosen=tuple(_said(name, value, choices[name]) for name, value in chosen.items()),
        brand=chosen.get("brand", ""),
        channel=CHANNELS.get(chosen.get("channel", ""), ""),
        language=chosen.get("language", ""),
        skill=chosen.get("skill", ""),
        lowest_pay_minor=int(chosen.get("pay", 0)),
        longest_minutes=int(chosen.get("minutes", 0)),
    )


def language_name(tag: str) -> str:
    """ "de" → German; a tag that nobody knows stands for itself."""
    try:
        return Locale.parse(tag, sep="-").get_display_name("en") or tag
    except (UnknownLocaleError, ValueError):
        return tag


def skill_name(key: str) -> str:
    return "No skill needed" if key == GENERAL else SKILLS.get(key, key)


def _read(given: Iterable[tuple[str, str]]) -> Chosen:
    """Known fields in their order; empty ones stand for any. Raises NoSuchFilter."""
    values = dict(given)
    chosen = {name: values[name] for name in FIELDS if values.get(name)}
    if not all(FIELDS[name].fullmatch(value) for name, value in chosen.items()):
        raise NoSuchFilter
    return chosen


def _kept(request: Request, worker: WorkerId) -> str:
    owner, _, query = unquote(request.cookies.get(COOKIE, "")).partition(":")
    return query if owner == str(worker) else ""


def _said(name: str, value: str, choices: Iterable[Choice]) -> str:
    label = next((one.label for one in choices if one.value == value), value)
    return {"pay": f"at least {label}", "minutes": f"at most {label}"}.get(name, label)

"""The queue's filter: in the address, typed in a form, said in words; what cannot be read is told at its field."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode

from billing.earning_queue import EarningFilter, Flag
from billing.models import EarningKind, EarningState
from billing.top_ups import CURRENCIES
from marketplace.kernel.errors import Invalid
from marketplace.kernel.ids import BrandId, WorkerId
from workers_ui.pages.amounts import typed_amount
from workers_ui.pages.typed_moments import typed_moment
from workers_ui.presenters.values import Choice, FormState

TYPED = ("text", "kind", "currency", "least", "most", "since", "until", "flag")
"""Fields of the form; state, worker and brand are chosen by links."""

FIELDS = ("state", "worker", "brand", *TYPED)
KINDS: Mapping[EarningKind, str] = {
    EarningKind.RESOLUTION: "Resolved ticket",
    EarningKind.ESCALATION: "Escalation fee",
    EarningKind.RECALL: "Taken back by the brand",
    EarningKind.TIP: "Tip",
    EarningKind.BONUS: "Bonus",
    EarningKind.RESTORED: "Restored after an appeal",
}
FLAGS: Mapping[Flag, str] = {Flag.NO_ACCOUNT: "No payout account"}
ZONE = "UTC"
TEXT_CHARACTERS = 100

Kind = TypeVar("Kind", bound=StrEnum)
Value = TypeVar("Value")


class NoSuchChoice(Invalid):
    """Choose from the list."""


class CurrencyFirst(Invalid):
    """Choose a currency too: amounts of different ones cannot be compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A filter as it was asked for. `form` carries what was typed, and at which field it could not be read."""

    filter: EarningFilter
    query: Mapping[str, str]
    form: FormState
    worker_name: str = ""
    brand_name: str = ""

    @property
    def address(self) -> str:
        return urlencode(self.query)

    @property
    def is_typed(self) -> bool:
        return any(name in self.query for name in TYPED)


def read_filter(
    given: Mapping[str, str],
    *,
    worker: WorkerId | None = None,
    brand: BrandId | None = None,
    worker_name: str = "",
    brand_name: str = "",
) -> Asked:
    """The filter in an address or a form. A field that cannot be read is left out of it, and told."""
    query = {name: given[name].strip() for name in FIELDS if given.get(name, "").strip()}
    reading = _Reading(query)
    wanted = EarningFilter(
        state=reading.choice("state", EarningState),
        worker=worker,
        brand=brand,
        kind=reading.choice("kind", EarningKind),
        currency=reading.currency(),
        since=reading.day("since"),
        until=reading.day("until", plus=timedelta(days=1)),
        least_minor=reading.amount("least"),
        most_minor=reading.amount("most"),
        flag=reading.choice("flag", Flag),
        text=query.get("text", "")[:TEXT_CHARACTERS],
    )
    return Asked(
        filter=wanted,
        query=query,
        form=FormState(values=query, errors=reading.errors, problem=reading.errors.get("state", "")),
        worker_name=worker_name,
        brand_name=brand_name,
    )


class _Reading:
    """Reads one field after the other, and keeps what went wrong."""

    def __init__(self, query: Mapping[str, str]) -> None:
        self._query = query
        self.errors: dict[str, str] = {}

    def choice(self, name: str, kind: type[Kind]) -> Kind | None:
        def read(typed: str) -> Kind:
            if typed not in set(kind):
                raise NoSuchChoice
            return kind(typed)

        return self._read(name, read)

    def currency(self) -> str | None:
        def read(typed: str) -> str:
            if typed not in CURRENCIES:
                raise NoSuchChoice
            return typed

        return self._read("currency", read)

    def day(self, name: str, *, plus: timedelta = timedelta()) -> datetime | None:
        def read(typed: str) -> datetime | None:
            moment = typed_moment(typed, ZONE)
            return moment and moment + plus

        return self._read(name, read)

    def amount(self, name: str) -> int | None:
        def read(typed: str) -> int:
            if "currency" not in self._query:
                raise CurrencyFirst
            return typed_amount(typed, currency=self._query["currency"]).amount_minor

        return self._read(name, read)

    def _read(self, name: str, read: Callable[[str], Value | None]) -> Value | None:
        typed = self._query.get(name, "")
        try:
            return read(typed) if typed else None
        except Invalid as error:
            self.errors[name] = error.detail
            return None


KIND_CHOICES = tuple(Choice(value=kind.value, label=label) for kind, label in KINDS.items())
FLAG_CHOICES = tuple(Choice(value=flag.value, label=label) for flag, label in FLAGS.items())
CURRENCY_CHOICES = tuple(Choice(value=one, label=one.upper()) for one in CURRENCIES)

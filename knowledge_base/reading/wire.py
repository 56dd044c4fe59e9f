"""Readings as JSON between the process that parses and the one that asked, which trusts nothing it gets."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from knowledge_base.reading.documents import Document, Refusal, Section

Outcome = Document | Refusal


class Garbled(Exception):
    """What arrived is no reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a file holds, in its order; `peak_bytes` is the memory that reading it took."""

    outcomes: tuple[Outcome, ...] = ()
    peak_bytes: int = 0

    @property
    def documents(self) -> tuple[Document, ...]:
        return tuple(outcome for outcome in self.outcomes if isinstance(outcome, Document))

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        return tuple(outcome for outcome in self.outcomes if isinstance(outcome, Refusal))


def packed(readings: Iterable[Iterable[Outcome]]) -> bytes:
    """What each of several files holds."""
    plain = [[_as_json(outcome) for outcome in outcomes] for outcomes in readings]
    return json.dumps(plain, ensure_ascii=False).encode()


def unpacked(answer: bytes, files: int) -> list[Reading]:
    """As many readings as `files`. Raises Garbled for anything but what `packed` makes of them."""
    try:
        readings = [tuple(_outcome(fields) for fields in outcomes) for outcomes in json.loads(answer)]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Garbled from error
    if len(readings) != files:
        raise Garbled
    return [Reading(outcomes=outcomes) for outcomes in readings]


def _as_json(outcome: Outcome) -> dict[str, object]:
    if isinstance(outcome, Refusal):
        return {"name": outcome.name, "reason": outcome.reason}
    return {
        "key": outcome.key,
        "title": outcome.title,
        "sections": [[list(section.path), section.text, section.page] for section in outcome.sections],
        "language": outcome.language,
        "extra": list(outcome.extra),
        "notes": list(outcome.notes),
    }


def _outcome(fields: Mapping[str, Any]) -> Outcome:
    if "reason" in fields:
        return Refusal(name=_text(fields["name"]), reason=_text(fields["reason"]))
    return Document(
        key=_text(fields["key"]),
        title=_text(fields["title"]),
        sections=tuple(
            Section(path=_texts(path), text=_text(text), page=_page(page))
            for path, text, page in fields["sections"]
        ),
        language=None if fields["language"] is None else _text(fields["language"]),
        extra=_texts(fields["extra"]),
        notes=_texts(fields["notes"]),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise Garbled
    return value


def _texts(values: object) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise Garbled
    return tuple(_text(value) for value in values)


def _page(value: object) -> int | None:
    if value is not None and not (isinstance(value, int) and 0 < value < 2**31):
        raise Garbled
    return value

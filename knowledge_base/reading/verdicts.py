"""How a child's end is told: what it read, or a sentence that says why it read nothing and what to do."""

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache

import structlog

from knowledge_base.reading.documents import Refusal
from knowledge_base.reading.formats import MAX_UPLOAD_BYTES
from knowledge_base.reading.sandbox import Fence
from knowledge_base.reading.wire import Garbled, Reading, unpacked

log = structlog.get_logger()

ANSWER_BYTES_MAX = 60_000_000
HEAD_BYTES_MAX = 64

OUT_OF_MEMORY = 71
FAILED = 72
"""Exit codes of a child whose reader ran out of memory or raised."""

_SIGXCPU, _SIGKILL = -24, -9

TOO_LARGE = f"It is larger than {MAX_UPLOAD_BYTES // 1_000_000} MB. Split it into several files."
TOO_LONG = "Reading it takes too long. Split it into smaller files, or save its text as Markdown."
TOO_MUCH_MEMORY = (
    "Reading it needs more memory than one file may use. Split it into smaller files, or save its text as "
    "Markdown."
)
TOO_MUCH_TEXT = "It holds more text than one file may. Split it into several files."
BROKEN = "It is damaged, or not what its name says. Open it in its own program, save it anew and upload that."
OUR_FAULT = "It could not be read because of a fault on our side. Upload it again in a minute."
BUSY = "Too many files are being read at this moment. Upload it again in a minute."


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What a child sent and how it ended: `code` is its exit code, minus a signal, or None when nobody knows."""

    answer: bytes
    code: int | None
    overdue: bool = False
    peak_bytes: int = 0


def judged(name: str, ending: Ending) -> Reading:
    """The reading of one file that `ending` amounts to."""
    readings = read_well(ending, files=1)
    reading = readings[0] if readings else refused(name, _reason(name, ending))
    return replace(reading, peak_bytes=ending.peak_bytes)


def read_well(ending: Ending, *, files: int) -> list[Reading] | None:
    """The readings of `files` files by a child that ended as it should, else None."""
    if ending.code != 0 or len(ending.answer) > ANSWER_BYTES_MAX:
        return None
    if fence_of(ending) is Fence.NONE:
        _tell_unfenced()
    with suppress(Garbled):
        return unpacked(ending.answer.partition(b"\n")[2], files)
    return None


def refused(name: str, reason: str) -> Reading:
    return Reading(outcomes=(Refusal(name=name, reason=reason),))


def fence_of(ending: Ending) -> Fence:
    """What kept the child from the network, as it said before it read anything."""
    said = ending.answer[:HEAD_BYTES_MAX].partition(b"\n")[0].decode("ascii", "replace")
    return Fence(said) if said in list(Fence) else Fence.NONE


def _reason(name: str, ending: Ending) -> str:
    if len(ending.answer) > ANSWER_BYTES_MAX:
        return TOO_MUCH_TEXT
    if ending.overdue or ending.code == _SIGXCPU:
        return TOO_LONG
    if ending.code in (OUT_OF_MEMORY, _SIGKILL):
        return TOO_MUCH_MEMORY
    said = ending.answer.partition(b"\n")[2][:HEAD_BYTES_MAX].decode("ascii", "replace")
    log.warning("reading.broke", name=name, code=ending.code, error=said if ending.code == FAILED else None)
    return OUR_FAULT if ending.code is None else BROKEN


@cache
def _tell_unfenced() -> None:
    """Say once that this kernel does not keep parsers from the network."""
    log.warning("reading.unfenced")

"""What checking a reply found, as the desk shows it under the text."""

from collections.abc import Sequence

from guidance.findings import Finding, Severity
from guidance.reply_check import warnings_mark
from workers_ui.presenters.worker import Checked, LintFinding

FINDINGS_SHOWN = 12
EXCERPT_CHARS = 120


def checked(found: Sequence[Finding], text: str, *, ticket: str, asked: bool = False) -> Checked:
    """What stops the sending first, then what asks for a second look, each in the order of the text."""
    ordered = sorted(found, key=lambda one: one.severity is not Severity.BLOCK)
    return Checked(
        ticket=ticket,
        count=count_in_words(found),
        findings=tuple(_finding(one, text) for one in ordered[:FINDINGS_SHOWN]),
        more=max(0, len(ordered) - FINDINGS_SHOWN),
        seen=warnings_mark(text, found),
        asked=asked,
    )


def count_in_words(found: Sequence[Finding]) -> str:
    """ "1 thing to fix, 2 to look at"."""
    blocking = sum(one.severity is Severity.BLOCK for one in found)
    parts = (_things(blocking, "to fix"), _things(len(found) - blocking, "to look at"))
    return ", ".join(filter(None, parts)) or "Nothing to fix or look at."


def fixed(text: str, found: Sequence[Finding], place: str) -> str:
    """`text` with the fix of the finding at `place` in it; as it is when there is none any more."""
    for one in found:
        if one.fix is not None and _place(one) == place:
            return text[: one.start] + one.fix + text[one.end :]
    return text


def _finding(one: Finding, text: str) -> LintFinding:
    quoted = text[one.start : one.end]
    excerpt = " ".join(quoted.split())
    return LintFinding(
        text=one.message,
        excerpt="" if quoted in one.message else _shortened(excerpt),
        blocking=one.severity is Severity.BLOCK,
        start=_in_browser(text, one.start),
        end=_in_browser(text, one.end),
        place=_place(one),
        fix=one.fix,
    )


def _things(count: int, what: str) -> str:
    return f"{count} {'thing' if count == 1 else 'things'} {what}" if count else ""


def _place(one: Finding) -> str:
    return f"{one.kind.value}-{one.start}-{one.end}"


def _shortened(text: str) -> str:
    return text if len(text) <= EXCERPT_CHARS else text[: EXCERPT_CHARS - 1].rstrip() + "…"


def _in_browser(text: str, at: int) -> int:
    """Browsers count a sign beyond the first 65,536 (most emoji) as two."""
    return at + sum(ord(sign) > 0xFFFF for sign in text[:at])

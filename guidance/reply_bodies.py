"""What a reply says without how it begins and ends: greeting, sign-off and label are the voice, not knowledge."""

import re
from collections.abc import Sequence

from guidance.voice import CUSTOMER_NAME, Voice

ADDRESSEE = r"[^\n,!.?:]{0,60}"
CLOSING_LINES = 4
_GREETING = re.compile(
    r"\s*(?:hi|hello|hey|dear|greetings|good (?:morning|afternoon|evening|day)|hallo|guten (?:tag|morgen|abend)"
    r"|liebe[rs]?|sehr geehrte[rs]?)(?:[^\S\n]+[\w.'’-]+){0,4}(?:[,!]|[^\S\n]*$)[^\S\n]*",
    re.IGNORECASE | re.MULTILINE,
)
_CLOSING = re.compile(
    r"\s*(?:(?:kind|best|warm|warmest|many)?\s*regards|best wishes|all the best|best|sincerely|yours\b.*|cheers"
    r"|thanks(?: again)?|many thanks|thank you|take care|mit freundlichen grüßen|viele grüße|beste grüße)\s*[,.!]?\s*",
    re.IGNORECASE,
)
_BLANKS = re.compile(r"\n{3,}")


def body_of(reply: str, *, voices: Sequence[Voice], label: str) -> str:
    """The reply between greeting and sign-off; empty when there is nothing between them."""
    text = "\n".join(line.rstrip() for line in reply.replace(label, "").strip().splitlines())
    for voice in voices:
        text = _without_sign_off(_without_sign_off(text, voice.sign_off), voice.closing)
    text = _without_closing(text)
    for voice in voices:
        text = _without_greeting(_without_greeting(text, voice.greeting), voice.opening)
    text = text[found.end() :] if (found := _GREETING.match(text)) else text
    return _BLANKS.sub("\n\n", text).strip()


def _without_greeting(text: str, greeting: str) -> str:
    """Whatever name stands in the greeting's slot, or none."""
    parts = [re.escape(part.strip()) for part in greeting.split("{" + CUSTOMER_NAME + "}")]
    pattern = rf"\s*{ADDRESSEE}\s*".join(parts) if len(parts) > 1 else parts[0]
    found = re.match(rf"\s*{pattern}\s*", text, re.IGNORECASE) if pattern.strip() else None
    return text[found.end() :] if found else text


def _without_sign_off(text: str, sign_off: str) -> str:
    lines = [re.escape(line.strip()) for line in sign_off.strip().splitlines() if line.strip()]
    found = re.search(r"\s*" + r"\s+".join(lines) + r"\s*\Z", text) if lines else None
    return text[: found.start()] if found else text


def _without_closing(text: str) -> str:
    """A closing of the worker's own, with the name under it."""
    lines = text.splitlines()
    for at in range(max(1, len(lines) - CLOSING_LINES), len(lines)):
        if _CLOSING.fullmatch(lines[at]) and all(len(line.split()) <= 4 for line in lines[at + 1 :]):
            return "\n".join(lines[:at])
    return text

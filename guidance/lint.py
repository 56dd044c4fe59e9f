"""Hold the text of a reply to the brand's voice, rules and knowledge: what blocks sending, and what the worker should
look at again. Pure, and quick enough to run at each pause in typing."""

import re
from collections.abc import Iterator, Sequence

from guidance.draft import CitedPassage
from guidance.echoes import HIDDEN_ADDRESS, Written, find_addresses, written_by
from guidance.figures import read_figures
from guidance.findings import Finding, FindingKind, Severity
from guidance.grounds import Grounds, grounds_of
from guidance.lint_policy import USUAL_POLICY, Level, LintPolicy
from guidance.promises import is_promise
from guidance.receipts import SentenceSupport, supported_sentences
from guidance.sentences import SentenceSpan, sentence_spans
from guidance.statements import states_something
from guidance.voice import Voice, avoided_words, is_allowed_link, links, unfilled_slots
from guidance.voice_lint import voice_findings
from marketplace.tickets.masking import DEFAULT_REGIONS, Found, PersonalData, find_personal_data

MAX_REPLY_CHARS = 5_000
_Supported = Sequence[tuple[SentenceSpan, SentenceSupport]]


def lint(
    text: str,
    voice: Voice,
    passages: Sequence[CitedPassage],
    *,
    policy: LintPolicy = USUAL_POLICY,
    customer: Sequence[str] = (),
    regions: Sequence[str] = DEFAULT_REGIONS,
) -> tuple[Finding, ...]:
    """Everything wrong with a reply, in the order of the text. Empty and overlong text is reported alone.

    `customer` is what the customer wrote, oldest first, and their e-mail address. It and the passages are data: what
    they ask for is not done.
    """
    if not text.strip():
        return (_found(FindingKind.EMPTY, 0, len(text), "The reply is empty.", severity=Severity.BLOCK),)
    if len(text) > MAX_REPLY_CHARS:
        message = f"The reply has {len(text)} characters; {MAX_REPLY_CHARS} is the most."
        return (_found(FindingKind.TOO_LONG, MAX_REPLY_CHARS, len(text), message, severity=Severity.BLOCK),)
    known = "\n".join(passage.text for passage in passages)
    pieces = policy.weighed(
        (
            *_avoided(text, voice),
            *_links(text, voice),
            *_slots(text),
            *_personal(text, voice, known, written_by(customer), regions),
            *_figures(text, known),
        )
    )
    supported = list(zip(sentence_spans(text), supported_sentences(text, passages), strict=True))
    whole = policy.weighed(
        (*_unfounded(supported, voice, passages, pieces, policy), *_unlike_the_voice(text, voice, supported))
    )
    return tuple(sorted((*pieces, *whole), key=lambda finding: (finding.start, finding.end, finding.kind)))


def blocks_sending(findings: Sequence[Finding]) -> bool:
    """Whether any finding keeps the reply from being sent."""
    return any(finding.severity is Severity.BLOCK for finding in findings)


def _found(
    kind: FindingKind,
    start: int,
    end: int,
    message: str,
    *,
    fix: str | None = None,
    severity: Severity = Severity.WARN,
) -> Finding:
    """How much it weighs is the policy's to say, but for text that is judged no further."""
    return Finding(kind=kind, severity=severity, start=start, end=end, message=message, fix=fix)


def _avoided(text: str, voice: Voice) -> Iterator[Finding]:
    for word in avoided_words(text, voice.words_to_avoid):
        message = f"This brand never says “{word.value}”. Say it another way."
        yield _found(FindingKind.AVOIDED_WORD, word.start, word.end, message)


def _links(text: str, voice: Voice) -> Iterator[Finding]:
    for link in links(text):
        if not is_allowed_link(link.value, voice.allowed_link_domains):
            message = f"“{link.value}” is not on this brand's list of link domains. Take it out."
            yield _found(FindingKind.LINK, link.start, link.end, message, fix="")


def _unlike_the_voice(text: str, voice: Voice, supported: _Supported) -> Iterator[Finding]:
    """In the worker's own words: what the brand's knowledge says, it says in the brand's name already."""
    quoted = [span for span, support in supported if support.passage_rank is not None]
    for finding in voice_findings(text, voice):
        if not any(span.start <= finding.start < span.end for span in quoted):
            yield finding


def _slots(text: str) -> Iterator[Finding]:
    for slot in unfilled_slots(text):
        message = f"Fill in “{slot.value}” before sending."
        yield _found(FindingKind.UNFILLED_SLOT, slot.start, slot.end, message)


# --- figures, promises, statements --------------------------------------------------------------------------


def _figures(text: str, known: str) -> Iterator[Finding]:
    supported = {value for figure in read_figures(known) for value in figure.values}
    for figure in read_figures(text):
        if not figure.values <= supported:
            quoted = text[figure.start : figure.end]
            message = f"“{quoted}” is in none of the passages. Check it, or take it out."
            yield _found(FindingKind.UNSUPPORTED_FIGURE, figure.start, figure.end, message)


_NO_SUCH_PROMISE = "This promises what no passage shown says. Say what the knowledge says, or take it out."
_WITHOUT_ITS_CONDITION = "The knowledge says this under a condition. Say the condition too."
_NO_SUPPORT = "No passage shown says this. Check it, or say it as the knowledge does."


def _unfounded(
    supported: _Supported,
    voice: Voice,
    passages: Sequence[CitedPassage],
    told: Sequence[Finding],
    policy: LintPolicy,
) -> Iterator[Finding]:
    """Promises and statements that the passages do not hold; what is `told` of a part of a statement is enough of it.

    Where no passage was shown the desk says so by itself, and no statement is marked.
    """
    grounds = grounds_of(passages)
    for span, support in supported:
        promise = _promise(span, grounds)
        if promise is not None and policy.level(promise.kind) is not Level.OFF:
            yield promise
        elif passages and support.passage_rank is None and not _any_within(span, told):
            yield from _statement(span, voice, grounds)
        elif support.passage_rank is not None and grounds.drop_condition(span.sentence):
            yield from _half_quoted(span, grounds)


def _any_within(span: SentenceSpan, told: Sequence[Finding]) -> bool:
    return any(span.start <= one.start < span.end for one in told)


def _promise(span: SentenceSpan, grounds: Grounds) -> Finding | None:
    if not is_promise(span.sentence) or grounds.hold(span.sentence):
        return None
    dropped = grounds.drop_condition(span.sentence)
    message = _WITHOUT_ITS_CONDITION if dropped else _NO_SUCH_PROMISE
    fix = grounds.nearest(span.sentence)
    return _found(FindingKind.PROMISE, span.start, span.end, message, fix=fix)


def _statement(span: SentenceSpan, voice: Voice, grounds: Grounds) -> Iterator[Finding]:
    if states_something(span.sentence, voice) and not grounds.hold(span.sentence):
        fix = grounds.nearest(span.sentence)
        yield _found(FindingKind.UNSUPPORTED_SENTENCE, span.start, span.end, _NO_SUPPORT, fix=fix)


def _half_quoted(span: SentenceSpan, grounds: Grounds) -> Iterator[Finding]:
    """Word for word the knowledge's, and cut off before its condition."""
    if not grounds.hold(span.sentence):
        fix = grounds.nearest(span.sentence)
        yield _found(FindingKind.UNSUPPORTED_SENTENCE, span.start, span.end, _WITHOUT_ITS_CONDITION, fix=fix)


# --- personal data ------------------------------------------------------------------------------------------

_PERSONAL = {
    PersonalData.CARD: "This is a whole card number. Never send one; the last four digits are enough.",
    PersonalData.IBAN: "This is a bank account number (IBAN). Leave it out unless the customer needs it.",
    PersonalData.EMAIL: "This e-mail address is in no passage. Leave it out unless the customer needs it.",
    PersonalData.PHONE: "This phone number is in no passage. Leave it out unless the customer needs it.",
}


_ECHO = "The customer wrote this themselves. Leave it hidden, or say “{}”."
_ECHOES = {
    PersonalData.IBAN: _ECHO.format("your bank account"),
    PersonalData.EMAIL: _ECHO.format("your e-mail address"),
    PersonalData.PHONE: _ECHO.format("your phone number"),
}


def _personal(
    text: str, voice: Voice, known: str, written: Written, regions: Sequence[str]
) -> Iterator[Finding]:
    # https://shop.example@evil.com holds no address of a person; the link is judged as a link.
    bare = text
    for link in links(text):
        bare = bare[: link.start] + " " * (link.end - link.start) + bare[link.end :]
    for found in find_personal_data(bare, regions=regions):
        quoted = text[found.start : found.end]
        if found.kind is PersonalData.CARD or not _is_the_brands_own(found, quoted, voice, known):
            yield _personal_finding(found, echoed=written.holds(quoted))
    for start, end in find_addresses(text):
        if written.holds(text[start:end]) and text[start:end].casefold() not in known.casefold():
            message = _ECHO.format("your address")
            yield _found(FindingKind.CUSTOMER_DATA, start, end, message, fix=HIDDEN_ADDRESS)


def _personal_finding(found: Found, *, echoed: bool) -> Finding:
    start, end = found.start, found.end
    if found.kind is PersonalData.CARD:
        return _found(FindingKind.CARD_NUMBER, start, end, _PERSONAL[found.kind], fix=found.replacement)
    if echoed:
        return _found(FindingKind.CUSTOMER_DATA, start, end, _ECHOES[found.kind], fix=found.replacement)
    return _found(FindingKind.PERSONAL_DATA, start, end, _PERSONAL[found.kind])


def _is_the_brands_own(found: Found, quoted: str, voice: Voice, known: str) -> bool:
    """The help desk's own number and address are knowledge, not personal data."""
    if found.kind is PersonalData.EMAIL:
        return quoted.casefold() in known.casefold() or _has_brand_host(quoted, voice)
    return _dialled(quoted) in _dialled(known)


def _has_brand_host(address: str, voice: Voice) -> bool:
    return is_allowed_link(address.rpartition("@")[2], voice.allowed_link_domains)


def _dialled(text: str) -> str:
    return re.sub(r"[\s().\-/]", "", text).casefold()

"""Which sentences of a reply state something that a brand's knowledge must hold.

Every sentence does, but for these: a question; a line of fewer than four words; one that introduces what follows; the
voice's own beginning and end; and courtesy. Courtesy is a greeting, thanks, regret, empathy, an offer to help,
asking the customer for something, and telling what the writer does about the ticket ("I have looked into it"). What
comes after a courtesy's comma is judged by itself when it begins anew: "Sorry, we do not ship there." states something.
"""

import re

from guidance.sentences import FEWEST_WORDS
from guidance.voice import Voice

_STRAIGHT = str.maketrans({"’": "'", "‘": "'", "\u00a0": " "})
_SPACE = re.compile(r"\s+")
_LIST_MARK = re.compile(r"^(?:[-*•–]|[0-9]{1,2}[.)])\s+")
_I = (
    r"(?:i|we)(?:'m|'re|'ve|'ll|'d|\s+am|\s+are|\s+have|\s+will|\s+would|\s+can|\s+do)?"
    r"(?:\s+(?:just|also|really|fully|completely|truly|very|so))?"
)
_COURTESY = re.compile(
    r"(?:and\s+|but\s+|so\s+|also,?\s+|again,?\s+|once\s+again,?\s+)?(?:"
    r"hi|hello|hey|dear|good\s+(?:morning|day|afternoon|evening)|greetings|welcome"
    r"|(?:many\s+|kind\s+|a\s+big\s+)?thanks?\b|thank\s+you"
    r"|(?:my|our|please\s+accept\s+(?:my|our))\s+(?:\w+\s+)?apolog|apolog"
    r"|(?:so\s+|very\s+|truly\s+)?sorry"
    r"|(?:kind|best|warm|warmest|many)\s+(?:regards|wishes)|regards|sincerely|yours|cheers|take\s+care|all\s+the\s+best"
    rf"|{_I}\s+(?:sorry|apologi[sz]e|regret|understand|see|know|hear|imagine|appreciate|hope|value|happy|glad|delighted"
    r"|pleased|here|thank|love\s+to|look(?:ed|ing)?\s+(?:into|at|forward)|check(?:ed|ing)?|ask(?:ed|ing)?|read|noted?|received"
    r"|passed|pass|forward(?:ed)?|escalate[d]?|find\s+out|get\s+back|come\s+back|be\s+(?:in\s+touch|happy|glad))\b"
    r"|(?:please\s+)?(?:let\s+(?:me|us)\s+know|feel\s+free|(?:do\s+not|don't)\s+hesitate|reply\s+to\s+this|just\s+reply|write\s+(?:to\s+)?(?:me|us))"
    r"|(?:please\s+|could\s+you\s+|can\s+you\s+|would\s+you\s+)+(?:send|tell|share|give|provide|confirm|reply|attach|let|bear|excuse)\b"
    r"|(?:should\s+you|if\s+(?:you|there|anything))\s+(?:\w+\s+){0,2}(?:any|more|further|else|anything|questions?|help|is)\b"
    r"|(?:is\s+there\s+)?anything\s+else|(?:have|enjoy|wishing\s+you)\s+(?:a|the|your)\b|happy\s+to\s+help|glad\s+to\s+help|no\s+problem"
    r"|(?:that|this|it)\s+(?:must|sounds?)\s+(?:be\s+|have\s+been\s+)?(?:\w+\s+)?(?:frustrating|annoying|disappointing|upsetting)"
    r")",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(r"[,;:–—]\s+|\s-\s|\s+but\s+")
_BEGINS_ANEW = re.compile(
    r"(?:and\s+|but\s+|so\s+)?(?:we|you|your|our|the|this|these|it|its|they|there|all|a|an|no|any|every|orders?|returns?"
    r"|refunds?|unfortunately)\b",
    re.IGNORECASE,
)


def states_something(sentence: str, voice: Voice) -> bool:
    """Whether `sentence` states what the knowledge must hold, rather than being polite, asking or introducing."""
    plain = _SPACE.sub(" ", _LIST_MARK.sub("", sentence)).translate(_STRAIGHT).strip()
    if plain.endswith(("?", ":")) or _is_the_voices_own(plain, voice):
        return False
    return _states(plain)


def _states(clause: str) -> bool:
    if len(clause.split()) < FEWEST_WORDS:
        return False
    courtesy = _COURTESY.match(clause)
    if courtesy is None:
        return True
    end = _CLAUSE_END.search(clause, courtesy.end())
    rest = clause[end.end() :] if end else ""
    return bool(_BEGINS_ANEW.match(rest)) and _states(rest)


def _is_the_voices_own(sentence: str, voice: Voice) -> bool:
    frame = "\n".join((voice.greeting, voice.opening, voice.closing, voice.sign_off))
    own = _SPACE.sub(" ", frame).translate(_STRAIGHT).casefold()
    return sentence.casefold() in own

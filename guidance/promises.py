"""Which sentences of a reply promise something: money back, a replacement, a delivery, a deadline, a guarantee.

By a list of English phrases, read as general speech and not from any brand's tickets: who promises ("I", "we", "you
will", "your refund will"), and what is given or by when. A question promises nothing, nor does "we cannot promise".
"""

import re

_STRAIGHT = str.maketrans({"’": "'", "‘": "'", "\u00a0": " "})
_ADVERBS = (
    r"(?:\s+(?:also|then|now|just|happily|gladly|certainly|definitely|of\s+course|personally|immediately|promptly"
    r"|surely|always))?"
)
_WILL = r"(?:'ll|\s+will|\s+shall|'m going to|'re going to|\s+am going to|\s+are going to)"
_GIVEN = (
    r"(?:refund|reimburse|compensate|credit|replace|exchange|repair|fix|resend|re-send|reship|send|ship|deliver|dispatch"
    r"|mail|post|waive|cancel|pay|repay|give|return|cover|issue|upgrade|extend|restore|unlock|remove|offer|provide|arrange"
    r"|get you|bring)"
)
_DONE = (
    r"(?:refunded|reimbursed|compensated|credited|replaced|exchanged|resent|reshipped|shipped|dispatched|waived|cancelled"
    r"|canceled|issued|approved|extended|upgraded|restored|removed|arranged)"
)
_THINGS = (
    r"(?:refund|replacement|credit|voucher|compensation|reimbursement|payment|money|parcel|package|order|delivery|item"
    r"|shipment|discount|label|exchange|repair)"
)
_DAY = (
    r"(?:today|tonight|tomorrow|monday|tuesday|wednesday|thursday|friday|saturday|sunday|noon|midnight|next\s+\w+"
    r"|the\s+end\s+of|end\s+of|this\s+\w+|[0-9]{1,2}|january|february|march|april|may|june|july|august|september"
    r"|october|november|december)"
)
_PROMISE = re.compile(
    # "I promise", "we guarantee", "it is guaranteed", "you have my word"
    r"\b(?:i|we)(?:\s+(?:can|do|hereby|also))?\s+(?:promise|guarantee|assure|swear|vow)\b"
    r"|\b(?:is|are|be|it's)\s+guaranteed\b|\b(?:have|give you)\s+(?:my|our)\s+word\b"
    # "we will refund", "I'll send you a new one"
    rf"|\b(?:i|we){_WILL}{_ADVERBS}\s+{_GIVEN}\b"
    # "we have refunded", "I've just cancelled"
    rf"|\b(?:i|we)(?:'ve|\s+have)?(?:\s+(?:already|just|now))?\s+{_DONE}\b"
    # "you will receive", "you'll be refunded", "you are going to get"
    rf"|\byou{_WILL}{_ADVERBS}\s+(?:receive|get|have\s+(?:it|your|the)|be\s+(?:refunded|credited|reimbursed|compensated|paid))\b"
    # "your refund will arrive", "the parcel will be with you"
    rf"|\b(?:your|the|a|any)\s+(?:[\w-]+\s+){{0,3}}?{_THINGS}{_WILL}{_ADVERBS}\s+(?:be|arrive|reach|come|leave|ship)\b"
    # "you are entitled to", "free of charge" given away
    r"|\byou(?:'re|\s+are)\s+(?:entitled\s+to|eligible\s+for|guaranteed)\b"
    # "will be there by Friday", "it arrives by the end of the week"
    rf"|\b(?:will|shall|'ll|arrives?|reaches|ships?|comes?)\b[^.?!\n]{{0,80}}?\b(?:by|before|no\s+later\s+than)\s+{_DAY}\b",
    re.IGNORECASE,
)
_REFUSED = re.compile(
    r"\b(?:cannot|can't|can\s+not|could\s+not|couldn't|do\s+not|don't|does\s+not|doesn't|won't|will\s+not|unable\s+to"
    r"|not\s+able\s+to|never|no\s+longer)\b",
    re.IGNORECASE,
)


def is_promise(sentence: str) -> bool:
    """Whether `sentence` promises the customer something."""
    plain = sentence.translate(_STRAIGHT).strip()
    if plain.endswith("?"):
        return False
    # What is refused before the phrase is not promised: "We cannot say that it will arrive by Friday."
    return any(not _REFUSED.search(plain, 0, found.start()) for found in _PROMISE.finditer(plain))

"""Which entry of the ledger says what a part of Stripe's record says: pure, one to one, exact to the cent.

Every posting about an object of Stripe carries that object's id in its key. So an entry and a movement are
about the same thing when they share an id, and they agree when amount, side and currency are equal.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from billing.books_models import Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One movement at Stripe, signed; `open_parts` are those that nothing says yet."""

    id: str
    amount_minor: int
    fee_minor: int
    currency: str
    refs: frozenset[str]
    open_parts: frozenset[Part]

    def minor(self, part: Part) -> int:
        match part:
            case Part.AMOUNT:
                return self.amount_minor
            case Part.FEE:
                return -self.fee_minor
            case Part.NET:
                return self.amount_minor - self.fee_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry on an account that Stripe keeps: a debit is positive."""

    id: int
    minor: int
    currency: str
    refs: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    record: Record
    part: Part
    entry: Entry


@dataclass(slots=True, kw_only=True)
class Pairing:
    """What agrees, what is about the same thing and differs, and what stands alone on either side."""

    agreeing: list[Pair] = field(default_factory=list)
    differing: list[Pair] = field(default_factory=list)
    only_at_stripe: list[tuple[Record, Part]] = field(default_factory=list)
    only_in_ledger: list[Entry] = field(default_factory=list)


def pair(records: Sequence[Record], entries: Sequence[Entry]) -> Pairing:
    """Each part of each record with the entry that says the same; then leftovers that are about the same thing."""
    found, free = Pairing(), _Free(entries)
    lone = [one for record in records for one in _agree(record, free, found)]
    for record, part in lone:
        entry = next(free.about(record, like=record.minor(part)), None)
        if entry is None:
            found.only_at_stripe.append((record, part))
        else:
            found.differing.append(Pair(record=record, part=part, entry=free.take(entry)))
    found.only_in_ledger = free.left()
    return found


def _agree(record: Record, free: "_Free", found: Pairing) -> list[tuple[Record, Part]]:
    """Match what can be; the parts that nothing says. A movement with a fee may be said in one entry, or in two."""
    parts: list[Part] = [part for part in (Part.AMOUNT, Part.FEE) if part in record.open_parts]
    if len(parts) == 2 and free.saying(record, Part.AMOUNT) is None and free.saying(record, Part.NET):
        parts = [Part.NET]
    lone: list[tuple[Record, Part]] = []
    for part in parts:
        entry = free.saying(record, part)
        if entry is None:
            lone.append((record, part))
        else:
            found.agreeing.append(Pair(record=record, part=part, entry=free.take(entry)))
    return lone


class _Free:
    """The entries that no record has yet, by what they are about."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries = {entry.id: entry for entry in entries}
        self._by_ref: dict[str, list[int]] = defaultdict(list)
        for entry in self._entries.values():
            for ref in entry.refs:
                self._by_ref[ref].append(entry.id)

    def saying(self, record: Record, part: Part) -> Entry | None:
        minor = record.minor(part)
        same = (
            one
            for one in self.about(record, like=minor)
            if (one.minor, one.currency) == (minor, record.currency)
        )
        return next(same, None)

    def about(self, record: Record, *, like: int) -> Iterator[Entry]:
        """Those that share an id with the record, on the side of `like`; in the order in which they were posted."""
        ids = sorted({entry for ref in record.refs for entry in self._by_ref.get(ref, ())})
        free = (self._entries[one] for one in ids if one in self._entries)
        return (entry for entry in free if (entry.minor > 0) == (like > 0))

    def take(self, entry: Entry) -> Entry:
        return self._entries.pop(entry.id)

    def left(self) -> list[Entry]:
        return sorted(self._entries.values(), key=lambda entry: entry.id)

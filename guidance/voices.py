"""A brand's voice as stored: immutable versions, the newest holds."""

from dataclasses import asdict
from datetime import datetime
from typing import NamedTuple

from guidance.models import VoiceVersion
from guidance.versions import add_version, newest_version, versions
from guidance.voice import Emoji, Formality, Spelling, Voice, validate
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid, NotFound
from marketplace.kernel.ids import BrandId, PersonId

PLAIN = Voice(greeting="Hello {customer_name},", sign_off="Kind regards")
"""How a brand speaks until it has said how."""


VERSIONS_LISTED = 50


class UnfitVoice(Invalid):
    """This voice cannot be used as it is."""


class VoiceChanged(Conflict):
    """Somebody else changed the voice meanwhile. Look at what holds now, then save yours again."""


class NoSuchVoice(NotFound):
    """The voice has no such version."""


class NumberedVoice(NamedTuple):
    version: int
    voice: Voice


def set_voice(
    tx: Tx,
    *,
    brand: BrandId,
    voice: Voice,
    author: PersonId | None,
    now: datetime,
    based_on: int | None = None,
) -> NumberedVoice:
    """Make `voice` the brand's, as a new version; the same rules again change nothing.

    `based_on` is the version that was edited; None replaces whatever holds. Raises UnfitVoice, VoiceChanged.
    """
    if problems := validate(voice):
        raise UnfitVoice(" ".join(problems))
    current = voice_of(tx, brand=brand)
    if based_on is not None and based_on != current.version:
        raise VoiceChanged
    if current.voice == voice and current.version:
        return current
    added = add_version(
        tx,
        VoiceVersion,
        brand=brand,
        version=current.version + 1,
        rules=asdict(voice),
        author_id=author,
        written_at=now,
    )
    if added is None:
        raise VoiceChanged
    return NumberedVoice(added.version, voice)


def restore_voice(
    tx: Tx, *, brand: BrandId, version: int, author: PersonId | None, now: datetime
) -> NumberedVoice:
    """Make an earlier version the newest. Raises NoSuchVoice, VoiceChanged."""
    row = tx.get(VoiceVersion, (brand, version))
    if row is None:
        raise NoSuchVoice
    return set_voice(tx, brand=brand, voice=voice_from(row.rules), author=author, now=now)


def voice_versions(tx: Tx, *, brand: BrandId) -> list[VoiceVersion]:
    """The newest first."""
    return versions(tx, VoiceVersion, brand=brand, limit=VERSIONS_LISTED)


def voice_of(tx: Tx, *, brand: BrandId) -> NumberedVoice:
    """The brand's voice and its version; version 0 is the plain one of a brand that has set none."""
    row = newest_version(tx, VoiceVersion, brand=brand)
    return NumberedVoice(0, PLAIN) if row is None else NumberedVoice(row.version, voice_from(row.rules))


def voice_from(rules: dict[str, object]) -> Voice:
    """A Voice from its JSON; unknown fields are refused by its constructor."""
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in rules.items()}
    for name, kind in (("formality", Formality), ("emoji", Emoji), ("spelling", Spelling)):
        if name in values:
            values[name] = kind(str(values[name]))
    return Voice(**values)  # type: ignore[arg-type]  # validated by `validate` on the way in

"""A brand's voice as stored: immutable versions, the newest holds."""

from dataclasses import asdict
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select

from guidance.models import VoiceVersion
from guidance.voice import Emoji, Formality, Spelling, Voice, validate
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Invalid
from marketplace.kernel.ids import BrandId, PersonId

PLAIN = Voice(greeting="Hello {customer_name},", sign_off="Kind regards")
"""How a brand speaks until it has said how."""


class UnfitVoice(Invalid):
    """This voice cannot be used as it is."""


class NumberedVoice(NamedTuple):
    version: int
    voice: Voice


def set_voice(
    tx: Tx, *, brand: BrandId, voice: Voice, author: PersonId | None, now: datetime
) -> NumberedVoice:
    """Make `voice` the brand's, as a new version; the same rules again change nothing. Raises UnfitVoice."""
    if problems := validate(voice):
        raise UnfitVoice(" ".join(problems))
    current = voice_of(tx, brand=brand)
    if current.voice == voice and current.version:
        return current
    version = current.version + 1
    tx.add(
        VoiceVersion(brand_id=brand, version=version, rules=asdict(voice), author_id=author, written_at=now)
    )
    tx.flush()
    return NumberedVoice(version, voice)


def voice_of(tx: Tx, *, brand: BrandId) -> NumberedVoice:
    """The brand's voice and its version; version 0 is the plain one of a brand that has set none."""
    newest = (
        select(VoiceVersion)
        .where(VoiceVersion.brand_id == brand)
        .order_by(VoiceVersion.version.desc())
        .limit(1)
    )
    row = tx.scalars(newest).one_or_none()
    return NumberedVoice(0, PLAIN) if row is None else NumberedVoice(row.version, voice_from(row.rules))


def voice_from(rules: dict[str, object]) -> Voice:
    """A Voice from its JSON; unknown fields are refused by its constructor."""
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in rules.items()}
    for name, kind in (("formality", Formality), ("emoji", Emoji), ("spelling", Spelling)):
        if name in values:
            values[name] = kind(str(values[name]))
    return Voice(**values)  # type: ignore[arg-type]  # validated by `validate` on the way in

"""A brand's voice: how its replies sound, in immutable versions."""

from dataclasses import asdict, fields
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from guidance.voice import (
    MAX_DESCRIPTION_CHARS,
    MAX_DOMAINS,
    MAX_GREETING_CHARS,
    MAX_SAMPLE_REPLIES,
    MAX_SAMPLE_REPLY_CHARS,
    MAX_SIGN_OFF_CHARS,
    MAX_WARMTH_CHARS,
    MAX_WORDS,
    Emoji,
    Formality,
    Spelling,
    Voice,
)
from guidance.voices import NumberedVoice, set_voice, voice_from, voice_of, voice_versions
from marketplace.accounts.api_keys import ApiScope
from marketplace.kernel.clock import app_now
from marketplace.kernel.ids import BrandId
from workers_ui.api.schemas import In
from workers_ui.deps import HasTx, by_key

router = APIRouter(tags=["replies"])

Reads = Annotated[BrandId, Depends(by_key(ApiScope.KNOWLEDGE_READ))]
Writes = Annotated[BrandId, Depends(by_key(ApiScope.KNOWLEDGE_WRITE))]
Word = Annotated[str, Field(max_length=260)]
Words = Annotated[tuple[Word, ...], Field(max_length=MAX_WORDS)]


class VoiceRules(In):
    """`most_sentences` and `reading_grade` (years of school, English): 0 sets no limit."""

    greeting: Annotated[str, Field(max_length=MAX_GREETING_CHARS)]
    sign_off: Annotated[str, Field(max_length=MAX_SIGN_OFF_CHARS)]
    opening: Annotated[str, Field(max_length=MAX_WARMTH_CHARS)] = ""
    closing: Annotated[str, Field(max_length=MAX_WARMTH_CHARS)] = ""
    description: Annotated[str, Field(max_length=MAX_DESCRIPTION_CHARS)] = ""
    formality: Formality = Formality.FRIENDLY
    emoji: Emoji = Emoji.FREE
    spelling: Spelling = Spelling.ANY
    most_sentences: Annotated[int, Field(ge=0, le=1_000)] = 0
    reading_grade: Annotated[int, Field(ge=0, le=1_000)] = 0
    words_to_use: Words = ()
    words_to_avoid: Words = ()
    allowed_link_domains: Annotated[tuple[Word, ...], Field(max_length=MAX_DOMAINS)] = ()
    sample_replies: Annotated[
        tuple[Annotated[str, Field(max_length=MAX_SAMPLE_REPLY_CHARS)], ...],
        Field(max_length=MAX_SAMPLE_REPLIES),
    ] = ()


class VoiceIn(In):
    """The whole voice anew. `based_on`: the version that was edited; without it, whatever holds is replaced."""

    voice: VoiceRules
    based_on: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None


class VoiceOut(BaseModel):
    """Version 0 is the plain voice of a brand that has set none."""

    version: int
    voice: VoiceRules


class VoiceVersionOut(VoiceOut):
    written_at: datetime


@router.get("/voice", response_model=VoiceOut)
def read_voice(tx: HasTx, brand: Reads) -> object:
    """What holds."""
    return _out(voice_of(tx, brand=brand))


@router.get("/voice/versions", response_model=list[VoiceVersionOut])
def list_versions(tx: HasTx, brand: Reads) -> object:
    """The newest 50 versions, the newest first."""
    return [
        {**_out(NumberedVoice(one.version, voice_from(one.rules))), "written_at": one.written_at}
        for one in voice_versions(tx, brand=brand)
    ]


@router.put("/voice", response_model=VoiceOut)
def put_voice(body: VoiceIn, tx: HasTx, brand: Writes) -> object:
    """The next version; the next suggestion and check follow it. 409: another was saved since `based_on`."""
    given = body.voice.model_dump()
    rules = {field.name: given[field.name] for field in fields(Voice)}
    return _out(
        set_voice(
            tx,
            brand=brand,
            voice=voice_from(rules),
            author=None,
            now=app_now(tx),
            based_on=body.based_on,
        )
    )


def _out(held: NumberedVoice) -> dict[str, object]:
    return {"version": held.version, "voice": asdict(held.voice)}

"""The control area's Voice tab: how replies sound, tried on real questions before it is saved; versions come back."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response

from guidance.findings import Finding, FindingKind
from guidance.lint import lint
from guidance.models import VoiceVersion
from guidance.voice import Emoji, Formality, Spelling, Voice, validate
from guidance.voice_trial import MAX_QUESTION_CHARS, question_of, recent_tickets, try_voice
from guidance.voices import (
    NumberedVoice,
    UnfitVoice,
    VoiceChanged,
    restore_voice,
    set_voice,
    voice_from,
    voice_of,
    voice_versions,
)
from knowledge_base.index.retrieval import IndexUnavailable
from marketplace.accounts.people_queries import names_of
from marketplace.accounts.permissions import Permission
from marketplace.accounts.sessions import Membership
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import TicketId
from workers_ui.deps import CheckedForm, HasServices, HasTx, IsSignedIn, at_brand
from workers_ui.errors import status_of
from workers_ui.frames import page as answer
from workers_ui.pages.answers import see
from workers_ui.pages.brand_scope import area_path, frame_for
from workers_ui.pages.typed_text import typed_lines
from workers_ui.presenters.control import control_sections
from workers_ui.presenters.values import Choice, FormState
from workers_ui.presenters.versions import VersionRow
from workers_ui.presenters.voice import VoicePage, VoiceTrial

router = APIRouter()

Manages = Annotated[Membership, Depends(at_brand(Permission.MANAGE_VOICE))]
Version = Annotated[int, Form(ge=0, le=2**31 - 1)]

SECTION = "voice"
DASHES = "---"
LINES = ("words_to_use", "words_to_avoid", "allowed_link_domains")
TEXTS = ("greeting", "opening", "closing", "sign_off", "description")
NUMBERS = ("most_sentences", "reading_grade")
FIELDS = (*TEXTS, *LINES, *NUMBERS, "formality", "emoji", "spelling", "sample_replies")
TRIED = ("ticket", "question", "reply")
FORMALITIES = tuple(Choice(value=one, label=one.value.capitalize()) for one in Formality)
EMOJI = (Choice(value=Emoji.FREE, label="Allowed"), Choice(value=Emoji.NEVER, label="Never"))
SPELLINGS = (
    Choice(value=Spelling.ANY, label="Either"),
    Choice(value=Spelling.BRITISH, label="British: colour, travelled"),
    Choice(value=Spelling.AMERICAN, label="American: color, traveled"),
)
Kind = TypeVar("Kind", Formality, Emoji, Spelling)
OF_THE_VOICE = frozenset({FindingKind.VOICE, FindingKind.AVOIDED_WORD, FindingKind.LINK})


async def _typed_fields(request: Request) -> dict[str, str]:
    """Read on the loop, so that the handler need not be."""
    typed = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    return {name: typed_lines(typed[name]) for name in (*FIELDS, *TRIED, "based_on") if name in typed}


TypedFields = Annotated[dict[str, str], Depends(_typed_fields)]


@router.get("/b/{slug}/control/voice")
def show(request: Request, tx: HasTx, membership: Manages) -> HTMLResponse:
    held = voice_of(tx, brand=membership.brand)
    return answer(request, _page(request, tx, membership, held, written(held.voice)))


@router.post("/b/{slug}/control/voice", dependencies=[CheckedForm])
def save(
    request: Request, tx: HasTx, membership: Manages, principal: IsSignedIn, typed: TypedFields
) -> Response:
    try:
        saved = set_voice(
            tx,
            brand=membership.brand,
            voice=_read(typed),
            author=principal.person,
            now=app_now(tx),
            based_on=int(based)
            if (based := typed.get("based_on", "")).isdigit() and len(based) < 10
            else None,
        )
    except (UnfitVoice, VoiceChanged) as refusal:
        held = voice_of(tx, brand=membership.brand)
        view = _page(request, tx, membership, held, typed, problem=refusal.detail)
        return answer(request, view, status=status_of(refusal))
    return see(_path(membership), said=f"Saved as version {saved.version}. The next suggestion follows it.")


@router.post("/b/{slug}/control/voice/trial", dependencies=[CheckedForm])
def try_out(
    request: Request, tx: HasTx, membership: Manages, having: HasServices, typed: TypedFields
) -> Response:
    """The drafts and the findings beside the form as it was typed; nothing is kept."""
    held = voice_of(tx, brand=membership.brand)
    try:
        voice = _read(typed)
        if problems := validate(voice):
            raise UnfitVoice(" ".join(problems))
    except UnfitVoice as refusal:
        view = _page(request, tx, membership, held, typed, problem=refusal.detail)
        return answer(request, view, status=status_of(refusal))
    trial = _tried(tx, membership, having, voice, typed)
    return answer(request, _page(request, tx, membership, held, typed, trial=trial))


@router.post("/b/{slug}/control/voice/restoration", dependencies=[CheckedForm])
def restore(tx: HasTx, membership: Manages, principal: IsSignedIn, version: Version = 0) -> Response:
    restored = restore_voice(
        tx, brand=membership.brand, version=version, author=principal.person, now=app_now(tx)
    )
    return see(_path(membership), said=f"It holds again, as version {restored.version}.")


def _tried(
    tx: Tx, membership: Membership, having: HasServices, voice: Voice, typed: Mapping[str, str]
) -> VoiceTrial:
    reply = typed.get("reply", "")
    findings = lint(reply, voice, []) if reply.strip() else ()
    told = tuple(_finding(reply, one) for one in findings if one.kind in OF_THE_VOICE)
    question, checked = _question(tx, membership, typed), bool(reply.strip())
    if not question:
        problem = "" if checked else "Choose a ticket, write a question, or paste a reply."
        return VoiceTrial(checked=checked, findings=told, problem=problem)
    try:
        found = try_voice(
            tx,
            having.retriever,
            brand=membership.brand,
            voice=voice,
            question=question,
            weight=having.settings.hybrid_weight,
        )
    except IndexUnavailable as refusal:
        return VoiceTrial(checked=checked, findings=told, problem=refusal.detail)
    return VoiceTrial(
        question=found.question, before=found.before, after=found.after, checked=checked, findings=told
    )


def _question(tx: Tx, membership: Membership, typed: Mapping[str, str]) -> str:
    """Of the ticket that was chosen among those offered, else what was written."""
    offered = {str(ticket.id) for ticket in recent_tickets(tx, brand=membership.brand)}
    if (chosen := typed.get("ticket", "")) in offered:
        return question_of(tx, brand=membership.brand, ticket=TicketId(UUID(chosen)))
    return typed.get("question", "").strip()[:MAX_QUESTION_CHARS]


def _finding(reply: str, one: Finding) -> tuple[str, str, str | None]:
    return reply[one.start : one.end], one.message, one.fix


def _read(typed: Mapping[str, str]) -> Voice:
    """Raises UnfitVoice for what no voice can hold; `validate` says the rest."""
    return Voice(
        greeting=typed.get("greeting", "").strip(),
        opening=typed.get("opening", "").strip(),
        closing=typed.get("closing", "").strip(),
        sign_off=typed.get("sign_off", "").strip(),
        description=typed.get("description", "").strip(),
        formality=_choice(typed, "formality", Formality),
        emoji=_choice(typed, "emoji", Emoji),
        spelling=_choice(typed, "spelling", Spelling),
        most_sentences=_number(typed, "most_sentences", "The most sentences"),
        reading_grade=_number(typed, "reading_grade", "The reading grade"),
        words_to_use=_lines(typed, "words_to_use"),
        words_to_avoid=_lines(typed, "words_to_avoid"),
        allowed_link_domains=_lines(typed, "allowed_link_domains"),
        sample_replies=_samples(typed.get("sample_replies", "")),
    )


def _choice(typed: Mapping[str, str], name: str, kind: type[Kind]) -> Kind:
    try:
        return kind(typed.get(name, ""))
    except ValueError as error:
        raise UnfitVoice(f"Choose one of {', '.join(kind)} for {name}.") from error


def _number(typed: Mapping[str, str], name: str, label: str) -> int:
    text = typed.get(name, "").strip() or "0"
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise UnfitVoice(f"{label}: write a whole number, or 0 for no limit.")
    return int(text)


def _lines(typed: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in typed.get(name, "").split("\n") if line.strip())


def _samples(text: str) -> tuple[str, ...]:
    parts: list[list[str]] = [[]]
    for line in text.split("\n"):
        if line.strip() == DASHES:
            parts.append([])
        else:
            parts[-1].append(line)
    return tuple(sample for part in parts if (sample := "\n".join(part).strip()))


def written(voice: Voice) -> dict[str, str]:
    """As it stands in the form."""
    return {
        **{name: getattr(voice, name) for name in TEXTS},
        **{name: "\n".join(getattr(voice, name)) for name in LINES},
        **{name: str(getattr(voice, name)) for name in NUMBERS},
        "formality": voice.formality.value,
        "emoji": voice.emoji.value,
        "spelling": voice.spelling.value,
        "sample_replies": f"\n{DASHES}\n".join(voice.sample_replies),
    }


def _page(
    request: Request,
    tx: Tx,
    membership: Membership,
    held: NumberedVoice,
    typed: Mapping[str, str],
    *,
    problem: str = "",
    trial: VoiceTrial | None = None,
) -> VoicePage:
    return VoicePage(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        brand=membership.name,
        sections=control_sections(membership.slug, SECTION),
        form=FormState(values={name: typed.get(name, "") for name in FIELDS}, problem=problem),
        tried=FormState(values={name: typed.get(name, "") for name in TRIED}),
        # What was typed stays based on what it was based on, so that a second save is refused too.
        based_on=held.version if not typed.get("based_on", "").isdigit() else int(typed["based_on"][:9]),
        formalities=FORMALITIES,
        emoji=EMOJI,
        spellings=SPELLINGS,
        tickets=tuple(
            Choice(value=str(ticket.id), label=f"#{ticket.number} {ticket.subject}"[:80])
            for ticket in recent_tickets(tx, brand=membership.brand)
        ),
        trial=trial,
        versions=_versions(tx, voice_versions(tx, brand=membership.brand)),
    )


def _versions(tx: Tx, found: Sequence[VoiceVersion]) -> tuple[VersionRow, ...]:
    names = names_of(tx, [one.author_id for one in found if one.author_id])
    return tuple(
        VersionRow(
            version=one.version,
            summary=_changed(one, found[place + 1] if place + 1 < len(found) else None),
            written_at=one.written_at,
            by=names.get(one.author_id, "") if one.author_id else "",
        )
        for place, one in enumerate(found)
    )


def _changed(one: VoiceVersion, before: VoiceVersion | None) -> str:
    """What it changed, by name."""
    if before is None:
        return "First of these"
    new, old = asdict(voice_from(one.rules)), asdict(voice_from(before.rules))
    changed = [name.replace("_", " ") for name in new if new[name] != old[name]]
    return f"Changed {', '.join(changed)}" if changed else "The same again"


def _path(membership: Membership) -> str:
    return area_path(membership, f"control/{SECTION}")

"""Sample views of a brand's voice: as it holds, tried, and refused."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from guidance.voice import Emoji, Formality, Spelling, Voice
from workers_ui.gallery_samples import BRAND, SLUG, MakeFrame, ago, brand_frame
from workers_ui.pages.brand_voice import EMOJI, FORMALITIES, SECTION, SPELLINGS, written
from workers_ui.presenters.control import control_sections
from workers_ui.presenters.values import Choice, FormState
from workers_ui.presenters.versions import VersionRow
from workers_ui.presenters.voice import VoicePage, VoiceTrial
from workers_ui.templating import PageView

VOICE = Voice(
    greeting="Hello {customer_name},",
    opening="Thank you for writing to us.",
    closing="Enjoy your coffee!",
    sign_off="Warm regards,\nThe Northwind team",
    words_to_avoid=("guarantee*", "unfortunately"),
    words_to_use=("happy to help",),
    allowed_link_domains=("northwind.example",),
    formality=Formality.FORMAL,
    emoji=Emoji.NEVER,
    spelling=Spelling.BRITISH,
    most_sentences=4,
    reading_grade=8,
    description="Calm, exact, never joking about money.",
    sample_replies=("Hello Ana,\n\nThe grinder is on its way.",),
)
BODY = "Press the hopper down until it clicks. Turn it to the right."
TRIAL = VoiceTrial(
    question="My grinder makes a noise and stops.",
    before=f"Hello Sam,\n\n{BODY}\n\nKind regards",
    after=(
        f"Hello Sam,\n\nThank you for writing to us.\n\n{BODY}\n\nEnjoy your coffee!\n\n"
        "Warm regards,\nThe Northwind team"
    ),
    checked=True,
    findings=(
        ("can't", "This brand writes formally: “can't” in full.", "cannot"),
        ("color", "This brand spells it “colour”, the British way.", "colour"),
    ),
)
VERSIONS = (
    VersionRow(version=2, summary="Changed emoji, spelling", written_at=ago(days=1), by="Mira Holt"),
    VersionRow(version=1, summary="First of these", written_at=ago(days=30), by=""),
)


def voice(frame: MakeFrame) -> VoicePage:
    return VoicePage(
        frame=brand_frame(frame, f"/b/{SLUG}/control/{SECTION}"),
        slug=SLUG,
        brand=BRAND,
        sections=control_sections(SLUG, SECTION),
        form=FormState(values=written(VOICE)),
        based_on=2,
        formalities=FORMALITIES,
        emoji=EMOJI,
        spellings=SPELLINGS,
        tickets=(Choice(value="t1", label="#1042 Grinder stops"),),
        versions=VERSIONS,
    )


def tried(frame: MakeFrame) -> PageView:
    return replace(voice(frame), trial=TRIAL, tried=FormState(values={"reply": "We can't change the color."}))


def refused(frame: MakeFrame) -> PageView:
    problem = "The most sentences are 0 for no limit, or 2 to 30."
    return replace(
        voice(frame), form=FormState(values={**written(VOICE), "most_sentences": "1"}, problem=problem)
    )


BUILDERS: Mapping[str, Callable[[MakeFrame], PageView]] = {
    "voice": voice,
    "voice-tried": tried,
    "voice-refused": refused,
}

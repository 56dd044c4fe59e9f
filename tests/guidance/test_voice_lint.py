"""What is not in the brand's voice, and how it would be: in the worker's words alone, never in the knowledge's."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guidance.draft import compose
from guidance.findings import Finding, FindingKind
from guidance.lint import lint
from guidance.reply_bodies import body_of
from guidance.voice import Emoji, Formality, Spelling, Voice, validate
from guidance.voice_lint import reading_grade, voice_findings
from guidance.voices import voice_from
from tests.guidance.builders_text import a_passage, a_voice

FORMAL = replace(a_voice(), formality=Formality.FORMAL)
STRICT = replace(FORMAL, emoji=Emoji.NEVER, spelling=Spelling.BRITISH, most_sentences=2, reading_grade=8)
LEVEL = "Send it back within thirty days. We pay the parcel. It goes to your nearest shop."


def mended(text: str, voice: Voice) -> str:
    """The text with every fix in its place, from the end."""
    for finding in sorted(voice_findings(text, voice), key=lambda one: -one.start):
        if finding.fix is not None:
            text = text[: finding.start] + finding.fix + text[finding.end :]
    return text


def told(text: str, voice: Voice) -> list[str]:
    return [text[one.start : one.end] for one in voice_findings(text, voice)]


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("We can't do that.", "We cannot do that."),
        ("I’m sorry, it won’t fit.", "I am sorry, it will not fit."),
        ("You'll see; they've gone, we're here.", "You will see; they have gone, we are here."),
        ("Don't worry, let's look.", "Do not worry, let us look."),
    ],
)
def test_a_formal_brand_writes_in_full(written: str, wanted: str) -> None:
    assert mended(written, FORMAL) == wanted
    assert told(written, a_voice()) == []


def test_what_may_stand_for_two_things_is_told_and_not_mended() -> None:
    text = "It's been sent. We'd like to help."
    assert told(text, FORMAL) == ["It's", "We'd"]
    assert mended(text, FORMAL) == text


def test_what_belongs_to_somebody_is_no_contraction() -> None:
    assert told("The customer's parcel and the kettles' lids, on Anna's desk.", FORMAL) == []


def test_emoji_are_taken_out_whole() -> None:
    quiet = replace(a_voice(), emoji=Emoji.NEVER)
    assert mended("Thank you 👍🏽 and bye ❤️👩‍👧!", quiet) == "Thank you and bye!"
    assert told("Fits 20 × 30 cm, 5 °C, ©2026, ½ cup.", quiet) == []
    assert told("Thank you 👍", a_voice()) == []


@pytest.mark.parametrize(
    ("spelling", "written", "wanted"),
    [
        (Spelling.BRITISH, "Your favorite color was canceled.", "Your favourite colour was cancelled."),
        (Spelling.BRITISH, "GRAY, Gray and gray.", "GREY, Grey and grey."),
        (
            Spelling.AMERICAN,
            "We apologise: the parcel is organised.",
            "We apologize: the parcel is organized.",
        ),
        (Spelling.AMERICAN, "Travelling to the centre.", "Traveling to the center."),
    ],
)
def test_the_other_spelling_is_told_and_mended(spelling: Spelling, written: str, wanted: str) -> None:
    voice = replace(a_voice(), spelling=spelling)
    assert mended(written, voice) == wanted
    assert told(wanted, voice) == []
    assert told(written, a_voice()) == []


def test_british_writers_may_write_ize_and_alike_words_are_left() -> None:
    british, american = (replace(a_voice(), spelling=one) for one in (Spelling.BRITISH, Spelling.AMERICAN))
    assert told("We organize and apologize. A total, a travel plan, Colorado.", british) == []
    assert told("Your cancellation, two analyses, an honorary member, a travel label.", american) == []


def test_a_long_answer_is_told_once_and_greeting_and_sign_off_do_not_count() -> None:
    voice = replace(a_voice(), most_sentences=3)
    framed = f"Hi Sam,\n\n{LEVEL}\n\nWarm regards,\nThe Fernway team"
    assert told(framed, voice) == []
    (finding,) = voice_findings(framed.replace(LEVEL, LEVEL + " Thank you for it."), voice)
    assert "3 sentences at most; these are 4" in finding.message


def test_hard_reading_is_told_in_years_of_school() -> None:
    hard = (
        "Notwithstanding the aforementioned considerations, reimbursement necessitates unambiguous documentation of "
        "the acquisition, accompanied by identification documentation, prior to administrative authorisation, "
        "irrespective of circumstances surrounding the unsatisfactory merchandise in question, without exceptions."
    )
    easy = " ".join([LEVEL] * 3)
    voice = replace(a_voice(), reading_grade=8)
    (finding,) = voice_findings(hard, voice)
    assert "this brand writes for year 8" in finding.message
    assert told(easy, voice) == []
    assert reading_grade(["Short."]) is None
    german = "Bitte schicken Sie die Ware mit dem Beleg an uns und wir werden die Rückerstattung für Sie veranlassen. "
    assert reading_grade([german] * 3) is None


def test_the_knowledges_own_words_are_the_brands_own() -> None:
    passage = a_passage("You can't return an opened colour sample. Ask us first.")
    voice = replace(STRICT, spelling=Spelling.AMERICAN)
    quoted = lint("You can't return an opened colour sample.", voice, [passage])
    own = lint("You can't return it, whatever the colour.", voice, [passage])
    assert [one.kind for one in quoted] == []
    assert [one.kind for one in own].count(FindingKind.VOICE) == 2


def test_a_draft_begins_and_ends_warmly_and_keeps_to_its_length() -> None:
    voice = replace(
        a_voice(), opening="Thank you for writing.", closing="Enjoy your plants.", most_sentences=2
    )
    text = "Return a plant within thirty days. Pack the plant well. Send the plant to the shop. Keep the plant wet."
    draft = compose(question="How do I return a plant?", passages=[a_passage(text)], voice=voice)

    assert draft is not None
    assert draft.text.startswith("Hello,\n\nThank you for writing.\n\n") or draft.text.startswith(
        "Hi,\n\nThank you for writing.\n\n"
    )
    assert draft.text.endswith("Enjoy your plants.\n\nWarm regards,\nThe Fernway team")
    body = [one for one in draft.sentences if one.passage_rank is not None]
    assert 1 <= len(body) <= 2
    assert body_of(draft.text, voices=[voice], label="") == " ".join(one.text for one in body)


def test_a_drafts_own_frame_needs_no_source() -> None:
    voice = replace(
        a_voice(),
        opening="Your plants are in good hands here.",
        closing="Our gardeners water every plant daily.",
    )
    passage = a_passage("Return a plant within thirty days.")
    draft = compose(question="How do I return a plant?", passages=[passage], voice=voice)

    assert draft is not None
    assert lint(draft.text, voice, [passage]) == ()
    told = [one.kind for one in lint(draft.text, a_voice(), [passage])]
    assert told == [FindingKind.UNSUPPORTED_SENTENCE] * 2


def test_a_voice_kept_before_these_rules_reads_as_one_without_them() -> None:
    kept: dict[str, object] = {"greeting": "Hi", "sign_off": "Bye", "formality": "formal"}
    voice = voice_from(kept)
    assert (voice.opening, voice.most_sentences, voice.emoji, voice.spelling) == ("", 0, "free", "any")
    assert voice_from({**kept, "emoji": "never", "spelling": "british"}).spelling is Spelling.BRITISH


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"opening": "x" * 201}, "The opening is longer"),
        ({"closing": "Bye {name}"}, "The closing may have no slots"),
        ({"opening": "No problem!"}, "a word to avoid"),
        ({"most_sentences": 1}, "0 for no limit, or 2 to 30"),
        ({"most_sentences": -2}, "0 for no limit, or 2 to 30"),
        ({"reading_grade": 40}, "0 for no limit, or 3 to 18"),
    ],
)
def test_rules_that_cannot_be_are_refused_in_words(change: dict[str, object], words: str) -> None:
    assert words in " ".join(validate(replace(a_voice(), **change)))  # type: ignore[arg-type]  # one table for all


@given(st.text(max_size=300))
def test_every_finding_lies_in_the_text(text: str) -> None:
    findings: list[Finding] = list(voice_findings(text, STRICT))
    assert all(0 <= one.start < one.end <= len(text) for one in findings)
    assert all(one.kind is FindingKind.VOICE and one.message for one in findings)

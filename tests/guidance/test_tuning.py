"""What resolved tickets teach, judged by tickets that taught nothing: better ships, worse never does."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from guidance.answer_vote import USUAL, Examples, Setting
from guidance.confidence import Calibration
from guidance.tuning import (
    FEWEST_TICKETS,
    Looked,
    Tuning,
    figures,
    is_held_out,
    learned,
    tuning_from,
    with_order,
)
from knowledge_base.index.evidence import Near, Ranking
from marketplace.kernel.ids import ArticleId, PassageId, new_id
from tests.fakes import WordHashEmbedder

EMBEDDER = WordHashEmbedder()
SUBJECTS = ("refund money card", "parcel late courier", "password login phone", "invoice tax number")
ARTICLES = [ArticleId(new_id()) for _ in SUBJECTS]
PASSAGES = [PassageId(new_id()) for _ in SUBJECTS]
FILLERS = ("please", "today", "again", "still", "why", "soon", "maybe", "really", "anyone", "thanks")
GOOD = 0.8
"""The dense weight at which this knowledge is searched well."""


def examples(rows: Sequence[tuple[str, str]]) -> Examples:
    texts = [text for text, _ in rows]
    return Examples(texts=texts, vectors=EMBEDDER.encode(texts), articles=[article for _, article in rows])


def tickets(each: int) -> Examples:
    rows = []
    for article, subject in zip(ARTICLES, SUBJECTS, strict=True):
        words = subject.split()
        for number in range(each):
            filler = FILLERS[number % len(FILLERS)]
            rows.append((f"{words[number % 3]} {words[(number + 1) % 3]} {filler} {number}", str(article)))
    return examples(rows)


TITLES = examples([(f"Title {number}", str(article)) for number, article in enumerate(ARTICLES)])


def look(text: str, weight: float) -> Looked:
    """At GOOD the subject's article is first; elsewhere it is second to a neighbour."""
    own = next(at for at, subject in enumerate(SUBJECTS) if set(subject.split()) & set(text.split()))
    order = [own, *(at for at in range(len(ARTICLES)) if at != own)]
    if weight != GOOD:
        order[0], order[1] = order[1], order[0]
    near = [Near(PASSAGES[at], ARTICLES[at], 0.7 - 0.1 * place) for place, at in enumerate(order)]
    return Looked(
        articles=[str(ARTICLES[at]) for at in order], ranking=Ranking(dense=near, lexical=near), words=5
    )


def test_the_dense_share_that_finds_more_is_taken_and_its_gain_shown() -> None:
    told = learned(tickets(30), TITLES, look, current=Tuning(dense_weight=0.6))

    assert told is not None
    assert told.tuning.dense_weight == GOOD
    assert told.after.reciprocal_rank > told.before.reciprocal_rank
    assert told.after.hit_new == 1
    assert told.after.off < told.before.off


def test_what_is_worse_on_held_out_tickets_never_ships() -> None:
    """The search that held-out tickets meet is the opposite of the one that taught."""

    def turned(text: str, weight: float) -> Looked:
        return look(text, GOOD if (weight == GOOD) != is_held_out(text) else 0.6)

    told = learned(tickets(30), TITLES, turned, current=Tuning(dense_weight=0.6))

    assert with_order(Tuning(dense_weight=0.6), tickets(30), TITLES, look).dense_weight == GOOD
    assert told is not None
    assert told.tuning.dense_weight == 0.6
    assert told.after.reciprocal_rank >= told.before.reciprocal_rank


def test_a_reading_that_misleads_is_replaced_and_one_that_serves_is_kept() -> None:
    misled = Tuning(
        dense_weight=GOOD, calibration=Calibration(intercept=9.0, knowledge=0.0, highest=0.0, nearest=0.0)
    )

    mended = learned(tickets(30), TITLES, look, current=misled)
    assert mended is not None
    assert mended.tuning.calibration != misled.calibration
    assert mended.after.off < mended.before.off / 2

    again = learned(tickets(30), TITLES, look, current=mended.tuning)
    assert again is not None
    assert again.tuning == mended.tuning
    assert again.before == again.after


def test_the_same_tickets_are_held_out_every_night() -> None:
    asked = tickets(30).texts

    held = [text for text in asked if is_held_out(text)]

    assert 0.1 * len(asked) < len(held) < 0.45 * len(asked)
    assert held == [text for text in asked if is_held_out(text)]


def test_too_few_tickets_are_not_judged_by() -> None:
    few = tickets(FEWEST_TICKETS // len(SUBJECTS) - 1)

    assert learned(few, TITLES, look, current=Tuning(dense_weight=0.6)) is None


def test_known_and_new_subjects_are_told_apart() -> None:
    """Tickets lift what they answered; with them hidden the search is all there is."""
    asked = tickets(30)
    held = [at for at, text in enumerate(asked.texts) if is_held_out(text)]

    found = figures(Tuning(dense_weight=0.6), asked, TITLES, look, held)

    assert found is not None
    assert found.hit_known > 0.9
    assert found.hit_new == 0


@pytest.mark.parametrize("calibration", [None, Calibration(intercept=1, knowledge=2, highest=3, nearest=4)])
def test_a_tuning_is_stored_and_read_whole(calibration: Calibration | None) -> None:
    tuning = Tuning(dense_weight=0.7, vote=USUAL, calibration=calibration)

    assert tuning_from(tuning.as_json()) == tuning
    sharper = Setting(sharpness=8.0, word_share=0.0, ridge=0.3)
    assert tuning_from(replace(tuning, vote=sharper).as_json()).vote == sharper

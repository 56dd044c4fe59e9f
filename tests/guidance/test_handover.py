"""A conversation handed over in its own words: what was asked, answered, promised, and is still open."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from guidance.handover import LINES_READ, QUOTE_CHARS, QUOTES_OF_A_KIND, Handover, Quote, handover
from marketplace.tickets.models import Author

BEGAN = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    author: Author
    text: str
    written_at: datetime


def thread(*said: tuple[Author, str]) -> list[Said]:
    return [
        Said(author=author, text=text, written_at=BEGAN + timedelta(hours=at))
        for at, (author, text) in enumerate(said)
    ]


def texts(quotes: tuple[Quote, ...]) -> list[str]:
    return [quote.text for quote in quotes]


C, W, B = Author.CUSTOMER, Author.WORKER, Author.BRAND

LATE_PARCEL = thread(
    (
        C,
        "Hi there,\n\nI ordered two bags on the 3rd and the tracking has not moved for six days. Where is my "
        "parcel? Can I get my money back if it is lost?\n\nThanks,\nSam",
    ),
    (
        W,
        "Hello Sam,\n\nThank you for writing. The carrier lists your parcel as delayed in Memphis. Parcels "
        "count as lost after ten working days. If it is not there by Friday, we will send a replacement free "
        "of charge. A refund reaches your card within 5 business days.\n\nKind regards,\nThe team",
    ),
    (
        C,
        "Ok so it's been 9 working days now and still nothing. I'd rather have the replacement than the "
        "refund. Will it be the old beans or fresh ones?",
    ),
)


def test_each_kind_is_quoted_word_for_word_with_who_and_when() -> None:
    found = handover(LATE_PARCEL)
    assert found.replies == 1
    assert texts(found.asked) == [
        "Where is my parcel?",
        "Can I get my money back if it is lost?",
        "I'd rather have the replacement than the refund.",
    ]
    assert texts(found.answered) == [
        "The carrier lists your parcel as delayed in Memphis.",
        "Parcels count as lost after ten working days.",
    ]
    assert texts(found.promised) == [
        "If it is not there by Friday, we will send a replacement free of charge.",
        "A refund reaches your card within 5 business days.",
    ]
    assert found.open_question == Quote(
        author=C, said_at=BEGAN + timedelta(hours=2), text="Will it be the old beans or fresh ones?"
    )
    assert {quote.author for quote in (*found.answered, *found.promised)} == {W}
    assert {quote.said_at for quote in found.promised} == {BEGAN + timedelta(hours=1)}


def test_every_quote_stands_in_the_thread() -> None:
    everything = "\n".join(" ".join(line.text.split()) for line in LATE_PARCEL)
    found = handover(LATE_PARCEL)
    for quote in (*found.asked, *found.answered, *found.promised):
        assert quote.text in everything


def test_nothing_is_open_once_somebody_has_answered() -> None:
    found = handover(LATE_PARCEL[:2])
    assert found.open_question is None
    assert texts(found.asked) == ["Where is my parcel?", "Can I get my money back if it is lost?"]


def test_a_message_without_a_question_is_quoted_by_what_it_says_last() -> None:
    found = handover(
        thread((C, "Hello,\nMy kettle arrived broken. The handle has come off. Thanks, Jo"), (B, "Noted."))
    )
    assert texts(found.asked) == ["The handle has come off."]


@pytest.mark.parametrize(
    "promise",
    [
        "We'll call you tomorrow.",
        "You will receive a new grinder.",
        "Your refund is on its way.",
        "I have credited your account with $12.50.",
        "It arrives no later than 12 December.",
        "Repairs take at most two weeks and are free of charge.",
        "Expect an answer in 3 working days.",
        "Sie erhalten die Gutschrift bis Freitag.",
        "Wir werden Ihnen heute eine neue Kanne schicken.",
        "Das Geld ist innerhalb von 5 Tagen auf Ihrem Konto.",
        "Die Reparatur kostet 20 € und dauert eine Woche.",
        "Le enviaremos otro paquete mañana.",
        "Recibirá el reembolso en un plazo de cinco días.",
    ],
)
def test_commitments_dates_and_amounts_are_promises(promise: str) -> None:
    found = handover(thread((C, "What happens now?"), (W, f"Hello,\n{promise}")))
    assert texts(found.promised) == [promise]
    assert found.answered == ()


@pytest.mark.parametrize(
    "said",
    [
        "Which order is this about?",
        "The kettle switches itself off when it is dry.",
        "We cannot refund opened coffee.",
        "Das ist leider nicht möglich.",
        "No podemos cambiar la dirección.",
        "Der Wasserkocher braucht Entkalker.",
    ],
)
def test_questions_facts_and_refusals_are_answers_and_no_promises(said: str) -> None:
    found = handover(thread((C, "What happens now?"), (W, said)))
    assert (texts(found.answered), found.promised) == ([said], ())


def test_questions_in_german_and_spanish_are_found() -> None:
    found = handover(
        thread(
            (C, "Guten Tag,\nmeine Maschine tropft. Wann kommt der Techniker? Vielen Dank!"),
            (W, "Guten Tag, er meldet sich heute bei Ihnen."),
            (C, "Hola, muchas gracias. ¿Cuándo llega mi pedido? Necesito la factura."),
        )
    )
    assert texts(found.asked) == ["Wann kommt der Techniker?", "¿Cuándo llega mi pedido?"]
    assert found.open_question is not None
    assert found.open_question.text == "Necesito la factura."


def test_thanks_take_nothing_with_them_on_their_line() -> None:
    found = handover(thread((C, "Thanks! Where is it now?"), (W, "Thank you for waiting. It is in Memphis.")))
    assert (texts(found.asked), texts(found.answered)) == (["Where is it now?"], ["It is in Memphis."])


def test_questions_run_together_in_small_letters_are_told_apart() -> None:
    found = handover(thread((C, "ok cool. where do i send it? and who pays for that? thx"), (W, "You do.")))
    assert texts(found.asked)[-1] == "and who pays for that?"
    assert any(one.endswith("where do i send it?") for one in texts(found.asked))


def test_a_long_conversation_keeps_the_first_question_and_the_newest() -> None:
    said = [
        line for at in range(12) for line in ((C, f"What about part {at} of it?"), (W, f"Part {at} is blue."))
    ]
    found = handover(thread(*said))
    assert texts(found.asked) == [f"What about part {at} of it?" for at in (0, 9, 10, 11)]
    assert texts(found.answered) == [f"Part {at} is blue." for at in (8, 9, 10, 11)]
    assert len(found.asked) == len(found.answered) == QUOTES_OF_A_KIND


def test_a_sentence_said_twice_is_told_once_as_it_was_said_last() -> None:
    found = handover(
        thread(
            (C, "Where is it now?"),
            (W, "It is in Memphis."),
            (C, "Where is it now?"),
            (W, "It is in Memphis."),
        )
    )
    assert [(one.text, one.said_at) for one in found.asked] == [
        ("Where is it now?", BEGAN + timedelta(hours=2))
    ]
    assert texts(found.answered) == ["It is in Memphis."]


def test_a_quote_is_bounded_and_ends_after_a_whole_word() -> None:
    found = handover(thread((C, "Why does " + "the very long cable " * 60 + "break?"), (W, "It should not.")))
    (quote,) = found.asked
    assert len(quote.text) <= QUOTE_CHARS
    assert quote.text.endswith("cable …?") or quote.text.endswith(" …?")


def test_only_the_newest_lines_are_read() -> None:
    said = [(C, f"Question number {at}, please?") for at in range(LINES_READ + 50)]
    found = handover(thread(*said, (W, "All of them are answered.")))
    assert texts(found.asked)[0] == "Question number 51, please?"


def test_an_empty_conversation_says_nothing() -> None:
    assert handover([]) == Handover(replies=0, asked=(), answered=(), promised=(), open_question=None)


def test_the_same_thread_gives_the_same_summary() -> None:
    assert handover(LATE_PARCEL) == handover(list(LATE_PARCEL))

"""Words that keep a ticket with its brand, in three languages, and ordinary support that they let through."""

from collections.abc import Iterable

import pytest

from marketplace.tickets.eligibility import READ_CHARACTERS, KeepBackRules, Outcome, Verdict, judge_by_rules
from marketplace.tickets.sensitive_words import NAMES, PATTERNS, Topic
from tests.growth import assert_grows_with_length
from workers_ui.content import as_posted, demo_brands


def judged(text: str, *, category: str = "general", rules: KeepBackRules | None = None) -> Verdict:
    return judge_by_rules(text, category=category, category_name="General", rules=rules or KeepBackRules())


@pytest.mark.parametrize(
    ("topic", "text"),
    [
        (Topic.LEGAL, "You will hear from my LAWYER."),
        (Topic.LEGAL, "Hablaré con mi abogada, emprenderé acciones legales"),
        (Topic.LEGAL, "Ich werde rechtliche Schritte einleiten."),
        (Topic.MEDICAL, "I had an allergic\n reaction to it"),
        (Topic.MEDICAL, "Tuve una reacción alérgica"),
        (Topic.MEDICAL, "Ich habe einen Stromschlag bekommen"),
        (Topic.THREATS, "I don’t want to live like this"),
        (Topic.THREATS, "Quiero morirme"),
        (Topic.THREATS, "ich will sterben"),
        (Topic.MINORS, "Hi, I'm 14 and my dad does not know"),
        (Topic.MINORS, "tengo 15 años"),
        (Topic.MINORS, "Er ist minderjährig"),
        (Topic.CHARGEBACKS, "I will dispute this charge"),
        (Topic.CHARGEBACKS, "es un cargo no autorizado"),
        (Topic.CHARGEBACKS, "Ich lasse die Lastschrift von der Bank zurückbuchen"),
        (Topic.REGULATED, "This is a GDPR request"),
        (Topic.REGULATED, "Borren todos mis datos"),
        (Topic.REGULATED, "Auskunft nach Artikel 15 DSGVO"),
        (Topic.SECURITY, "My account was hacked"),
        (Topic.PRESS, "I am a journalist"),
    ],
)
def test_words_of_a_topic_keep_the_ticket_and_are_named(topic: Topic, text: str) -> None:
    verdict = judged(text)
    assert verdict.outcome is Outcome.KEPT_BACK
    assert verdict.reason.startswith(NAMES[topic])


@pytest.mark.parametrize(
    "text",
    [
        "I am 12 minutes late, may I still board?",
        "I'm 25 and want the youth card.",
        "Does my 7 year old need a ticket?",
        "The court shoes are too small.",
        "Is there a charge for the bicycle?",
        "The bank replaced my card after some fraud thing.",
        "Es gibt ein Gericht mit Nüssen, das ich mag.",
        "Was kostet die Demandantenkarte?",
        "I killed my plant.",
        "Your bath bombs arrived crushed.",
    ],
)
def test_ordinary_support_is_let_through(text: str) -> None:
    assert not judged(text).stays


def demo_texts() -> Iterable[tuple[str, str]]:
    for brand in demo_brands():
        for line in (*brand.tickets, *brand.follow_ups):
            posted = as_posted({"id": line.get("ticket", ""), **line})
            yield str(posted["external_id"]), f"{posted['subject']}\n{posted['text']}"


def test_no_ticket_of_the_demo_is_kept_back_by_word() -> None:
    assert [(name, judged(text).reason) for name, text in demo_texts() if judged(text).stays] == []


def test_what_always_stays_cannot_be_switched_off_and_the_rest_can() -> None:
    nothing = KeepBackRules(topics=frozenset())
    assert judged("I will sue you, see my lawyer", rules=nothing).stays
    assert not judged("I am a journalist", rules=nothing).stays


def test_a_brands_own_phrase_is_plain_words_with_any_case_accent_and_ending() -> None:
    rules = KeepBackRules(phrases=("Projekt Möwe", "recall*", "c++ (beta)"))
    assert judged("Wann kommt PROJEKT   mowe?", rules=rules).reason == "your own phrase “projekt mowe”"
    assert judged("is it being recalled", rules=rules).stays
    assert judged("the C++ (beta) crashes", rules=rules).stays
    assert not judged("projekt mowen, a precall, c+", rules=rules).stays


def test_a_whole_category_stays() -> None:
    rules = KeepBackRules(categories=frozenset({"vip"}))
    assert judged("hello", category="vip", rules=rules).stays
    assert not judged("hello", rules=rules).stays


@pytest.mark.parametrize("unit", ["dispute with my ", "the ", "i am 1", "a-", "sue "])
def test_judging_takes_time_that_grows_with_the_ticket(unit: str) -> None:
    assert_grows_with_length(judged, (unit * READ_CHARACTERS)[:READ_CHARACTERS])


def test_every_topic_speaks_three_languages() -> None:
    assert set(PATTERNS) == set(Topic) == set(NAMES)

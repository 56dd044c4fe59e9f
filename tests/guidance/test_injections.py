"""Instructions inside tickets and articles are data: the corpus changes no scope, voice, slot, link, lint or page.

Every line of `injections.txt` is written by us. It is put as a ticket's subject, question, earlier turn and customer's
name, and as an article's text, title, heading, table cell and FAQ answer.
"""

import re
import socket
from pathlib import Path

import pytest

from guidance.draft import CitedPassage, Draft, compose
from guidance.findings import FindingKind
from guidance.lint import blocks_sending, lint
from guidance.voice import is_allowed_link, links, unfilled_slots
from tests.guidance.builders_text import a_passage, a_voice

CORPUS = Path(__file__).parent / "injections.txt"
ESCAPED = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8}))")


def injections() -> list[str]:
    """The corpus; \\xNN, \\uNNNN and \\UNNNNNNNN stand for what an editor would not show."""
    return [
        ESCAPED.sub(lambda found: chr(int(next(filter(None, found.groups())), 16)), line)
        for line in CORPUS.read_text(encoding="utf-8").splitlines()
    ]


INJECTIONS = injections()
QUESTION = "How long do I have to send the kettle back?"
CLEAN = a_passage("You can send the kettle back within 30 days. The label is in your account.")
NAMES = [f"{number:03}" for number in range(1, len(INJECTIONS) + 1)]
EACH = pytest.mark.parametrize("injected", INJECTIONS, ids=NAMES)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("text opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def unmarked(text: str) -> str:
    """Without Markdown's marks for emphasis, which a draft leaves out."""
    return re.sub("[*_]", "", text)


def drafted(question: str, *passages: CitedPassage, customer: str | None = "Sam") -> Draft:
    draft = compose(question=question, passages=passages, voice=a_voice(), customer_name=customer)
    assert draft is not None
    return draft


def test_the_corpus_has_a_hundred_and_more_that_differ() -> None:
    assert len(set(INJECTIONS)) == len(INJECTIONS) >= 100


@EACH
def test_in_a_question_it_comes_into_no_draft_and_changes_no_voice(injected: str) -> None:
    clean = drafted(QUESTION, CLEAN)
    for question in (f"{QUESTION} {injected}", f"{injected}. {QUESTION}", injected):
        found = drafted(question, CLEAN)
        assert found.sentences[0] == clean.sentences[0]
        assert found.sentences[-1] == clean.sentences[-1]
        assert {one.text for one in found.sentences} <= {one.text for one in clean.sentences}
        assert found.slots == ()
        assert lint(found.text, a_voice(), [CLEAN]) == ()


@EACH
def test_as_a_customers_name_it_fills_no_slot_and_adds_no_line(injected: str) -> None:
    found = drafted(QUESTION, CLEAN, customer=injected)
    greeting = found.text.split("\n\n", 1)[0]
    assert found.slots == ()
    assert links(greeting) == ()
    assert not set("<>{}[]") & set(greeting)
    assert all(character.isprintable() for character in greeting)


@EACH
def test_in_an_article_it_is_quoted_as_plain_text_or_not_at_all(injected: str) -> None:
    voice = a_voice()
    for text in (
        f"You can send the kettle back within 30 days. {injected} The label is in your account.",
        f"You can send the kettle back within 30 days.\n\n{injected}\n\nThe label is in your account.",
        f"| question | answer |\n|---|---|\n| how long | {injected} |\n\nYou can send the kettle back.",
        f"Q: How long?\nA: {injected}\n\nYou can send the kettle back within 30 days.",
    ):
        passage = a_passage(text)
        draft = compose(question=QUESTION, passages=[passage], voice=voice, customer_name="Sam")
        if draft is None:
            continue  # silence is an answer too
        assert draft.sentences[0].text == "Hi Sam,"
        assert draft.sentences[-1].text == voice.sign_off
        assert all(one.passage_rank == 1 for one in draft.sentences[1:-1])
        assert all(is_allowed_link(one.value, voice.allowed_link_domains) for one in links(draft.text))
        standing = unfilled_slots(draft.text)
        assert draft.slots == tuple(dict.fromkeys(one.value for one in standing))
        if standing:  # slot and template syntax stays what it is, and is never filled with anything
            assert all(unmarked(draft.text[one.start : one.end]) in unmarked(text) for one in standing)
            assert blocks_sending(lint(draft.text, voice, [passage]))


@EACH
def test_in_a_title_or_heading_it_takes_no_other_passages_place(injected: str) -> None:
    named = a_passage("You can send the kettle back within 30 days.", title=injected)
    found = drafted(QUESTION, named)
    assert injected not in found.text
    assert found.slots == ()


@EACH
def test_in_a_reply_the_lint_judges_it_the_same_whatever_else_the_text_says(injected: str) -> None:
    bad = "We guarantee it at https://evil.example.net/x for {order_id}."
    kinds = {one.kind for one in lint(f"{injected}\n{bad}", a_voice(), [CLEAN])}
    wanted = {FindingKind.AVOIDED_WORD, FindingKind.LINK, FindingKind.UNFILLED_SLOT}
    assert wanted <= kinds
    supported = {one.kind for one in lint(bad, a_voice(), [a_passage(f"{CLEAN.text} {injected}")])}
    assert wanted <= supported

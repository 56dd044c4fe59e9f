"""Resolved tickets of a question set: they lift what they answer and move no document without any."""

from pathlib import Path

from guidance.evaluation import IndexedSet
from guidance.question_sets import Question, ResolvedTicket
from knowledge_base.reading.documents import Document, Section
from tests.fakes import WordHashEmbedder

TITLES = {"returns": "Send things back", "warranty": "Two years of cover", "gifts": "Gift boxes and ribbons"}
ASKED = {
    "returns": ("the boiler must go to you again", "boiler go again", "may the boiler go to you"),
    "warranty": ("light broke who mends", "the light broke again", "who mends the light that broke"),
}


def asked(tmp_path: Path, text: str, tickets: list[ResolvedTicket]) -> list[str]:
    documents = [
        Document(key=key, title=title, sections=(Section(path=(), text=title),))
        for key, title in TITLES.items()
    ]
    index = IndexedSet(documents, WordHashEmbedder(), tmp_path, lambda *_: None, tickets=tickets, weight=0.5)
    question = Question(id="q", turns=(text,), grades={"returns": 1})
    return list(index.ask(question, threshold=0.5).engine)


def test_tickets_lift_what_they_answer_and_leave_the_others_where_they_were(tmp_path: Path) -> None:
    tickets = [ResolvedTicket(text=text, document=key) for key, texts in ASKED.items() for text in texts]
    text = "two of the light broke"

    before = asked(tmp_path / "a", "cover for the boiler that must go", [])
    after = asked(tmp_path / "b", "cover for the boiler that must go", tickets)

    assert (before[0], after[0]) == ("warranty", "returns")
    assert before.index("gifts") == after.index("gifts")
    assert asked(tmp_path / "c", text, tickets)[0] == "warranty"

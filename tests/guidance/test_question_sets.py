"""Reading sets of documents and questions: what they mean, and a plain sentence for each line that cannot be used."""

import json
from pathlib import Path
from typing import Any

import pytest

from guidance import question_sets
from guidance.question_sets import UnusableLine, UnusableSet, read_question_set, unknown_answers

DOCUMENT = {"id": "d1", "title": "Returns", "text": "Send it back within thirty days."}
QUESTION = {"id": "q1", "text": "May I send it back?", "rel": {"d1": 1}}


def written(file: Path, *lines: Any) -> Path:
    file.write_text("".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines))
    return file


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    return written(tmp_path / "docs.jsonl", DOCUMENT, "\n", {"id": 2, "title": None, "text": "# A\n\nTea."})


def test_a_document_is_read_as_an_import_reads_it_and_keeps_its_id(tmp_path: Path) -> None:
    line = DOCUMENT | {"id": "a  b/c", "entity": "Fern & Kettle", "text": "# Head\n\n- one\n- two"}
    docs, queries = written(tmp_path / "d", line), written(tmp_path / "q", QUESTION)
    (document,) = read_question_set(docs, queries).documents
    assert (document.key, document.title, document.extra) == ("a  b/c", "Returns", ("Fern & Kettle",))
    assert "- one" in document.sections[0].text


def test_a_title_may_be_missing_and_ids_may_be_numbers(docs: Path, tmp_path: Path) -> None:
    queries = written(tmp_path / "q", {"id": 7, "text": "Tea?", "rel": {"2": 3}})
    found = read_question_set(docs, queries)
    assert [(one.key, one.title) for one in found.documents] == [("d1", "Returns"), ("2", "")]
    assert (found.questions[0].id, found.questions[0].grades) == ("7", {"2": 3.0})


def test_many_documents_are_read_in_slices_and_stay_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(question_sets, "DOCUMENTS_A_SLICE", 3)
    docs = written(tmp_path / "d", *(DOCUMENT | {"id": f"d{number}"} for number in range(8)))
    found = read_question_set(docs, written(tmp_path / "q", QUESTION))
    assert [document.key for document in found.documents] == [f"d{number}" for number in range(8)]


@pytest.mark.parametrize(
    ("context", "turns"),
    [
        (None, ("Tea?",)),
        ("Hello. Green or black?", ("Hello. Green or black?", "Tea?")),
        ("Hello. Green or black? Tea?", ("Hello. Green or black?", "Tea?")),
        (["Hello.", " ", "Green?"], ("Hello.", "Green?", "Tea?")),
        (["Hello.", "Tea?"], ("Hello.", "Tea?")),
        ("Tea?", ("Tea?",)),
    ],
)
def test_the_context_is_what_was_said_before_the_question(
    docs: Path, tmp_path: Path, context: Any, turns: tuple[str, ...]
) -> None:
    queries = written(tmp_path / "q", {"id": "q", "text": "Tea?", "context": context, "rel": {"d1": 1}})
    assert read_question_set(docs, queries).questions[0].turns == turns


def test_what_nothing_answers_is_kept_apart(docs: Path, tmp_path: Path) -> None:
    queries = written(tmp_path / "q", QUESTION, {"id": "q2", "text": "Rain?", "rel": {}})
    outside = written(tmp_path / "o", {"text": "Snow?"}, '"Hail?"\n')
    found = read_question_set(docs, queries, out_of_scope=outside)
    assert [one.turns for one in found.questions] == [("May I send it back?",)]
    assert [one.turns for one in found.unanswerable] == [("Rain?",), ("Snow?",), ("Hail?",)]


def test_answers_that_are_no_document_are_counted(docs: Path, tmp_path: Path) -> None:
    queries = written(tmp_path / "q", QUESTION | {"rel": {"d1": 1, "gone": 1}})
    assert unknown_answers(read_question_set(docs, queries)) == 1


BAD_LINES = [
    ("{", "it is not JSON"),
    ("[" * 100_000, "it is not JSON"),
    ("[1]", "an object is expected"),
    ('{"text": "x", "rel": {}}', "`id` is missing"),
    ('{"id": true, "text": "x"}', "`id` must be a text or a whole number"),
    ('{"id": "q"}', "`text` is missing"),
    ('{"id": "q", "text": " "}', "`text` must be a text that is not empty"),
    ('{"id": "q", "text": 4}', "`text` must be a text that is not empty"),
    ('{"id": "q", "text": "x", "context": 4}', "`context` must be a text or a list of texts"),
    ('{"id": "q", "text": "x", "rel": ["d1"]}', "`rel` must be an object"),
    ('{"id": "q", "text": "x", "rel": {"d1": "yes"}}', "a grade in `rel` must be a number"),
    ('{"id": "q", "text": "x", "rel": {"d1": NaN}}', "a grade in `rel` must be a number"),
    ('{"id": "q", "text": "x", "rel": {"d1": -1}}', "a grade in `rel` must be a number"),
]


@pytest.mark.parametrize(("line", "sentence"), BAD_LINES, ids=range(len(BAD_LINES)))
def test_a_line_that_cannot_be_used_is_named(docs: Path, tmp_path: Path, line: str, sentence: str) -> None:
    queries = written(tmp_path / "queries.jsonl", QUESTION, line)
    with pytest.raises(UnusableLine, match=r"queries\.jsonl, line 2: ") as refusal:
        read_question_set(docs, queries)
    assert sentence in str(refusal.value)


def test_bytes_that_are_no_text_and_lines_without_end_are_refused(
    docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = tmp_path / "odd"
    odd.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UnusableLine, match="not UTF-8"):
        read_question_set(docs, odd)
    monkeypatch.setattr(question_sets, "MAX_LINE_BYTES", 100)
    long = written(tmp_path / "long", QUESTION | {"text": "x" * 200})
    with pytest.raises(UnusableLine, match="longer than 100 bytes"):
        read_question_set(docs, long)


def test_sets_that_are_none_are_refused(docs: Path, tmp_path: Path) -> None:
    queries, nothing = written(tmp_path / "q", QUESTION), written(tmp_path / "nothing")
    with pytest.raises(UnusableSet, match="holds no document"):
        read_question_set(nothing, queries)
    with pytest.raises(UnusableSet, match="holds no question"):
        read_question_set(docs, nothing)
    with pytest.raises(UnusableSet, match="cannot be opened"):
        read_question_set(docs, tmp_path / "away")
    twice = written(tmp_path / "twice", DOCUMENT, DOCUMENT)
    with pytest.raises(UnusableSet, match="'d1' is there twice"):
        read_question_set(twice, queries)
    strange = written(tmp_path / "tickets", {"text": "Back?", "doc": "d1"}, {"text": "Tea?", "doc": "nine"})
    with pytest.raises(UnusableSet, match="the document 'nine' of a ticket is not among the documents"):
        read_question_set(docs, queries, tickets=strange)

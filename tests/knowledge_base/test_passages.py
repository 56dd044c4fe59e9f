"""Passages are slices of the article: nothing lost, none too large, sentences whole where possible."""

import hashlib
from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from knowledge_base.passages import MAX_OVERLAP_WORDS, MAX_WORDS, PassageText, split
from knowledge_base.reading.documents import Document, Section

words = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=60)
texts = st.lists(words, min_size=1, max_size=600).flatmap(
    lambda chosen: st.sampled_from([" ", "\n", ". ", "\n\n", " ! "]).map(lambda gap: gap.join(chosen))
)
paths = st.lists(st.sampled_from(["Costs", "Steps", "Europe"]), max_size=3).map(tuple)
sections = st.lists(st.builds(Section, path=paths, text=texts), min_size=1, max_size=6).map(tuple)


def document(*parts: Section, title: str = "Returns", extra: tuple[str, ...] = ()) -> Document:
    return Document(key="a", title=title, sections=parts, extra=extra)


def sentences(count: int, words_each: int = 9) -> str:
    return " ".join(f"S{n} {' '.join(['word'] * (words_each - 2))} end{n}." for n in range(count))


def section(text: str, *path: str) -> Section:
    return Section(path=path, text=text)


@given(sections)
def test_every_word_of_the_article_is_in_some_passage_in_its_order(parts: tuple[Section, ...]) -> None:
    found = iter(word for passage in split(document(*parts)) for word in passage.text.split())
    remaining = "".join("".join(found).split())
    for part in parts:
        for word in part.text.split():
            # A word longer than a passage's unit may be cut between two passages; its letters stay in order.
            position = 0
            for letter in word:
                position = remaining.find(letter, position)
                assert position >= 0, word
                position += 1


@given(sections)
def test_a_whole_word_of_usual_length_is_never_cut(parts: tuple[Section, ...]) -> None:
    passages = {word for passage in split(document(*parts)) for word in passage.text.split()}
    for part in parts:
        ascii_words = {word for word in part.text.split() if word.isascii() and len(word) <= 40}
        assert ascii_words <= passages


@given(sections)
def test_no_passage_is_larger_than_the_encoder_reads(parts: tuple[Section, ...]) -> None:
    for passage in split(document(*parts)):
        assert 0 < len(passage.text.split()) <= MAX_WORDS + 10  # and the headings of tiny sections
        assert passage.text == passage.text.strip()


@given(sections)
def test_passages_are_numbered_and_named_by_what_is_indexed(parts: tuple[Section, ...]) -> None:
    passages = split(document(*parts))
    assert [passage.ordinal for passage in passages] == list(range(len(passages)))
    for passage in passages:
        assert passage.sha256 == hashlib.sha256(passage.embedding_text.encode()).hexdigest()
        assert passage.embedding_text.startswith("Returns\n")
        assert passage.embedding_text.endswith(passage.text)


def test_the_same_article_makes_the_same_passages() -> None:
    one = document(section(sentences(60)))
    assert split(one) == split(document(section(sentences(60))))


def test_neighbours_overlap_by_about_twenty_words_and_end_with_sentences() -> None:
    passages = split(document(section(sentences(60))))
    assert len(passages) > 4
    for passage in passages:
        assert passage.text.startswith("S")
        assert passage.text.endswith(".")
    for before, after in pairwise(passages):
        assert 18 <= _overlap(before, after) <= MAX_OVERLAP_WORDS


def test_a_sentence_too_long_for_any_passage_is_cut_between_words() -> None:
    long = " ".join(f"w{n}" for n in range(400))
    passages = split(document(section(long)))
    assert {word for passage in passages for word in passage.text.split()} == set(long.split())
    assert max(len(passage.text.split()) for passage in passages) <= MAX_WORDS


def test_a_text_without_spaces_is_cut_too() -> None:
    for text in ("漢字" * 2_000, "x" * 40_000, "ไทย" * 2_000):
        passages = split(document(section(text)))
        assert len(passages) > 1
        assert max(len(passage.text) for passage in passages) <= MAX_WORDS * 40
    assert max(len(p.text) for p in split(document(section("漢字。" * 500)))) <= 2 * MAX_WORDS


def test_list_items_and_rows_stay_whole() -> None:
    items = "\n".join(f"- item {n} has a few words more" for n in range(80))
    for passage in split(document(section(items))):
        assert all(line in items.split("\n") for line in passage.text.split("\n"))


def test_long_sections_are_never_mixed() -> None:
    passages = split(document(section(sentences(8), "Costs"), section(sentences(9), "Steps")))
    assert [passage.path for passage in passages] == [("Costs",), ("Steps",)]


def test_a_tiny_section_joins_the_next_and_leaves_its_heading_in_the_text() -> None:
    (passage,) = split(
        document(section("See below.", "Costs", "Europe"), section(sentences(8), "Costs", "Asia"))
    )
    assert passage.path == ("Costs",)
    assert passage.text.startswith("See below.\n\nAsia\n\nS0")


def test_a_tiny_section_at_the_end_joins_the_one_before() -> None:
    (passage,) = split(document(section(sentences(8), "Steps"), section("Ask us.", "Help")))
    assert passage.path == ()
    assert passage.text.endswith("Help\n\nAsk us.")


def test_what_follows_a_tiny_section_keeps_its_own_path_from_the_second_passage_on() -> None:
    first, *later = split(document(section("See below."), section(sentences(60), "Steps")))
    assert first.path == ()
    assert later
    assert {passage.path for passage in later} == {("Steps",)}


def test_where_the_article_belongs_stands_before_its_headings() -> None:
    (passage,) = split(document(section(sentences(8), "Pets"), extra=("A AND B GUEST HOUSE",)))
    assert passage.path == ("A AND B GUEST HOUSE", "Pets")
    assert passage.embedding_text.startswith("Returns\nA AND B GUEST HOUSE > Pets\nS0")


def test_a_passage_names_the_page_it_begins_on() -> None:
    long = Section(path=("Costs",), text=sentences(30), page=2)
    tiny = Section(path=("Steps",), text="Ask us.", page=4)
    last = Section(path=("Steps",), text=sentences(12), page=5)

    pages = [passage.page for passage in split(document(long, tiny, last))]

    assert pages[:3] == [2, 2, 2]
    assert pages[3:] == [4]
    assert split(document(section("Word.")))[0].page is None


def test_a_passages_language_is_declared_or_told_by_its_words_or_by_the_whole_article() -> None:
    german = section(
        "Sie können den Kessel in dreißig Tagen zurückgeben, und wir zahlen für die Post. " * 9, "De"
    )
    english = section(
        "You can send the kettle back to us in thirty days, and we pay for the post. " * 9, "En"
    )
    models = section("TL-20417 TL-20418 TL-20419 " * 20, "TL")
    passages = split(document(german, german, german, english, models))
    assert {(one.path, one.language) for one in passages} == {
        (("De",), "de"),
        (("En",), "en"),
        (("TL",), "de"),
    }
    assert {one.language for one in split(replace(document(german, english), language="da-DK"))} == {"da"}
    assert {one.language for one in split(replace(document(german), language="deu"))} == {"de"}
    assert [one.language for one in split(document(models, title="TL"))] == [None]


def _overlap(before: PassageText, after: PassageText) -> int:
    one, other = before.text.split(), after.text.split()
    return max(n for n in range(len(other) + 1) if n == 0 or one[-n:] == other[:n])

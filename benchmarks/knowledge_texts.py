"""Varied passages for the benchmarks of indexing and searching: real ones where the data is at hand, else the demo's.

HUMANCLOUD_BENCH_DATA names a folder with arduino_help/docs.jsonl and dstc11_faq/docs.jsonl; nothing of it is copied.
Larger sets are variations: sentences of two passages joined under the title of one, each with a product's name.
"""

import json
import os
import random
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from knowledge_base.passages import split
from knowledge_base.reading.documents import Document, Section
from workers_ui.content import demo_brands

DATA = Path(os.environ.get("HUMANCLOUD_BENCH_DATA", "../shared/data"))
SETS = ("arduino_help/docs.jsonl", "dstc11_faq/docs.jsonl")
NAMES = (
    "Aster",
    "Birch",
    "Cedar",
    "Dahlia",
    "Elm",
    "Fern",
    "Ginkgo",
    "Hazel",
    "Iris",
    "Juniper",
    "Kale",
    "Larch",
)
MIN_QUESTION_WORDS = 4
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


def real_passages() -> list[str]:
    """Different passages as they are embedded: of the help centre first, then of the FAQ."""
    return list(dict.fromkeys(text for document in _documents() for text in _texts(document)))


def varied_passages(count: int, *, seed: int = 11) -> list[str]:
    """`count` different passages about as long as real ones; the same for the same seed and data."""
    chance = random.Random(seed)
    real = real_passages()
    sentences = [_SENTENCE_END.split(text) for text in real]
    found = dict.fromkeys(real[:count])
    while len(found) < count:
        found[_variation(sentences, chance)] = None
    return list(found)


def questions(count: int, *, seed: int = 12) -> list[str]:
    """`count` questions as people ask: customers' turns of the FAQ set, else sentences of passages cut short."""
    chance = random.Random(seed)
    said = (turn for line in _lines("dstc11_faq/queries.jsonl") for turn in _turns(line))
    turns = list(dict.fromkeys(said))
    while len(turns) < count:
        words = chance.choice(real_passages()).split()
        start = chance.randrange(max(1, len(words) - 12))
        turns.append(" ".join(words[start : start + chance.randint(5, 12)]))
    return chance.sample(turns, count)


def _variation(sentences: Sequence[Sequence[str]], chance: random.Random) -> str:
    one, other = chance.choice(sentences), chance.choice(sentences)
    title, *body = one
    kept = [sentence for sentence in (*body, *other[1:]) if chance.random() < 0.6]
    chance.shuffle(kept)
    return f"{title} ({chance.choice(NAMES)} {chance.randint(1, 9_999)})\n{' '.join(kept)}"


def _texts(document: Document) -> list[str]:
    return [passage.embedding_text for passage in split(document)]


@cache
def _documents() -> tuple[Document, ...]:
    real = tuple(
        _document(str(line["id"]), str(line["title"]), str(line["text"]))
        for name in SETS
        for line in _lines(name)
    )
    return real or tuple(
        _document(name, name, content.decode()) for plan in demo_brands() for name, content in plan.files
    )


def _document(key: str, title: str, text: str) -> Document:
    return Document(key=key, title=title, sections=(Section(path=(), text=text),))


def _lines(name: str) -> Iterator[dict[str, object]]:
    file = DATA / name
    if file.is_file():
        with file.open() as lines:
            yield from map(json.loads, lines)


def _turns(line: dict[str, object]) -> list[str]:
    """The last turn, and what was said before it sentence by sentence."""
    said = [str(line.get("text", "")), *_SENTENCE_END.split(str(line.get("context", "")))]
    return [turn for turn in said if len(turn.split()) >= MIN_QUESTION_WORDS]

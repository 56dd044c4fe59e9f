"""What a ticket is about where no word gives it away: compared with sentences that customers wrote like it.

Every example pulls a text towards its side, the more the nearer it is; how hard each pulls is solved once from the
examples themselves (kernel ridge regression over the embedder's vectors). The nearest sensitive example is the
reason that people read. Whole tickets and their sentences are judged, because one sentence among ten ordinary ones
is lost in the whole. Measured in tests/guidance/test_eligibility_figures.py.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock

import numpy as np
import numpy.typing as npt
import structlog

from guidance.sentences import split_sentences
from knowledge_base.index.embedder import Embedder, ModelDamaged, ModelMissing, Vectors
from marketplace.tickets.eligibility import ORDINARY, KeepBackRules, Outcome, Verdict
from marketplace.tickets.sensitive_words import NAMES, Topic

log = structlog.get_logger()

EXAMPLES = Path(__file__).with_name("eligibility_examples.txt")
SPOKEN = "en"
"""The embedding model and the examples are English; other languages are judged by word alone."""

SHARPNESS = 6.0
RIDGE = 0.03
WHOLE_UNSURE = -0.02
SENTENCE_UNSURE = 0.3
CERTAIN = 0.35
"""Scores lie about from -1 (ordinary) to 1 (sensitive). The first two were chosen on sentences outside the test."""

OWN_UNSURE = 0.6
OWN_CERTAIN = 0.7
"""Cosines with a brand's own examples."""

WHOLE_CHARACTERS = 400
SENTENCES = 8
SENTENCE_CHARACTERS = 160
FEWEST_WORDS = 4

Scores = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """`topic` is None for ordinary support."""

    topic: Topic | None
    text: str


class TopicJudge:
    """Judges by meaning; safe to use from several threads."""

    reads_meaning = True

    def __init__(self, load_embedder: Callable[[], Embedder]) -> None:
        """`load_embedder` is called at the first ticket, and so are the examples read and encoded."""
        self._load_embedder = load_embedder
        self._lock = Lock()
        self._ready: tuple[Embedder, Vectors] | None = None
        self._solved: dict[frozenset[Topic], _Memory] = {}
        self._own = lru_cache(maxsize=256)(self._encoded)

    def judge(self, text: str, *, language: str, rules: KeepBackRules) -> Verdict:
        """Its verdict on a ticket's text; ordinary where it cannot read: in other languages, without a whole model."""
        if language.lower().partition("-")[0] != SPOKEN or not self._can_read():
            return ORDINARY
        whole, sentences = _units(text)
        memory, vectors = self._memory(rules.watched), self._vectors(whole, sentences)
        return _by_own_examples(vectors, self._own(rules.examples), rules.examples) or memory.verdict(vectors)

    def _can_read(self) -> bool:
        try:
            self._loaded()
        except (ModelMissing, ModelDamaged) as error:
            log.warning("eligibility.by_word_alone", reason=str(error))
            return False
        return True

    def _vectors(self, whole: str, sentences: Sequence[str]) -> Vectors:
        embedder, _ = self._loaded()
        first = embedder.encode_query(whole)[None, :]
        return np.concatenate([first, embedder.encode(sentences)]) if sentences else first

    def _memory(self, topics: frozenset[Topic]) -> "_Memory":
        _, vectors = self._loaded()
        with self._lock:
            if topics not in self._solved:
                self._solved[topics] = _solved(vectors, topics)
            return self._solved[topics]

    def _loaded(self) -> tuple[Embedder, Vectors]:
        with self._lock:
            if self._ready is None:
                embedder = self._load_embedder()
                self._ready = embedder, embedder.encode([one.text for one in examples()])
            return self._ready

    def _encoded(self, texts: tuple[str, ...]) -> Vectors:
        embedder, _ = self._loaded()
        return embedder.encode(texts)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Memory:
    """The examples of some topics, with how hard each pulls."""

    vectors: Vectors
    pulls: Scores
    sensitive: Vectors
    reasons: tuple[Example, ...]

    def verdict(self, units: Vectors) -> Verdict:
        """On a whole text, the first of `units`, and its sentences, the rest."""
        scores = _pull(_cosines(units, self.vectors)) @ self.pulls
        limits = np.full(len(units), SENTENCE_UNSURE, dtype=np.float32)
        limits[0] = WHOLE_UNSURE
        over = np.flatnonzero(scores > limits)
        if not over.size:
            return ORDINARY
        worst = int(over[scores[over].argmax()])
        nearest = self.reasons[int(_cosines(units[worst : worst + 1], self.sensitive).argmax())]
        assert nearest.topic is not None
        outcome = Outcome.KEPT_BACK if scores[worst] >= CERTAIN else Outcome.UNSURE
        return Verdict(
            outcome=outcome, reason=f"{NAMES[nearest.topic]}: it reads like “{nearest.text.rstrip('.')}”"
        )


@lru_cache(maxsize=1)
def examples() -> tuple[Example, ...]:
    """The shipped sentences."""
    lines = (line.split("\t") for line in EXAMPLES.read_text(encoding="utf-8").splitlines()[1:])
    return tuple(
        Example(topic=None if label == "ordinary" else Topic(label), text=text) for label, text in lines
    )


def _solved(vectors: Vectors, topics: frozenset[Topic]) -> _Memory:
    """Examples of topics that nobody watches are left out. Both sides weigh the same, however many they are."""
    known = examples()
    kept = [at for at, one in enumerate(known) if one.topic is None or one.topic in topics]
    chosen = vectors[kept]
    sides = np.array([-1.0 if known[at].topic is None else 1.0 for at in kept], dtype=np.float32)
    sizes = np.where(sides > 0, (sides > 0).sum(), (sides < 0).sum())
    weights = (1 / sizes) / np.mean(1 / sizes)
    pulls = np.linalg.solve(_pull(chosen @ chosen.T) + np.diag(RIDGE / weights), sides)
    sensitive = sides > 0
    return _Memory(
        vectors=chosen,
        pulls=pulls.astype(np.float32),
        sensitive=chosen[sensitive],
        reasons=tuple(known[at] for at in kept if known[at].topic is not None),
    )


def _pull(cosines: Scores) -> Scores:
    """1 in the same direction, falling with the angle."""
    return np.asarray(np.exp(SHARPNESS * (cosines - 1)), dtype=np.float32)


def _cosines(few: Vectors, many: Vectors) -> Scores:
    """Without BLAS: its threads cost more than so small a product."""
    return np.asarray(np.einsum("id,jd->ij", few, many), dtype=np.float32)


def _by_own_examples(units: Vectors, own: Vectors, texts: tuple[str, ...]) -> Verdict | None:
    if not texts:
        return None
    nearness = _cosines(units, own).max(axis=0)
    best = int(nearness.argmax())
    if nearness[best] < OWN_UNSURE:
        return None
    outcome = Outcome.KEPT_BACK if nearness[best] >= OWN_CERTAIN else Outcome.UNSURE
    return Verdict(outcome=outcome, reason=f"it reads like your own example “{texts[best].rstrip('.')}”")


def _units(text: str) -> tuple[str, list[str]]:
    """The beginning of the text, and its sentences where it has more than one."""
    plain = re.sub(r"\s+", " ", text).strip()
    lines = [line for line in text.splitlines() if line.strip()]
    sentences = [
        one[:SENTENCE_CHARACTERS]
        for line in lines
        for one in split_sentences(line)
        if len(one.split()) >= FEWEST_WORDS
    ]
    return plain[:WHOLE_CHARACTERS], sentences[:SENTENCES] if len(sentences) > 1 else []

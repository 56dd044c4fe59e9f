"""A corpus of files made to do harm: each is refused or read with a plain sentence, in little memory, leaving nothing.

How long each may take is not watched here: the kernel ends its process after 20 s of computing and the nursery after
30 s, and then the sentence would be another one (test_apart shows that both limits hold).
"""

import io
import re
import zipfile
from pathlib import Path

import pytest

from knowledge_base.reading import apart
from knowledge_base.reading.apart import read_apart
from knowledge_base.reading.sandbox import CPU_SECONDS
from knowledge_base.reading.verdicts import OUR_FAULT, TOO_LONG
from tests.knowledge_base.bad_files import BAD_FILES, BadFile
from tests.knowledge_base.quine import quine_zip

MEMORY_BYTES = 512_000_000
WHAT_TO_DO = re.compile(
    r"\b(save|split|export|open|pack|remove|write|run|upload|unpack|name|print|put|give|correct|delete|keep|shorten|"
    r"correct)\b",
    re.IGNORECASE,
)


def test_the_corpus_has_at_least_sixty_files() -> None:
    assert len(BAD_FILES) >= 60
    assert CPU_SECONDS <= 20


def test_the_quine_holds_itself_byte_for_byte() -> None:
    content = quine_zip()

    assert zipfile.ZipFile(io.BytesIO(content)).read("quine.zip") == content


@pytest.mark.parametrize("bad", BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_bad_file_ends_in_a_plain_sentence_and_in_little_memory(bad: BadFile) -> None:
    reading = read_apart(bad.name, bad.build())

    reasons = [refusal.reason for refusal in reading.refusals]
    said = "\n".join(section.text for document in reading.documents for section in document.sections)
    assert bad.told in (said if bad.reads else "\n".join(reasons))
    assert bool(reading.documents) or not bad.reads
    assert all(WHAT_TO_DO.search(reason) and reason.endswith(".") for reason in reasons)
    assert not {TOO_LONG, OUR_FAULT} & set(reasons)
    assert reading.peak_bytes < MEMORY_BYTES
    assert _left_of(apart.nursery.pid) == []


def _left_of(nursery: int | None) -> list[str]:
    """Processes that a file left behind, zombies among them; none before the first file was read."""
    if nursery is None:
        return []
    return Path(f"/proc/{nursery}/task/{nursery}/children").read_text().split()

"""What holds of the processes that parse: limited, fenced in, gone afterwards, and every end is a plain sentence."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from knowledge_base.reading import apart
from knowledge_base.reading.apart import File, fence_in_use, read_all_apart, read_apart
from knowledge_base.reading.documents import Document, Refusal, Section
from knowledge_base.reading.formats import MAX_UPLOAD_BYTES, Kind
from knowledge_base.reading.sandbox import Fence, Limits
from knowledge_base.reading.verdicts import (
    ANSWER_BYTES_MAX,
    BROKEN,
    FAILED,
    OUR_FAULT,
    OUT_OF_MEMORY,
    TOO_LONG,
    TOO_MUCH_MEMORY,
    TOO_MUCH_TEXT,
    Ending,
    judged,
)
from knowledge_base.reading.wire import packed, unpacked

ARTICLE = b"# Returns\n\nWithin 30 days."
MANY_LINES = b"\n".join(
    json.dumps({"id": str(n), "title": "T", "text": "*a* **b** [c](d) " * 60}).encode() for n in range(9_000)
)


def test_a_file_is_read_in_another_process() -> None:
    reading = read_apart("returns.md", ARTICLE)

    assert [(document.key, document.title) for document in reading.documents] == [("returns.md", "Returns")]
    assert reading.documents[0].sections[0].text == "Within 30 days."
    assert 0 < reading.peak_bytes < 512_000_000


def test_a_text_without_a_file_name_is_read_as_the_kind_it_is_said_to_be() -> None:
    reading = read_apart("faq/1", b"<h1>Pay</h1><p>By card.</p>", kind=Kind.HTML)

    assert reading.documents[0].title == "Pay"


def test_a_name_with_marks_that_no_file_system_takes_is_read_as_a_name() -> None:
    read = read_apart("\0\u202e\ud800.md", ARTICLE)
    refused = read_apart("\0\u202e\ud800.md", b"")

    assert [document.key for document in read.documents] == [".md"]
    assert "empty" in refused.refusals[0].reason


def test_several_files_are_read_at_the_same_time() -> None:
    with ThreadPoolExecutor(6) as threads:
        readings = list(threads.map(lambda n: read_apart(f"{n}.md", ARTICLE), range(12)))

    assert [reading.documents[0].key for reading in readings] == [f"{n}.md" for n in range(12)]


def test_many_short_files_are_each_read_in_their_order() -> None:
    files = [(f"{n}.md", f"# Article {n}\n\nText.".encode()) for n in range(120)]
    files[60:60] = [("picture.png", b"\x89PNG"), ("long.md", b"Long. " * 20_000), ("empty.md", b"")]

    readings = list(read_all_apart(files))

    found = [document.key for reading in readings for document in reading.documents]
    assert found == [name for name, _ in files if name not in ("picture.png", "empty.md")]
    assert [bool(reading.refusals) for reading in readings].index(True) == 60
    assert len(readings) == len(files)


def _breaking(files: Sequence[File], limits: Limits) -> Ending | None:
    """A nursery whose children crash over a file named so."""
    if any("crash" in file.name for file in files):
        return Ending(answer=b"seccomp\n", code=-signal.SIGSEGV)
    return apart.nursery.ask(files, limits)


def test_one_file_that_breaks_its_child_does_not_take_the_others_along() -> None:
    files = [("a.md", ARTICLE), ("crash.md", ARTICLE), ("c.md", ARTICLE)]

    readings = list(read_all_apart(files, ask=_breaking))

    assert [len(reading.documents) for reading in readings] == [1, 0, 1]
    assert readings[1].refusals == (Refusal(name="crash.md", reason=BROKEN),)


def test_a_file_that_takes_too_long_is_refused_and_the_next_is_read() -> None:
    slow = read_apart("a.jsonl", MANY_LINES, limits=Limits(cpu_seconds=1))
    late = read_apart("b.jsonl", MANY_LINES, limits=Limits(wall_seconds=0.0))

    assert [slow.refusals, late.refusals] == [
        (Refusal(name="a.jsonl", reason=TOO_LONG),),
        (Refusal(name="b.jsonl", reason=TOO_LONG),),
    ]
    assert read_apart("c.md", ARTICLE).documents


def test_a_file_that_needs_too_much_memory_is_refused_and_the_next_is_read() -> None:
    refused = read_apart("a.jsonl", MANY_LINES, limits=Limits(data_bytes=40_000_000))

    assert refused.refusals == (Refusal(name="a.jsonl", reason=TOO_MUCH_MEMORY),)
    assert read_apart("b.md", ARTICLE).documents


def test_a_file_larger_than_an_upload_is_refused_unread() -> None:
    refused = read_apart("a.md", b"x" * (MAX_UPLOAD_BYTES + 1))

    assert "25 MB" in refused.refusals[0].reason


def test_reading_goes_on_after_the_parsing_process_was_killed() -> None:
    read_apart("a.md", ARTICLE)
    os.kill(_nursery(), signal.SIGKILL)

    assert read_apart("b.md", ARTICLE).documents


def test_no_process_is_left_of_a_file() -> None:
    read_apart("a.md", ARTICLE)
    read_apart("b.jsonl", MANY_LINES, limits=Limits(wall_seconds=0.0))

    assert _children(_nursery()) == []


@pytest.mark.parametrize(
    ("ending", "reason"),
    [
        (Ending(answer=b"seccomp\n", code=OUT_OF_MEMORY), TOO_MUCH_MEMORY),
        (Ending(answer=b"seccomp\n", code=-signal.SIGKILL), TOO_MUCH_MEMORY),
        (Ending(answer=b"seccomp\n", code=-signal.SIGKILL, overdue=True), TOO_LONG),
        (Ending(answer=b"seccomp\n", code=-signal.SIGXCPU), TOO_LONG),
        (Ending(answer=b"seccomp\nValueError", code=FAILED), BROKEN),
        (Ending(answer=b"seccomp\n", code=-signal.SIGSEGV), BROKEN),
        (Ending(answer=b"seccomp\n[[1]]", code=0), BROKEN),
        (Ending(answer=b"seccomp\n[[], []]", code=0), BROKEN),
        (Ending(answer=b"seccomp\n" + b"[" * 100_000, code=0), BROKEN),
        (Ending(answer=b'seccomp\n[[{"name": "a", "reason": 1}]]', code=0), BROKEN),
        (Ending(answer=b"", code=None), OUR_FAULT),
        (Ending(answer=b"x" * (ANSWER_BYTES_MAX + 1), code=FAILED), TOO_MUCH_TEXT),
    ],
    ids=str,
)
def test_each_way_to_end_has_its_sentence(ending: Ending, reason: str) -> None:
    assert judged("a.md", ending).refusals == (Refusal(name="a.md", reason=reason),)


def test_documents_pass_between_processes_unchanged() -> None:
    document = Document(
        key="k",
        title="Ünï",
        sections=(Section(path=("A", "B"), text="x\ny", page=3), Section(path=(), text="z")),
        language="de",
        extra=("Folder",),
        notes=("2 pieces of hidden text were left out.",),
    )
    refusal = Refusal(name="row 3", reason="It has no answer.")

    reading, nothing = unpacked(packed([[document, refusal], []]), 2)

    assert (reading.documents, reading.refusals) == ((document,), (refusal,))
    assert nothing.outcomes == ()


ATTEMPTS = """
import os, socket, signal, subprocess, ctypes, sys
from knowledge_base.reading.sandbox import Limits, confine
listening = socket.create_server(("127.0.0.1", 0))
address = listening.getsockname()
victim, target, made = int(sys.argv[1]), sys.argv[2], sys.argv[2] + ".made"
print(confine(Limits()).value)
def attempt(name, act):
    try:
        act()
    except MemoryError:
        print(name, "no memory")
    except OSError as error:
        print(name, error.errno)
    else:
        print(name, "DONE")
attempt("connect", lambda: socket.create_connection(address, 1))
attempt("pair", socket.socketpair)
attempt("fork", os.fork)
attempt("exec", lambda: os.execv("/bin/true", ["true"]))
attempt("kill", lambda: os.kill(victim, signal.SIGKILL))
attempt("write", lambda: open(target, "w"))
attempt("make", lambda: open(made, "x"))
attempt("remove", lambda: os.remove(target))
attempt("rename", lambda: os.rename(target, made))
attempt("mkdir", lambda: os.mkdir(made))
attempt("chmod", lambda: os.chmod(target, 0o777))
attempt("memory", lambda: bytearray(500_000_000))
attempt("limits", lambda: __import__("resource").prlimit(0, 0, (1, 1)))
attempt("read", lambda: open(target).read())
"""


def test_a_confined_process_can_read_and_compute_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "kept.txt"
    target.write_text("kept")

    tried = subprocess.run(
        [sys.executable, "-c", ATTEMPTS, str(os.getpid()), str(target)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    fence, *outcomes = tried.stdout.splitlines()
    assert fence == Fence.SECCOMP
    assert dict(outcome.split(" ", 1) for outcome in outcomes) == {
        **dict.fromkeys(
            (
                "connect",
                "pair",
                "fork",
                "exec",
                "kill",
                "write",
                "make",
                "remove",
                "rename",
                "mkdir",
                "chmod",
            ),
            "1",
        ),
        "memory": "no memory",
        "limits": "1",
        "read": "DONE",
    }
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]


def test_a_parsing_process_knows_no_secret_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_API_KEY", "sk_test_secret")
    read_apart("a.md", ARTICLE)
    apart.nursery.stop()
    read_apart("a.md", ARTICLE)

    environment = Path(f"/proc/{_nursery()}/environ").read_bytes()

    assert b"PYTHONPATH=" in environment
    assert b"secret" not in environment


def test_the_fence_in_use_can_be_asked_for() -> None:
    assert fence_in_use() is Fence.SECCOMP


def _nursery() -> int:
    pid = apart.nursery.pid
    assert pid is not None
    return pid


def _children(parent: int) -> list[str]:
    return Path(f"/proc/{parent}/task/{parent}/children").read_text().split()

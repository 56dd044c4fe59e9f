"""What holds of imports: nothing lost or twice, bad files named, and a killed job goes on where it was."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy import event, func, select

from knowledge_base import import_files as files_of_imports
from knowledge_base import import_queries
from knowledge_base import imports as imports_of_files
from knowledge_base.import_files import (
    FAILED_CONTENT_IS_KEPT,
    MAX_IMPORT_BYTES,
    MAX_IMPORT_FILES,
    MAX_IMPORT_LINES,
    OPEN_IS_KEPT,
    ImportIsClosed,
    ImportNotFound,
    ImportTooLarge,
    NoFiles,
    NothingToRetry,
    TooManyFiles,
    TooManyLines,
    TooMuchHeld,
    add_files,
    close_import,
    forget_uploads,
    open_import,
    retry_failed,
    retry_file,
    start_import,
)
from knowledge_base.import_models import FileState, ImportFile, ImportPart, ImportState
from knowledge_base.import_queries import (
    PAUSE_SECONDS,
    FileLine,
    ImportStatus,
    import_files,
    import_status,
    imports,
    unfinished_imports,
)
from knowledge_base.imports import (
    ATTEMPTS,
    FILES_PER_TRANSACTION,
    MAX_FILE_REFUSALS,
    PROGRESS_STEPS,
    STOPPED,
    fail_import,
    read_import,
)
from knowledge_base.models import Article
from knowledge_base.queries import article_by_key, articles, holdings
from knowledge_base.reading.reader import LocalReader, NamedFile, Portion
from knowledge_base.reading.wire import Reading
from marketplace.events.queries import Told, facts_about
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Scope
from marketplace.kernel.ids import BrandId, ImportId, new_id
from tests.builders import Clock
from tests.fakes import Killed, MortalDatabase
from tests.knowledge_base.conftest import KnowledgeBase, document

File = tuple[str, bytes]


def _start(base: KnowledgeBase, brand: BrandId, files: Sequence[File]) -> ImportId:
    with base.database.transaction(Scope(brand=brand)) as tx:
        return start_import(tx, brand=brand, files=files, author=None, now=app_now(tx))


def _import(base: KnowledgeBase, brand: BrandId, files: Sequence[File]) -> ImportStatus:
    import_id = _start(base, brand, files)
    read_import(base.database, brand, import_id)
    return _status(base, brand, import_id)


def _status(base: KnowledgeBase, brand: BrandId, import_id: ImportId) -> ImportStatus:
    with base.database.transaction(Scope(brand=brand)) as tx:
        return import_status(tx, brand=brand, import_id=import_id)


def _files(base: KnowledgeBase, brand: BrandId, import_id: ImportId) -> list[FileLine]:
    with base.database.transaction(Scope(brand=brand)) as tx:
        return list(import_files(tx, brand=brand, import_id=import_id).lines)


def _told(base: KnowledgeBase, import_id: ImportId) -> list[Told]:
    with base.database.transaction() as tx:
        return facts_about(tx, import_id)


def _count(base: KnowledgeBase, table: type[Article] | type[ImportPart]) -> int:
    with base.database.transaction() as tx:
        return tx.scalar(select(func.count()).select_from(table)) or 0


def markdown(count: int) -> list[File]:
    return [(f"a{n:04}.md", f"# Article {n}\n\nText of article {n}.".encode()) for n in range(count)]


def jsonl(count: int, *, name: str = "docs.jsonl") -> File:
    lines = [
        {"id": f"{name}-{n}", "title": f"Entry {n}", "text": f"Answer number {n}."} for n in range(count)
    ]
    return name, "\n".join(json.dumps(line) for line in lines).encode()


def test_files_of_all_kinds_become_articles_and_leave_no_copy(base: KnowledgeBase, brand: BrandId) -> None:
    page = b"<html><title>Shipping</title><body><h1>Shipping</h1><p>By rail.</p></body></html>"

    status = _import(base, brand, [*markdown(2), ("ship/times.html", page), jsonl(3)])

    with base.database.transaction(Scope(brand=brand)) as tx:
        titles = {line.title for line in articles(tx, brand=brand).lines}
    assert titles == {"Article 0", "Article 1", "Shipping", "Entry 0", "Entry 1", "Entry 2"}
    assert (status.files, status.files_read, status.articles) == (4, 4, 6)
    assert status.state is ImportState.INDEXING
    assert status.progress == 1
    assert _count(base, ImportPart) == 0


def test_an_import_is_ready_once_its_articles_can_be_found(base: KnowledgeBase, brand: BrandId) -> None:
    status = _import(base, brand, markdown(3))

    base.index(brand)

    found = _status(base, brand, status.id)
    assert found.state is ImportState.READY
    assert found.finished_at is not None
    assert base.texts(brand, "text of article 2")[0] == "Text of article 2."


def test_an_import_that_changes_nothing_is_ready_at_once(base: KnowledgeBase, brand: BrandId) -> None:
    _import(base, brand, [*markdown(3), jsonl(130)])
    base.index(brand)

    again = _import(base, brand, [*markdown(3), jsonl(130)])

    assert (again.articles, again.unchanged) == (0, 133)
    assert again.state is ImportState.READY
    assert base.index(brand) is None


def test_bad_files_are_named_and_the_rest_is_read(base: KnowledgeBase, brand: BrandId) -> None:
    broken = b'{"id": "1", "title": "Good", "text": "Fine."}\n{nonsense\n\n{"id": "2", "title": "No text"}'
    files = [
        ("empty.md", b""),
        ("picture.png", b"\x89PNG"),
        ("binary.md", b"# A\0B"),
        ("latin.md", "# Größe".encode("latin-1")),
        ("faq.jsonl", broken),
        ("none.jsonl", b"\n\n"),
        ("---.md", b"Text under a name without a word."),
        ("good.md", b"# Good\n\nText."),
        ("good.md", b"# Again\n\nThe same name."),
        ("sub/\0odd\u202e.md".encode().decode(), b"# Odd name\n\nText."),
    ]

    status = _import(base, brand, files)

    reasons = {refused.name: refused.reason for refused in status.refusals}
    assert set(reasons) == {
        "empty.md", "picture.png", "binary.md", "latin.md", "faq.jsonl, line 2", "faq.jsonl, line 4",
        "none.jsonl", "---.md", "good.md",
    }  # fmt: skip
    assert all(len(reason) > 20 for reason in reasons.values())
    assert "same name" in reasons["good.md"]
    assert status.articles == 3
    assert status.state is ImportState.INDEXING
    with base.database.transaction(Scope(brand=brand)) as tx:
        assert article_by_key(tx, brand=brand, key="good.md").line.title == "Good"
        assert article_by_key(tx, brand=brand, key="sub/odd.md").line.title == "Odd name"


def test_line_numbers_hold_across_parts_of_a_file(base: KnowledgeBase, brand: BrandId) -> None:
    name, content = jsonl(250)
    lines = content.split(b"\n")
    lines[230] = b"{nonsense"
    lines[240] = lines[10]

    status = _import(base, brand, [(name, b"\n".join(lines))])

    assert [refused.name for refused in status.refusals] == ["docs.jsonl, line 231", "docs.jsonl-10"]
    assert (status.files, status.files_read, status.articles) == (1, 1, 248)


def test_an_import_of_nothing_readable_has_failed(base: KnowledgeBase, brand: BrandId) -> None:
    status = _import(base, brand, [("empty.md", b""), ("a.exe", b"MZ")])

    assert status.state is ImportState.FAILED
    assert status.finished_at is not None
    assert len(status.refusals) == 2


def test_refusals_without_end_are_counted_not_listed(base: KnowledgeBase, brand: BrandId) -> None:
    bad = MAX_FILE_REFUSALS + 250

    status = _import(base, brand, [("bad.jsonl", b"nonsense\n" * bad), *markdown(1)])

    assert len(status.refusals) == MAX_FILE_REFUSALS
    assert status.more_refusals == 250
    assert status.articles == 1


def test_of_many_bad_files_those_first_are_listed_and_the_rest_is_counted(
    base: KnowledgeBase, brand: BrandId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_queries, "MAX_REFUSALS", 4)
    lines = ("lines.jsonl", jsonl(1)[1] + b"\nnonsense" * (MAX_FILE_REFUSALS + 3))
    status = _import(base, brand, [("a.md", b""), *markdown(1), lines, ("z.md", b"")])
    loaded: list[str] = []

    def note(file: ImportFile, _context: object) -> None:
        loaded.append(file.name)

    event.listen(ImportFile, "load", note)
    assert _status(base, brand, status.id) == status
    event.remove(ImportFile, "load", note)
    assert loaded == ["a.md", "lines.jsonl"]
    assert [refused.name for refused in status.refusals] == [
        "a.md",
        *(f"lines.jsonl, line {number}" for number in (2, 3, 4)),
    ]
    assert status.more_refusals == MAX_FILE_REFUSALS + 1
    other = _import(base, brand, [("b.md", b"")])
    assert ([refused.name for refused in other.refusals], other.more_refusals) == (["b.md"], 0)


@pytest.mark.parametrize(
    ("files", "error"),
    [
        ([], NoFiles),
        ([(f"{n}.md", b"x") for n in range(MAX_IMPORT_FILES + 1)], TooManyFiles),
        ([("a.md", b"x" * MAX_IMPORT_BYTES), ("b.md", b"x")], ImportTooLarge),
        ([("a.jsonl", b"\n" * MAX_IMPORT_LINES)], TooManyLines),
    ],
    ids=["no files", "too many files", "too many bytes", "too many lines"],
)
def test_uploads_beyond_the_limits_are_refused_whole(
    base: KnowledgeBase, brand: BrandId, files: list[File], error: type[Exception]
) -> None:
    with pytest.raises(error):
        _start(base, brand, files)
    assert _count(base, ImportPart) == 0


def test_an_upload_at_the_limit_of_files_is_taken(base: KnowledgeBase, brand: BrandId) -> None:
    import_id = _start(base, brand, [(f"{n}.md", b"") for n in range(MAX_IMPORT_FILES)])

    assert _status(base, brand, import_id).files == MAX_IMPORT_FILES


def test_progress_is_told_in_bounded_steps(base: KnowledgeBase, brand: BrandId) -> None:
    status = _import(base, brand, [jsonl(3_000)])

    told = _told(base, status.id)
    states = [fact.body["state"] for fact in told[1:]]
    assert told[0].kind == "import_started"
    assert states == ["queued", *["reading"] * (len(states) - 2), "indexing"]
    assert PROGRESS_STEPS - 2 <= len(states) <= PROGRESS_STEPS + 3


def test_progress_is_a_share_of_what_there_is_to_read(
    base: KnowledgeBase, brand: BrandId, mortal: MortalDatabase
) -> None:
    import_id = _start(base, brand, [jsonl(1_000)])
    mortal.dies_at, mortal.dies_after_commit = 10, True

    with pytest.raises(Killed):
        read_import(mortal, brand, import_id)

    status = _status(base, brand, import_id)
    assert (status.progress, status.files_read, status.articles) == (0.3, 0, 300)


@pytest.mark.parametrize("after_commit", [False, True], ids=["before the commit", "after the commit"])
def test_an_import_killed_at_any_transaction_goes_on_where_it_was(
    base: KnowledgeBase, mortal: MortalDatabase, after_commit: bool
) -> None:
    files = [*markdown(FILES_PER_TRANSACTION + 3), ("bad.md", b""), jsonl(120)]
    for dies_at in range(1, 15):
        brand = base.brand()
        import_id = _start(base, brand, files)
        mortal.transactions, mortal.dies_at, mortal.dies_after_commit = 0, dies_at, after_commit

        with pytest.raises(Killed):
            read_import(mortal, brand, import_id)
        state = read_import(base.database, brand, import_id)

        status = _status(base, brand, import_id)
        assert state is ImportState.INDEXING
        assert (status.files, status.files_read) == (55, 55)
        assert (status.articles, status.unchanged) == (173, 0)
        assert [refused.name for refused in status.refusals] == ["bad.md"]
        with base.database.transaction(Scope(brand=brand)) as tx:
            assert holdings(tx, brand=brand).articles == 173


class ReadsAhead(LocalReader):
    """A reader that takes a hundred files or 40,000 bytes, and tells how much was kept before each of its files."""

    portion = Portion(files=100, content_bytes=40_000)

    def __init__(self, base: KnowledgeBase) -> None:
        self._base = base
        self.given: list[tuple[int, int]] = []
        self.kept: list[int] = []

    def read(self, files: Sequence[File]) -> Iterator[Reading]:
        self.given.append((len(files), sum(len(content) for _, content in files)))
        for reading in super().read(files):
            self.kept.append(_count(self._base, Article))
            yield reading


def test_a_reader_is_given_its_portion_at_once_and_each_slice_is_kept_before_the_next_is_read(
    base: KnowledgeBase, brand: BrandId
) -> None:
    files = [
        *markdown(120),
        *[(f"long{n}.md", b"# Long\n\n" + b"Text. " * 5_000) for n in range(3)],
        jsonl(250),
    ]
    import_id, reader = _start(base, brand, files), ReadsAhead(base)

    read_import(base.database, brand, import_id, reader=reader)

    status = _status(base, brand, import_id)
    assert (status.articles, status.unchanged, status.files_read) == (373, 0, 124)
    assert reader.given[0][0] == 100
    assert sum(files for files, _ in reader.given) == 126
    assert reader.kept[:100] == [0] * 50 + [50] * 50
    assert reader.kept[100:] == sorted(reader.kept[100:])


def test_a_portion_has_at_least_one_slice_and_no_more_bytes_than_said(
    base: KnowledgeBase, brand: BrandId
) -> None:
    long = [(f"long{n}.md", b"# Long\n\n" + b"Text. " * 100_000) for n in range(4)]
    reader = ReadsAhead(base)

    read_import(base.database, brand, _start(base, brand, [*long, jsonl(250)]), reader=reader)

    assert [files for files, _ in reader.given] == [1, 1, 1, 1, 3]


def test_an_import_that_read_ahead_and_was_killed_goes_on_where_it_was(
    base: KnowledgeBase, brand: BrandId, mortal: MortalDatabase
) -> None:
    for dies_at in (3, 4, 5, 6):
        import_id = _start(base, brand := base.brand(), markdown(130))
        mortal.transactions, mortal.dies_at, mortal.dies_after_commit = 0, dies_at, True

        with suppress(Killed):
            read_import(mortal, brand, import_id, reader=ReadsAhead(base))
        read_import(base.database, brand, import_id, reader=ReadsAhead(base))

        status = _status(base, brand, import_id)
        assert (status.articles, status.unchanged, status.files_read) == (130, 0, 130)


_READ = """
import sys
from uuid import UUID
from knowledge_base.imports import read_import
from marketplace.kernel.db import Database, Role
from workers_ui.bootstrap import same_transaction_bus

url, brand, import_id = sys.argv[1:]
database = Database(url, role=Role.BACKGROUND, shared={"bus": same_transaction_bus()})
read_import(database, UUID(brand), UUID(import_id))
"""


def test_kill_9_in_the_middle_loses_and_doubles_nothing(
    base: KnowledgeBase, brand: BrandId, database_url: str
) -> None:
    import_id = _start(base, brand, [jsonl(1_000), jsonl(1_000, name="more.jsonl")])
    job = subprocess.Popen([sys.executable, "-c", _READ, database_url, str(brand), str(import_id)])
    deadline = time.monotonic() + 60
    while _status(base, brand, import_id).articles == 0:
        assert time.monotonic() < deadline, "the job never began"
        time.sleep(0.01)
    os.kill(job.pid, signal.SIGKILL)
    job.wait()
    interrupted = _status(base, brand, import_id)

    read_import(base.database, brand, import_id)

    status = _status(base, brand, import_id)
    assert interrupted.articles < 2_000
    assert (status.articles, status.unchanged, status.files_read) == (2_000, 0, 2)
    assert _count(base, Article) == 2_000


def test_two_jobs_on_one_import_share_the_work(base: KnowledgeBase, brand: BrandId) -> None:
    import_id = _start(base, brand, [*markdown(60), jsonl(600)])

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda _: read_import(base.database, brand, import_id), range(2)))

    status = _status(base, brand, import_id)
    assert (status.articles, status.unchanged, status.refusals) == (660, 0, ())
    assert status.state is ImportState.INDEXING
    assert [fact.body.get("state") for fact in _told(base, import_id)].count("indexing") == 1


def test_an_import_given_up_names_what_was_not_read(base: KnowledgeBase, brand: BrandId) -> None:
    import_id = _start(base, brand, markdown(2))

    with base.database.transaction(Scope(brand=brand)) as tx:
        assert unfinished_imports(tx) == [(brand, import_id)]
        fail_import(tx, brand=brand, import_id=import_id)

    status = _status(base, brand, import_id)
    assert status.state is ImportState.FAILED
    assert [refused.name for refused in status.refusals] == ["a0000.md", "a0001.md"]
    assert read_import(base.database, brand, import_id) is ImportState.FAILED
    with base.database.transaction() as tx:
        assert unfinished_imports(tx) == []


class BrokenReader(LocalReader):
    """Breaks at every file, as when its process is killed."""

    def read(self, files: Sequence[NamedFile]) -> Iterator[Reading]:
        raise Killed


def test_an_import_whose_job_fails_again_and_again_waits_longer_and_is_given_up(
    base: KnowledgeBase, brand: BrandId, clock: Clock
) -> None:
    import_id = _start(base, brand, markdown(2))

    for attempt in range(1, ATTEMPTS + 1):
        with pytest.raises(Killed):
            read_import(base.database, brand, import_id, reader=BrokenReader())
        with base.database.transaction() as tx:
            assert unfinished_imports(tx) == []
        clock.forward(timedelta(seconds=attempt * PAUSE_SECONDS))
        with base.database.transaction() as tx:
            assert unfinished_imports(tx) == [(brand, import_id)]
    assert read_import(base.database, brand, import_id, reader=BrokenReader()) is ImportState.FAILED

    assert {line.problem.reason for line in _files(base, brand, import_id)} == {STOPPED.reason}
    with base.database.transaction(Scope(brand=brand)) as tx:
        retry_failed(tx, brand=brand, import_id=import_id, now=app_now(tx))
    assert read_import(base.database, brand, import_id) is ImportState.INDEXING


def test_an_import_that_goes_on_is_not_given_up_however_often_it_is_cut_off(
    base: KnowledgeBase, brand: BrandId, mortal: MortalDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports_of_files, "FILES_PER_TRANSACTION", 1)
    import_id = _start(base, brand, markdown(ATTEMPTS + 2))
    for _ in range(ATTEMPTS + 1):
        mortal.transactions, mortal.dies_at, mortal.dies_after_commit = 0, 4, True
        with pytest.raises(Killed):
            read_import(mortal, brand, import_id)
    assert read_import(base.database, brand, import_id) is ImportState.INDEXING


def test_history_is_newest_first_and_of_one_brand(base: KnowledgeBase, brand: BrandId, db: Database) -> None:
    other = base.brand()
    first, second = _start(base, brand, markdown(1)), _start(base, brand, markdown(1))
    hidden = _start(base, other, markdown(1))

    with db.transaction(Scope(brand=brand)) as tx:
        assert [status.id for status in imports(tx, brand=brand).lines] == [second, first]
        assert imports(tx, brand=other).lines == ()
        with pytest.raises(ImportNotFound):
            import_status(tx, brand=brand, import_id=hidden)
    with pytest.raises(ImportNotFound):
        read_import(base.database, brand, ImportId(new_id()))


def test_an_import_replaces_what_was_edited_while_it_waited(base: KnowledgeBase, brand: BrandId) -> None:
    import_id = _start(base, brand, [jsonl(200)])
    base.put(brand, document(key="docs.jsonl-150", text="Edited by hand."))

    read_import(base.database, brand, import_id)

    with base.database.transaction(Scope(brand=brand)) as tx:
        edited = article_by_key(tx, brand=brand, key="docs.jsonl-150")
    assert [line.number for line in edited.revisions] == [2, 1]
    assert edited.passages[0].text == "Answer number 150."


# File by file


def test_each_file_says_what_it_gave(base: KnowledgeBase, brand: BrandId) -> None:
    _import(base, brand, [("a.md", b"# A\n\nOne."), ("b.md", b"# B\n\nTwo.")])

    status = _import(
        base,
        brand,
        [("a.md", b"# A\n\nOne."), ("b.md", b"# B\n\nTwo, mended."), ("c.md", b"# C\n\n" + b"word " * 300)],
    )

    files = {file.name: file for file in _files(base, brand, status.id)}
    gave = {
        name: (file.articles_new, file.articles_changed, file.articles_unchanged)
        for name, file in files.items()
    }
    assert gave == {"a.md": (0, 0, 1), "b.md": (0, 1, 0), "c.md": (1, 0, 0)}
    assert files["c.md"].passages == 3
    assert {file.state for file in files.values()} == {FileState.INDEXING}
    base.index(brand)
    assert {file.state for file in _files(base, brand, status.id)} == {FileState.READY}
    done = _status(base, brand, status.id)
    assert (done.articles_new, done.articles_changed, done.unchanged) == (1, 1, 1)
    assert done.by_state == {FileState.READY: 3}


def test_a_failed_file_keeps_reason_and_remedy_apart_beside_those_that_are_ready(
    base: KnowledgeBase, brand: BrandId
) -> None:
    status = _import(base, brand, [("empty.md", b""), *markdown(1)])

    failed, taken = _files(base, brand, status.id)
    assert (failed.state, taken.state) == (FileState.FAILED, FileState.INDEXING)
    assert failed.problem.reason == "It is empty."
    assert failed.problem.remedy.startswith("Write the article")


def test_a_file_of_lines_keeps_its_bad_lines_and_is_ready_for_the_rest(
    base: KnowledgeBase, brand: BrandId
) -> None:
    good = b'{"id": "1", "title": "Good", "text": "Fine."}'
    status = _import(base, brand, [("faq.jsonl", good + b"\n{nonsense"), ("bad.jsonl", b"{\n{")])

    mixed, bad = _files(base, brand, status.id)
    assert (mixed.state, mixed.articles_new) == (FileState.INDEXING, 1)
    assert [one.name for one in mixed.refusals] == ["faq.jsonl, line 2"]
    assert (bad.state, bad.problem.reason) == (FileState.FAILED, "None of its 2 articles could be taken.")
    assert [one.name for one in bad.refusals] == ["bad.jsonl, line 1", "bad.jsonl, line 2"]


def test_folders_of_a_name_are_part_of_every_passages_path(base: KnowledgeBase, brand: BrandId) -> None:
    _import(base, brand, [("shipping/abroad/times.md", b"# Times\n\n## Rail\n\nTen days.")])

    with base.database.transaction(Scope(brand=brand)) as tx:
        found = article_by_key(tx, brand=brand, key="shipping/abroad/times.md")
    assert [passage.section_path for passage in found.passages] == [("shipping", "abroad", "Rail")]


def test_a_failed_file_is_read_again_from_what_is_kept_of_it(base: KnowledgeBase, brand: BrandId) -> None:
    import_id = _start(base, brand, markdown(2))
    with base.database.transaction(Scope(brand=brand)) as tx:
        fail_import(tx, brand=brand, import_id=import_id)
        retry_file(tx, brand=brand, import_id=import_id, ordinal=1, now=app_now(tx))
    read_import(base.database, brand, import_id)

    first, second = _files(base, brand, import_id)
    assert (first.state, second.state) == (FileState.FAILED, FileState.INDEXING)
    assert (first.can_retry, second.can_retry) == (True, False)
    assert [fact.kind for fact in _told(base, import_id)].count("import_started") == 2

    with base.database.transaction(Scope(brand=brand)) as tx:
        assert retry_failed(tx, brand=brand, import_id=import_id, now=app_now(tx)) == 1
    read_import(base.database, brand, import_id)
    status = _status(base, brand, import_id)
    assert (status.articles, status.files_read, status.can_retry) == (2, 2, 0)
    assert _count(base, ImportPart) == 0


def test_what_is_not_kept_cannot_be_tried_again(base: KnowledgeBase, brand: BrandId) -> None:
    status = _import(base, brand, [("a.md", b"# A\n\nOne."), ("a.md", b"# A\n\nOther."), ("empty.md", b"")])

    with base.database.transaction(Scope(brand=brand)) as tx:
        now = app_now(tx)
        for ordinal in (0, 1):  # taken, and refused for its name
            with pytest.raises(NothingToRetry):
                retry_file(tx, brand=brand, import_id=status.id, ordinal=ordinal, now=now)
        assert forget_uploads(tx, now=now + FAILED_CONTENT_IS_KEPT / 2) == 0
        assert forget_uploads(tx, now=now + FAILED_CONTENT_IS_KEPT) == 1
        with pytest.raises(NothingToRetry):
            retry_failed(tx, brand=brand, import_id=status.id, now=now)
    assert _count(base, ImportPart) == 0
    assert len(_files(base, brand, status.id)) == 3


# Slices


def test_slices_of_one_upload_become_one_import_and_a_slice_sent_again_adds_nothing(
    base: KnowledgeBase, brand: BrandId
) -> None:
    files = markdown(25)
    with base.database.transaction(Scope(brand=brand)) as tx:
        now = app_now(tx)
        import_id = open_import(tx, brand=brand, author=None, now=now)
        for part in (files[:10], files[:10], files[10:20], files[15:]):
            add_files(tx, brand=brand, import_id=import_id, files=part, now=now)
        assert unfinished_imports(tx) == []
        for _ in range(2):
            close_import(tx, brand=brand, import_id=import_id, now=now)
        with pytest.raises(ImportIsClosed):
            add_files(tx, brand=brand, import_id=import_id, files=files, now=now)
    read_import(base.database, brand, import_id)

    status = _status(base, brand, import_id)
    assert (status.files, status.articles, status.refusals) == (25, 25, ())
    assert [fact.kind for fact in _told(base, import_id)].count("import_started") == 1


def test_a_slice_with_one_name_twice_adds_nothing_when_it_is_sent_again(
    base: KnowledgeBase, brand: BrandId
) -> None:
    files = [("a.md", b"# A\n\nOne."), ("a.md", b"# A\n\nOther."), ("b.md", b"# B\n\nTwo.")]
    with base.database.transaction(Scope(brand=brand)) as tx:
        now = app_now(tx)
        import_id = open_import(tx, brand=brand, author=None, now=now)
        for _ in range(3):
            add_files(tx, brand=brand, import_id=import_id, files=files, now=now)

    states = [(line.name, line.state) for line in _files(base, brand, import_id)]
    assert states == [
        ("a.md", FileState.QUEUED),
        ("a.md", FileState.FAILED),
        ("b.md", FileState.QUEUED),
    ]


def test_the_limits_hold_for_all_slices_together(base: KnowledgeBase, brand: BrandId) -> None:
    with base.database.transaction(Scope(brand=brand)) as tx:
        now = app_now(tx)
        import_id = open_import(tx, brand=brand, author=None, now=now)
        with pytest.raises(NoFiles):
            close_import(tx, brand=brand, import_id=import_id, now=now)
        add_files(tx, brand=brand, import_id=import_id, files=[("a.md", b"x" * MAX_IMPORT_BYTES)], now=now)
        with pytest.raises(ImportTooLarge):
            add_files(tx, brand=brand, import_id=import_id, files=[("b.md", b"x")], now=now)


def test_what_is_held_of_a_brands_uploads_has_a_limit(
    base: KnowledgeBase, brand: BrandId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files_of_imports, "MAX_HELD_BYTES", 20)
    waiting = _start(base, brand, [("a.md", b"# A\n\nOne text.")])
    with pytest.raises(TooMuchHeld):
        _start(base, brand, [("b.md", b"# B\n\nOther.")])
    _start(base, base.brand(), [("b.md", b"# B\n\nOther.")])

    read_import(base.database, brand, waiting)  # and what is read is held no more
    assert _import(base, brand, [("b.md", b"# B\n\nOther.")]).articles == 1


def test_an_upload_that_is_never_finished_is_given_up_and_can_still_be_read(
    base: KnowledgeBase, brand: BrandId
) -> None:
    with base.database.transaction(Scope(brand=brand)) as tx:
        now = app_now(tx)
        import_id = open_import(tx, brand=brand, author=None, now=now)
        add_files(tx, brand=brand, import_id=import_id, files=markdown(1), now=now)
        assert forget_uploads(tx, now=now + OPEN_IS_KEPT) == 1

    assert _status(base, brand, import_id).state is ImportState.FAILED
    assert _files(base, brand, import_id)[0].problem.reason == "The upload was never finished."
    with base.database.transaction(Scope(brand=brand)) as tx:
        retry_failed(tx, brand=brand, import_id=import_id, now=app_now(tx))
    read_import(base.database, brand, import_id)
    assert _status(base, brand, import_id).articles == 1

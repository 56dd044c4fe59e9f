"""Uploaded files to parts of at most 100 articles: reading resumes inside a file, and progress is even."""

from collections.abc import Iterator

from knowledge_base.reading.formats import Kind, kind_of

LINES_PER_PART = 100


def is_jsonl(name: str) -> bool:
    return kind_of(name) is Kind.JSONL


def line_count(name: str, content: bytes) -> int:
    """Lines of a JSONL file, blank ones too; 0 for other files."""
    return content.count(b"\n") + 1 if is_jsonl(name) else 0


def parts(name: str, content: bytes) -> Iterator[bytes]:
    """The parts of one file, in order; at least one. Only JSONL is ever cut, between lines."""
    if not is_jsonl(name):
        yield content
        return
    lines = content.split(b"\n")
    starts = [start for start in range(0, len(lines), LINES_PER_PART) if _has_text(lines, start)]
    for start in starts or [0]:
        # Empty lines in front keep the numbers that a refusal names; line_count is limited, so they are few.
        yield b"\n" * start + b"\n".join(lines[start : start + LINES_PER_PART])


def _has_text(lines: list[bytes], start: int) -> bool:
    return any(line.strip() for line in lines[start : start + LINES_PER_PART])

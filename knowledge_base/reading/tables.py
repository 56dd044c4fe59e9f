"""Rows of a table as lines a person can read, each with the names of its columns."""

from collections.abc import Sequence

from knowledge_base.reading.documents import clean, one_line

MAX_HEADER_CHARACTERS = 60


def table_lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """ "Size: small | Price: 4 €" for each row below a row of names; without names the cells alone.

    A passage may begin in the middle of a table, so every line says what its values are.
    """
    cells = [[one_line(clean(cell)) for cell in row] for row in rows]
    cells = [row for row in cells if any(row)]
    if not cells:
        return []
    head, *body = cells
    if not (body and _names_columns(head)):
        return [" | ".join(cell for cell in row if cell) for row in cells]
    return [_named(head, row) for row in body]


def _names_columns(head: Sequence[str]) -> bool:
    return (
        len(head) > 1
        and all(0 < len(cell) <= MAX_HEADER_CHARACTERS for cell in head)
        and len(set(head)) == len(head)
        and not any(cell[0].isdigit() for cell in head)
    )


def _named(head: Sequence[str], row: Sequence[str]) -> str:
    named = [
        f"{name.rstrip(':')}: {cell}" if name else cell
        for name, cell in zip([*head, *[""] * (len(row) - len(head))], row, strict=False)
        if cell
    ]
    return " | ".join(named)

"""A brand's statements: the rows of its file, for programs."""

from contextlib import closing
from datetime import datetime
from itertools import islice
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from billing.statement_files import STATEMENT_COLUMNS, Row, statement_rows
from billing.statements import LINE_LIMIT, StatementTooLong
from marketplace.accounts.api_keys import ApiScope
from marketplace.kernel.ids import BrandId
from workers_ui.deps import HasTx, by_key
from workers_ui.pages.files import OneCurrency

router = APIRouter(tags=["wallet"])

Reads = Annotated[BrandId, Depends(by_key(ApiScope.WALLET_READ))]


class StatementLineOut(BaseModel):
    """`amount_minor` is None for the opening and the closing. `posting` is the ledger's own key."""

    at: datetime
    entry: str
    posting: str
    brand: UUID | None
    ticket: int | None
    ticket_reference: str
    transfer: str
    amount_minor: int | None
    balance_minor: int
    currency: str


class StatementOut(BaseModel):
    lines: list[StatementLineOut]


@router.get("/statement", response_model=StatementOut)
def read_statement(
    tx: HasTx, brand: Reads, month: Annotated[str, Query(max_length=7)], currency: OneCurrency
) -> dict[str, object]:
    """A UTC month like 2026-11: its opening, each movement, its closing. The same rows as the file."""
    with closing(statement_rows(tx, month=month, currency=currency, brand=brand)) as rows:
        lines = [_line(row) for row in islice(rows, LINE_LIMIT + 3)]
    if len(lines) > LINE_LIMIT + 2:
        raise StatementTooLong
    return {"lines": lines}


def _line(row: Row) -> dict[str, object]:
    line: dict[str, object] = dict(zip(STATEMENT_COLUMNS, row, strict=True))
    return line | {
        name: line[name] if line[name] != "" else None for name in ("brand", "ticket", "amount_minor")
    }

"""A brand's file of tickets, taken in by one request and worked in the background."""

import hashlib
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, UploadFile

from marketplace.accounts.api_keys import ApiScope
from marketplace.kernel.clock import app_now
from marketplace.kernel.ids import BrandId, TicketImportId
from marketplace.tickets.import_models import RowState
from marketplace.tickets.import_queries import TicketImportStatus, ticket_import_status
from marketplace.tickets.ticket_imports import commit_ticket_import, start_ticket_import
from workers_ui.api.schemas import TicketImportOut
from workers_ui.deps import HasTx, RequestKey, by_key
from workers_ui.idempotency import once

router = APIRouter(tags=["tickets"])

Reads = Annotated[BrandId, Depends(by_key(ApiScope.TICKETS_READ))]
Writes = Annotated[BrandId, Depends(by_key(ApiScope.TICKETS_WRITE))]
OnlyCheck = Annotated[
    bool, Query(description="Look at the file and say what is wrong with it, without importing anything.")
]


@router.post("/ticket-imports", status_code=202, response_model=TicketImportOut)
def start_import(
    file: UploadFile, tx: HasTx, brand: Writes, check: OnlyCheck = False, key: RequestKey = None
) -> dict[str, Any]:
    """Import tickets from a CSV file, its columns known by their names (external_id, subject, text, …).

    Lines that cannot become a ticket are refused one by one and stop no other. The same number twice makes
    one ticket.
    """
    name, content = file.filename or "tickets.csv", file.file.read()

    def act() -> dict[str, Any]:
        now = app_now(tx)
        started = start_ticket_import(tx, brand=brand, file_name=name, content=content, author=None, now=now)
        if not check:
            commit_ticket_import(tx, brand=brand, import_id=started, now=now)
        return _told(ticket_import_status(tx, brand=brand, import_id=started))

    asked = ["ticket_import", name, hashlib.sha256(content).hexdigest(), check]
    return once(tx, principal=f"brand:{brand}", key=key, asked=asked, now=app_now(tx), act=act)


@router.get("/ticket-imports/{ticket_import}", response_model=TicketImportOut)
def read_import(ticket_import: UUID, tx: HasTx, brand: Reads) -> dict[str, Any]:
    """How far an import is, and why lines were refused (the first 50)."""
    return _told(ticket_import_status(tx, brand=brand, import_id=TicketImportId(ticket_import)))


def _told(status: TicketImportStatus) -> dict[str, Any]:
    return {
        "id": str(status.id),
        "state": status.state.value,
        "lines": status.rows,
        "counts": {state.value: status.count(state) for state in RowState},
        "columns": {field.value: status.headers[column] for field, column in status.columns.items()},
        "problems": [{"line": one.line, "reason": one.problem} for one in status.problems],
    }

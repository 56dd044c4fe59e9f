"""Files as answers: written before the first byte leaves, with their length, their rows and their checksum."""

from base64 import b64encode
from typing import Annotated

from fastapi import Query
from fastapi.responses import StreamingResponse

from marketplace.kernel.csv_file import CsvFile
from marketplace.kernel.csv_out import MEDIA_TYPE

OneCurrency = Annotated[str, Query(pattern="^[a-z]{3}$")]


def csv_answer(name: str, made: CsvFile) -> StreamingResponse:
    """`made` under `name`. `Content-Digest` is RFC 9530's, `X-Row-Count` leaves the column names out."""
    return StreamingResponse(
        made.pieces(),
        media_type=MEDIA_TYPE,
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Content-Length": str(made.size_bytes),
            "Content-Digest": f"sha-256=:{b64encode(made.digest).decode()}:",
            "X-Row-Count": str(made.rows),
        },
    )

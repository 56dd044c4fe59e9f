"""What an open connection rests on: a session that runs, and a person who is still what he was when it opened."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from marketplace.kernel.db import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A session and a digest of its person's roles, brands and standing as a worker."""

    session_hash: bytes
    digest: int


def find_standing(tx: Tx, session_hash: bytes, *, now: datetime) -> Standing | None:
    """How the person of this session stands; None when it has ended."""
    digest = tx.execute(_STANDING, {"session": session_hash, "now": now}).scalar_one_or_none()
    return None if digest is None else Standing(session_hash=session_hash, digest=digest)


def fallen(tx: Tx, standings: Sequence[Standing], *, now: datetime) -> frozenset[Standing]:
    """Those of `standings` that do not hold any more: signed out, expired, suspended, or another role."""
    rows = tx.execute(
        _FALLEN,
        {
            "sessions": [one.session_hash for one in standings],
            "digests": [one.digest for one in standings],
            "now": now,
        },
    )
    return frozenset(standings[row.number - 1] for row in rows)


_DIGEST = (
    "SELECT hashtextextended(concat_ws('|', s.person_id, w.id, w.status, w.email_lanes, w.chat_lanes, is_newcomer(w), "
    "(SELECT string_agg(m.brand_id || ':' || m.role, ',' ORDER BY m.brand_id) FROM member m "
    "WHERE m.person_id = s.person_id), "
    "(SELECT string_agg(t.role, ',' ORDER BY t.role) FROM staff t WHERE t.person_id = s.person_id)), 0) AS digest "
    "FROM session s LEFT JOIN worker w ON w.person_id = s.person_id "
)
_STANDING = text(f"{_DIGEST} WHERE s.token_hash = :session AND s.expires_at > :now")
_FALLEN = text(
    "SELECT asked.number FROM unnest(CAST(:sessions AS bytea[]), CAST(:digests AS bigint[])) "  # noqa: S608 - constants
    "WITH ORDINALITY AS asked(session, digest, number) "
    f"LEFT JOIN LATERAL ({_DIGEST} WHERE s.token_hash = asked.session AND s.expires_at > :now) AS now ON true "
    "WHERE now.digest IS DISTINCT FROM asked.digest"
)

"""The database: one engine per process and role, and the only place that commits.

A transaction belongs to somebody: its `Scope` is set transaction-locally, and row-level security
shows that brand's, that worker's or the platform's rows and no others. `tx.info["now"]` is the
transaction's time, read in the same round trip.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, ClassVar, TypeAlias, TypeVar
from uuid import UUID

import psycopg
from sqlalchemy import BigInteger, DateTime, Engine, Enum, MetaData, Text, Uuid, create_engine, inspect, text
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB
from sqlalchemy.engine import make_url
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column

from marketplace.kernel.errors import Unavailable
from marketplace.kernel.ids import ALL_IDS, BrandId, WorkerId

Tx: TypeAlias = Session

_OPEN_TRANSACTIONS: ContextVar[int] = ContextVar("open_transactions", default=0)
HAS_FACTS = "has_facts"  # in a transaction's `info` once it wrote facts
POOL_TIMEOUT_SECONDS = 10
CONNECT_TIMEOUT_SECONDS = 10
STATEMENT_TIMEOUT_MS = 30_000
LOCK_TIMEOUT_MS = 10_000

MinorUnits = Annotated[int, mapped_column(BigInteger)]
StringList = Annotated[list[str], mapped_column(ARRAY(Text))]
Json = Annotated[dict[str, Any], mapped_column(JSONB)]
JsonList = Annotated[list[Any], mapped_column(JSONB)]


class DatabaseAway(Unavailable):
    """The database is not answering. Try again in a moment."""


class Role(StrEnum):
    """Database roles. APP is bound by row-level security; BACKGROUND serves every tenant in turn."""

    APP = "humancloud_app"
    BACKGROUND = "humancloud_background"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whose rows a transaction may touch."""

    brand: BrandId | None = None
    worker: WorkerId | None = None
    platform: bool = False


NOBODY = Scope()
PLATFORM = Scope(platform=True)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text,
        bytes: BYTEA,
        **{kind: Uuid for kind in ALL_IDS},
    }


Row = TypeVar("Row", bound=Base)


def copied(row: Row, **changes: object) -> Row:
    """A new row like `row`, but for `changes`; it is in no session yet."""
    values = {column.key: getattr(row, column.key) for column in inspect(type(row)).column_attrs}
    return type(row)(**values | changes)


def state_of(kind: type[StrEnum], name: str) -> Enum:
    """A text column limited by a CHECK to the values of `kind`; `name` must be unique in its table."""
    return Enum(
        kind,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=40,
        values_callable=lambda members: [member.value for member in members],
    )


TIMESTAMP = DateTime(timezone=True)


class Database:
    """Connections of one role; `transaction` is the one way to reach rows."""

    def __init__(
        self,
        url: str,
        *,
        role: Role,
        connections: int = 8,
        process: str = "humancloud",
        shared: Mapping[str, object] | None = None,
        announce_facts: Callable[[], None] | None = None,
    ) -> None:
        """`shared` is laid into every transaction's `info`: the bus of facts, say.

        `announce_facts` is called after each commit that recorded facts; it must not wait or raise.
        """
        self.url = url
        self._role = role
        self._process = process
        self._shared = dict(shared or {})
        self._announce_facts = announce_facts
        self.engine = _engine(url, role=role, connections=connections, process=process)

    @contextmanager
    def transaction(self, scope: Scope = NOBODY) -> Iterator[Tx]:
        """Open, hand out, commit; any exception rolls back. Nobody else commits."""
        with transaction_ahead(), Session(self.engine, expire_on_commit=False, autoflush=True) as tx:
            tx.info.update(self._shared)
            tx.info["now"] = tx.execute(_OPEN, _scope_settings(scope)).scalar_one()
            tx.info["scope"] = scope
            yield tx
            tx.commit()
            if HAS_FACTS in tx.info:
                self.announce_facts()

    def announce_facts(self) -> None:
        """Facts were committed: whoever waits for them may look. For those who commit in ways of their own."""
        if self._announce_facts is not None:
            self._announce_facts()

    async def open_on_loop(self) -> psycopg.AsyncConnection:
        """One more connection, for who waits on the event loop and hands one statement over at a time, each its own
        commit. Raises psycopg.OperationalError."""
        url = make_url(normalised_url(self.url)).set(drivername="postgresql")
        return await psycopg.AsyncConnection.connect(
            url.render_as_string(hide_password=False),
            autocommit=True,
            prepare_threshold=0,
            **_connect_args(self._role, self._process),
        )

    def dispose(self) -> None:
        self.engine.dispose()


@contextmanager
def transaction_ahead() -> Iterator[None]:
    """Within this, `transaction_is_open` says so: for who opens one in another thread than it is used in."""
    outside = _OPEN_TRANSACTIONS.get()
    _OPEN_TRANSACTIONS.set(outside + 1)
    try:
        yield
    finally:
        _OPEN_TRANSACTIONS.set(outside)


def transaction_is_open() -> bool:
    """Whether this thread or request holds one: then it must not wait for a network."""
    return _OPEN_TRANSACTIONS.get() > 0


def rescope(tx: Tx, scope: Scope) -> None:
    """Hand an open transaction to somebody: what it may touch from here on is theirs."""
    tx.execute(_OPEN, _scope_settings(scope))
    tx.info["scope"] = scope


_OPEN = text(
    "SELECT app_now() FROM (SELECT set_config('app.brand', :brand, true), "
    "set_config('app.worker', :worker, true), set_config('app.platform', :platform, true)) AS scope"
)


def _scope_settings(scope: Scope) -> dict[str, str]:
    return {
        "brand": _text(scope.brand),
        "worker": _text(scope.worker),
        "platform": "on" if scope.platform else "",
    }


def _text(value: UUID | None) -> str:
    return "" if value is None else str(value)


def normalised_url(url: str) -> str:
    """`url` for psycopg 3, whichever of the customary spellings it came in."""
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


def _engine(url: str, *, role: Role, connections: int, process: str) -> Engine:
    return create_engine(
        normalised_url(url),
        pool_size=connections,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_SECONDS,
        pool_pre_ping=True,
        connect_args=_connect_args(role, process),
    )


def _connect_args(role: Role, process: str) -> dict[str, Any]:
    return {
        "application_name": process,
        "connect_timeout": CONNECT_TIMEOUT_SECONDS,
        "options": f"-c role={role.value} -c statement_timeout={STATEMENT_TIMEOUT_MS} "
        f"-c lock_timeout={LOCK_TIMEOUT_MS}",
    }

"""Guards of the money tables, read from the catalog, and an attack that each of them alone stops.

An attack works on rows of its own while triggers and foreign keys are off, but for the one that it is about: so nothing
else stands in its way.
"""

import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy import Connection, text

import billing
from marketplace.kernel.db import Base

Values = dict[str, str]
"""Column → SQL literal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """A trigger, a check or a unique index; `definition` as the catalog writes it."""

    kind: str
    table: str
    name: str
    definition: str

    def drop(self) -> str:
        match self.kind:
            case "trigger":
                return f'DROP TRIGGER "{self.name}" ON {self.table}'
            case "check":
                return f'ALTER TABLE {self.table} DROP CONSTRAINT "{self.name}"'
            case "constraint":
                return f'ALTER TABLE {self.table} DROP CONSTRAINT "{self.name}" CASCADE'
            case _:
                return f'DROP INDEX "{self.name}"'


def money_tables() -> list[str]:
    """Every table that the billing package maps."""
    for module in pkgutil.iter_modules(billing.__path__):
        if module.name.endswith("models"):
            importlib.import_module(f"billing.{module.name}")
    mapped = (one for one in Base.registry.mappers if one.class_.__module__.startswith("billing."))
    return sorted({str(one.local_table) for one in mapped})


def guards(sql: Connection) -> list[Guard]:
    tables = {"tables": money_tables()}
    return [Guard(**row._mapping) for row in sql.execute(_GUARDS, tables)]


_GUARDS = text(
    """
    SELECT 'trigger' AS kind, tgrelid::regclass::text AS table, tgname::text AS name,
           pg_get_triggerdef(oid) AS definition
    FROM pg_trigger WHERE NOT tgisinternal AND tgrelid::regclass::text = ANY(:tables)
    UNION ALL
    SELECT 'check', conrelid::regclass::text, conname, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE contype = 'c' AND conrelid::regclass::text = ANY(:tables)
    UNION ALL
    SELECT CASE WHEN c.oid IS NULL THEN 'index' ELSE 'constraint' END, i.indrelid::regclass::text,
           i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
    FROM pg_index i LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.contype IN ('p', 'u')
    WHERE i.indisunique AND i.indrelid::regclass::text = ANY(:tables)
    ORDER BY 2, 3
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """Rows that stand there before, table by table, and then what is tried."""

    before: tuple[tuple[str, Values], ...] = ()
    tried: str


class Samples:
    """A valid row of any table: by type and by the checks on it, and by hand where they say more."""

    def __init__(self, sql: Connection, by_hand: Mapping[str, Values]) -> None:
        self._by_hand = by_hand
        self._types: dict[str, dict[str, tuple[str, bool]]] = {}
        for table, column, kind, nullable in sql.execute(_COLUMNS):
            self._types.setdefault(table, {})[column] = (kind, nullable)
        self._choices: dict[tuple[str, str], list[str]] = {}
        for guard in guards(sql):
            if guard.kind == "check" and (found := enum_of(guard)):
                self._choices[guard.table, found[0]] = found[1]

    def row(self, table: str, **changes: str) -> Values:
        """Every column that must have a value, and those named."""
        values = {
            column: self._value(table, column, kind)
            for column, (kind, nullable) in self._types[table].items()
            if not nullable
        }
        values |= self._by_hand.get(table, {}) | changes
        return {column: value for column, value in values.items() if value != "NULL"}

    def fresh(self, table: str, column: str) -> str:
        """Another value than the one of any row yet."""
        return self._value(table, column, self._types[table][column][0], is_free=True)

    def _value(self, table: str, column: str, kind: str, *, is_free: bool = False) -> str:
        choices = self._choices.get((table, column))
        if choices and not is_free:
            return f"'{choices[0]}'"
        if choices:
            return f"'{choices[-1]}'"
        number = uuid4().int % 10_000_000 + 1_000
        known = {
            "uuid": f"'{uuid4()}'",
            "bool": "false",
            "int4": str(number),
            "int8": str(number),
            "float8": "0.5",
            "timestamptz": "now()",
            "date": f"date '2027-01-01' + {number % 10_000}",
            "jsonb": "'{}'",
            "bytea": f"'\\x{uuid4().hex}'",
            "_text": "'{}'",
            "_uuid": "'{}'",
        }
        if column == "currency":
            return "'usd'"
        return known.get(kind, f"'{uuid4().hex}'")


_COLUMNS = text(
    "SELECT table_name, column_name, udt_name::text, is_nullable = 'YES' FROM information_schema.columns "
    "WHERE table_schema = 'public' AND is_generated = 'NEVER'"
)


def insert(table: str, values: Values) -> str:
    names = ", ".join(f'"{name}"' for name in values)
    return f"INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE VALUES ({', '.join(values.values())})"


def enum_of(guard: Guard) -> tuple[str, list[str]] | None:
    """The column and the values of a check that lists them, else None."""
    found = re.fullmatch(
        r"CHECK \(\(\((\w+)\)::text = ANY \(\(ARRAY\[(.*)\]\)::text\[\]\)\)\)", guard.definition
    )
    return (found[1], re.findall(r"'([^']*)'", found[2])) if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class UniqueIndex:
    columns: frozenset[str]
    nulls_differ: bool


def unique_index(guard: Guard) -> UniqueIndex:
    """An index over an expression names no column: any two rows of its predicate are alike to it."""
    found = re.search(r"USING btree \(([^()]*)\)( NULLS NOT DISTINCT)?", guard.definition)
    if found is None:
        return UniqueIndex(columns=frozenset(), nulls_differ=False)
    columns = frozenset(column.strip().strip('"') for column in found[1].split(","))
    return UniqueIndex(columns=columns, nulls_differ=not found[2])


def twins(samples: Samples, target: Guard, others: list[Guard], changes: Values) -> Attack:
    """Two rows that agree in what `target` keeps apart, and in nothing that another index does."""
    index = unique_index(target)
    first = samples.row(target.table, **changes)
    for column in index.columns - set(first):
        first[column] = samples.fresh(target.table, column)
    second = dict(first)
    for other in map(unique_index, others):
        apart = sorted(other.columns - index.columns)
        is_null = bool(other.columns - set(first)) and other.nulls_differ
        if apart and not is_null and not any(second.get(column) != first.get(column) for column in apart):
            movable = [column for column in apart if column in first and column != "currency"] or apart
            second[movable[0]] = samples.fresh(target.table, movable[0])
    return Attack(before=((target.table, first),), tried=insert(target.table, second))


def generic_trigger_attack(guard: Guard, samples: Samples) -> Attack | None:
    """What the triggers that many tables share must stop."""
    row = ((guard.table, samples.row(guard.table)),)
    if guard.name.endswith("_is_append_only"):
        return Attack(before=row, tried=f"DELETE FROM {guard.table}")
    if guard.name.endswith("_is_never_emptied"):
        return Attack(before=row, tried=f"TRUNCATE {guard.table} CASCADE")
    if guard.name.endswith("_is_as_stored"):
        return Attack(before=row, tried=f"UPDATE {guard.table} SET key = key || 'x'")
    return None


def statements(attack: Attack, guard: Guard, *, is_dropped: bool) -> Iterator[str]:
    """What makes the place ready: nothing is on guard but checks, indexes and `guard` itself."""
    yield "SET LOCAL session_replication_role = replica"
    yield f"DELETE FROM {guard.table}"
    for table, values in attack.before:
        yield insert(table, values)
    if is_dropped:
        yield guard.drop()
    elif guard.kind == "trigger":
        yield f'ALTER TABLE {guard.table} ENABLE ALWAYS TRIGGER "{guard.name}"'

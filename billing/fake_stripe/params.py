"""Form encoding to typed parameters, refusing whatever the request schema does not allow."""

import re
from collections.abc import Iterable
from typing import Any

from .errors import SchemaViolation
from .schema import Node, RequestSchema, Shape

Raw = dict[
    str, Any
]  # nested: str leaves, dict branches; lists are dicts keyed by index until the schema says so
MAX_DEPTH = 12
MAX_PAIRS = 2_000
KEY = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
INTEGER = re.compile(r"^-?\d{1,18}$")
NUMBER = re.compile(r"^-?\d+(\.\d+)?$")


def decode(pairs: Iterable[tuple[str, str]]) -> Raw:
    """`capabilities[transfers][requested]=true` to nested dicts."""
    raw: Raw = {}
    for count, (key, value) in enumerate(pairs):
        if count >= MAX_PAIRS:
            raise SchemaViolation("Too many parameters.")
        _put(raw, _parts(key), value, key)
    return raw


def parse(schema: RequestSchema, shape_name: str, raw: Raw) -> dict[str, Any]:
    """`raw` as ints, bools, lists and dicts; raises SchemaViolation naming the first wrong parameter."""
    shape = schema.shapes[shape_name] if shape_name else Shape(fields={}, required=())
    return _shape(schema, shape, raw, "")


def _parts(key: str) -> list[str]:
    match = KEY.match(key)
    if match is None:
        raise SchemaViolation(f"Invalid parameter name: {key}", param=key)
    return [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])]


def _put(raw: Raw, parts: list[str], value: str, key: str) -> None:
    if len(parts) > MAX_DEPTH:
        raise SchemaViolation(f"Parameter is nested too deeply: {key}", param=key)
    branch = raw
    for part in parts[:-1]:
        inner = branch.setdefault(part, {})
        if not isinstance(inner, dict):
            raise SchemaViolation(f"Invalid object: {key}", param=key)
        branch = inner
    last = parts[-1] or str(len(branch))  # `expand[]=x`
    if last in branch:
        raise SchemaViolation(f"Parameter given twice: {key}", param=key)
    branch[last] = value


def _shape(schema: RequestSchema, shape: Shape, raw: Raw, prefix: str) -> dict[str, Any]:
    for name in raw:
        if name not in shape.fields:
            param = _join(prefix, name)
            raise SchemaViolation(
                f"Received unknown parameter: {param}", code="parameter_unknown", param=param
            )
    for name in shape.required:
        if name not in raw:
            param = _join(prefix, name)
            raise SchemaViolation(f"Missing required param: {param}.", code="parameter_missing", param=param)
    return {
        name: _value(schema, shape.fields[name], value, _join(prefix, name)) for name, value in raw.items()
    }


def _value(schema: RequestSchema, node: Node, raw: Any, param: str) -> Any:
    match node.kind:
        case "choice":
            return _choice(schema, node, raw, param)
        case "ref":
            return _shape(schema, schema.shapes[node.ref], _branch(raw, param), param)
        case "map":
            inner = _branch(raw, param)
            return {key: _value(schema, node.of[0], value, _join(param, key)) for key, value in inner.items()}
        case "list":
            return _list(schema, node.of[0], _branch(raw, param), param)
        case "any":
            return raw
    return _scalar(node, _leaf(raw, param), param)


def _choice(schema: RequestSchema, node: Node, raw: Any, param: str) -> Any:
    """The first alternative that fits; if none does, the complaint of the one that looks most alike."""
    refusals: list[SchemaViolation] = []
    for alternative in node.of:
        try:
            return _value(schema, alternative, raw, param)
        except SchemaViolation as refusal:
            refusals.append(refusal)
    branches = [r for r, n in zip(refusals, node.of, strict=True) if n.kind in {"ref", "list", "map"}]
    raise branches[0] if isinstance(raw, dict) and branches else refusals[-1]


def _list(schema: RequestSchema, item: Node, raw: Raw, param: str) -> list[Any]:
    if sorted(raw, key=lambda key: (len(key), key)) != [str(index) for index in range(len(raw))]:
        raise SchemaViolation(f"Invalid array: {param}", param=param)
    return [_value(schema, item, raw[str(index)], _join(param, str(index))) for index in range(len(raw))]


def _scalar(node: Node, raw: str, param: str) -> Any:
    match node.kind:
        case "enum" if raw not in node.values:
            allowed = ", ".join(value for value in node.values if value)
            raise SchemaViolation(f"Invalid {param}: must be one of {allowed}", param=param)
        case "str" if raw == "":
            raise SchemaViolation(
                f"You passed an empty string for '{param}'; it cannot be unset.",
                code="parameter_invalid_empty",
                param=param,
            )
        case "int" if not INTEGER.match(raw):
            raise SchemaViolation(f"Invalid integer: {raw}", code="parameter_invalid_integer", param=param)
        case "int":
            return int(raw)
        case "number" if not NUMBER.match(raw):
            raise SchemaViolation(f"Invalid decimal: {raw}", param=param)
        case "bool" if raw not in {"true", "false"}:
            raise SchemaViolation(f"Invalid boolean: {raw}", param=param)
        case "bool":
            return raw == "true"
    return raw


def _branch(raw: Any, param: str) -> Raw:
    if not isinstance(raw, dict):
        raise SchemaViolation(f"Invalid object: {param}", param=param)
    return raw


def _leaf(raw: Any, param: str) -> str:
    if not isinstance(raw, str):
        raise SchemaViolation(f"Invalid string: {param}", code="parameter_invalid_string", param=param)
    return raw


def _join(prefix: str, name: str) -> str:
    return f"{prefix}[{name}]" if prefix else name

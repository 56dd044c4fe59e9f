"""What Stripe accepts, read from the installed SDK's own types without importing it.

The SDK sends a misspelt or missing parameter without complaint, so its type files are the only
machine-readable contract at hand. They are parsed as text: only `stripe_connection` and the
ports over it may import stripe.
"""

import ast
import importlib.util
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

SERVICES = (
    "_account_service",
    "_account_link_service",
    "_balance_service",
    "_balance_settings_service",
    "_balance_transaction_service",
    "_charge_service",
    "_credit_note_service",
    "_customer_service",
    "_dispute_service",
    "_event_service",
    "_invoice_item_service",
    "_invoice_payment_service",
    "_invoice_service",
    "_payment_intent_service",
    "_payout_service",
    "_refund_service",
    "_transfer_service",
    "_transfer_reversal_service",
    "_webhook_endpoint_service",
    "checkout/_session_service",
)
CACHE_FORMAT = 2
SCALARS = {"str": "str", "int": "int", "bool": "bool", "float": "number", "Decimal": "number", "Any": "any"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One parameter's type: a scalar, an enum of `values`, a list, map or choice `of` nodes, or a `ref`."""

    kind: str
    values: tuple[str, ...] = ()
    of: "tuple[Node, ...]" = ()
    ref: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A params TypedDict: its fields and which of them must be there."""

    fields: dict[str, Node]
    required: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSchema:
    """Operations of the served services: `"post /v1/transfers"` to its shape's name ("" takes nothing)."""

    sdk_version: str
    api_version: str
    operations: dict[str, str] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)


class SdkNotUnderstood(RuntimeError):
    """The installed stripe package is not laid out as this reader expects."""


def load(cache_dir: Path) -> RequestSchema:
    """The schema of the installed SDK, from `cache_dir` when this version was read before."""
    root = sdk_root()
    cached = cache_dir / f"stripe-{_constant(root / '_version.py', 'VERSION')}-requests-{CACHE_FORMAT}.json"
    if cached.exists():
        try:
            return _from_json(json.loads(cached.read_text()))
        except (ValueError, KeyError, TypeError):
            cached.unlink()  # torn or foreign: derive again
    schema = derive(root)
    _write_whole(cached, json.dumps(asdict(schema)))
    return schema


def sdk_root() -> Path:
    """Where the stripe package lies, found without running it."""
    spec = importlib.util.find_spec("stripe")
    if spec is None or not spec.submodule_search_locations:
        raise SdkNotUnderstood("The stripe package is not installed.")
    return Path(spec.submodule_search_locations[0])


def derive(root: Path) -> RequestSchema:
    """Read verbs, paths and parameter types of `SERVICES` under `root`."""
    schema = RequestSchema(
        sdk_version=_constant(root / "_version.py", "VERSION"),
        api_version=_constant(root / "_api_version.py", "CURRENT"),
    )
    for service in SERVICES:
        _read_service(root, service, schema)
    return schema


def _read_service(root: Path, service: str, schema: RequestSchema) -> None:
    tree = ast.parse((root / f"{service}.py").read_text())
    modules = _imported_modules(tree)
    operations = [_operation(method) for method in ast.walk(tree) if isinstance(method, ast.FunctionDef)]
    found = [operation for operation in operations if operation]
    if not found:
        raise SdkNotUnderstood(f"No operation found in {service}.")
    for verb_and_path, params in found:
        schema.operations[verb_and_path] = _shape_name(modules[params], params) if params else ""
        if params:
            _read_shapes(root, modules[params], schema)


def _imported_modules(tree: ast.Module) -> dict[str, str]:
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    return {name.name: node.module or "" for node in imports for name in node.names}


def _operation(method: ast.FunctionDef) -> tuple[str, str] | None:
    """`("post /v1/transfers", "TransferCreateParams")` of a method that sends a request, else None."""
    for call in ast.walk(method):
        if (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and call.func.attr == "_request"
        ):
            return f"{_text(call.args[0])} {_text(call.args[1])}", _params_class(method)
    return None


def _text(node: ast.expr) -> str:
    """The literal of `"..."` or of `"...".format(...)`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        node = node.func.value
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise SdkNotUnderstood(f"Not a literal path: {ast.dump(node)}")


def _params_class(method: ast.FunctionDef) -> str:
    for argument in method.args.args:
        if argument.arg == "params" and argument.annotation is not None:
            names = [
                n for n in ast.walk(_unquoted(argument.annotation)) if isinstance(n, (ast.Name, ast.Constant))
            ]
            texts = [n.id if isinstance(n, ast.Name) else str(n.value) for n in names]
            return next(text for text in texts if text.endswith("Params"))
    return ""


def _read_shapes(root: Path, module: str, schema: RequestSchema) -> None:
    path = root.parent / (module.replace(".", "/") + ".py")
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef):
            schema.shapes[_shape_name(module, node.name)] = _shape(node, module)


def _shape(definition: ast.ClassDef, module: str) -> Shape:
    # Fields inherited from RequestOptions (api_key, idempotency_key ...) travel as headers and are left out.
    annotated = [
        n for n in definition.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)
    ]
    fields: dict[str, Node] = {}
    required: list[str] = []
    for assignment in annotated:
        assert isinstance(assignment.target, ast.Name)
        name, annotation = assignment.target.id, _unquoted(assignment.annotation)
        if _is_subscript(annotation, "NotRequired"):
            assert isinstance(annotation, ast.Subscript)
            annotation = annotation.slice
        else:
            required.append(name)
        fields[name] = _node(annotation, module)
    return Shape(fields=fields, required=tuple(required))


def _node(annotation: ast.expr, module: str) -> Node:
    annotation = _unquoted(annotation)
    match annotation:
        case ast.Name(id=name):
            return (
                Node(kind=SCALARS[name])
                if name in SCALARS
                else Node(kind="ref", ref=_shape_name(module, name))
            )
        case ast.BinOp(op=ast.BitOr()):
            return _choice(_flatten(annotation), module)
        case ast.Subscript(value=ast.Name(id="Union"), slice=ast.Tuple(elts=members)):
            return _choice(members, module)
        case ast.Subscript(value=ast.Name(id="Literal"), slice=values):
            return Node(kind="enum", values=_literals(values))
        case ast.Subscript(value=ast.Name(id="List"), slice=item):
            return Node(kind="list", of=(_node(item, module),))
        case ast.Subscript(value=ast.Name(id="Dict"), slice=ast.Tuple(elts=[_, value])):
            return Node(kind="map", of=(_node(value, module),))
    raise SdkNotUnderstood(f"Unknown type in {module}: {ast.unparse(annotation)}")


def _choice(members: list[ast.expr], module: str) -> Node:
    # UntypedStripeObject is the SDK's other spelling of Dict.
    wanted = [m for m in map(_unquoted, members) if not _is_subscript(m, "UntypedStripeObject")]
    nodes = [_node(member, module) for member in wanted]
    if any(any(node.values) for node in nodes):
        # `Literal['a', 'b'] | str` means "these, and what later versions add": today only these are accepted.
        nodes = [node for node in nodes if node.kind != "str"]
    return nodes[0] if len(nodes) == 1 else Node(kind="choice", of=tuple(nodes))


def _flatten(annotation: ast.expr) -> list[ast.expr]:
    if isinstance(annotation, ast.BinOp):
        return [*_flatten(annotation.left), annotation.right]
    return [annotation]


def _literals(values: ast.expr) -> tuple[str, ...]:
    members = values.elts if isinstance(values, ast.Tuple) else [values]
    return tuple(str(member.value) for member in members if isinstance(member, ast.Constant))


def _unquoted(annotation: ast.expr) -> ast.expr:
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return ast.parse(annotation.value, mode="eval").body
    return annotation


def _is_subscript(annotation: ast.expr, name: str) -> bool:
    return (
        isinstance(annotation, ast.Subscript)
        and isinstance(annotation.value, ast.Name)
        and annotation.value.id == name
    )


def _shape_name(module: str, name: str) -> str:
    return f"{module.removeprefix('stripe.params.')}.{name}"  # SessionCreateParams exists in three modules


def _constant(path: Path, name: str) -> str:
    for node in ast.walk(ast.parse(path.read_text())):
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id == name
        ):
            return str(ast.literal_eval(node.value))
    raise SdkNotUnderstood(f"{path.name} does not name {name}.")


def _from_json(raw: dict[str, Any]) -> RequestSchema:
    shapes = {
        name: Shape(
            fields={key: _node_from_json(node) for key, node in shape["fields"].items()},
            required=tuple(shape["required"]),
        )
        for name, shape in raw["shapes"].items()
    }
    return RequestSchema(
        sdk_version=raw["sdk_version"],
        api_version=raw["api_version"],
        operations=raw["operations"],
        shapes=shapes,
    )


def _node_from_json(raw: dict[str, Any]) -> Node:
    return Node(
        kind=raw["kind"],
        values=tuple(raw["values"]),
        of=tuple(_node_from_json(node) for node in raw["of"]),
        ref=raw["ref"],
    )


def _write_whole(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}")
    partial.write_text(text)
    partial.replace(path)

"""Read a flow from the YAML (or JSON, which is YAML too) a brand wrote, or say in plain words all that is wrong.

Scalars are read as strings and aliases are refused, so a source makes no objects and cannot grow while it is read.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from typing import TypeVar, cast

import yaml

from guidance.flow import (
    AnswerKind,
    Ask,
    Branch,
    Ending,
    Flow,
    FlowChoice,
    Outcome,
    Say,
    Step,
)
from guidance.flow_checks import graph_problems
from marketplace.kernel.errors import Invalid

MAX_SOURCE_CHARS = 50_000
MAX_STEPS = 100
MAX_CHOICES = 12
MAX_BRANCHES = 6
MAX_PROBLEMS = 20
MAX_NAME_CHARS, MAX_LINE_CHARS, MAX_DRAFT_CHARS = 80, 500, 4_000

FLOW_WORDS = ("key", "name", "about", "start", "steps")
ASK_WORDS = ("ask", "type", "choices", "branches", "next")
SAY_WORDS = ("say", "next")
OUTCOME_WORDS = ("outcome", "draft", "note")
BRANCHING = (AnswerKind.NUMBER, AnswerKind.DATE)
Kind = TypeVar("Kind", AnswerKind, Ending)


class UnfitFlow(Invalid):
    """This flow cannot be walked as it is."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems[:MAX_PROBLEMS]))
        self.problems = tuple(problems[:MAX_PROBLEMS])


def read_flow(source: str) -> Flow:
    """The flow that `source` describes. Raises UnfitFlow with everything that is wrong, at most MAX_PROBLEMS."""
    reading = _Reading()
    flow = reading.flow(_parsed(source))
    if reading.problems:
        raise UnfitFlow(reading.problems)
    if problems := list(graph_problems(flow)):
        raise UnfitFlow(problems)
    return flow


# --- the text -----------------------------------------------------------------------------------------------


class _Loader(yaml.BaseLoader):
    """Strings, lists and mappings without aliases or a name given twice."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "aliases (*name) are not read")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"“{str(key.value)[:40]}” stands there twice", key.start_mark
                )
            seen.add(key.value)
        return cast("dict[object, object]", super().construct_mapping(node, deep=deep))


def _parsed(source: str) -> object:
    if len(source) > MAX_SOURCE_CHARS:
        raise UnfitFlow(
            [f"The flow has {len(source):,} characters; {MAX_SOURCE_CHARS:,} is the most. Split it in two."]
        )
    try:
        return cast(object, yaml.load(source, Loader=_Loader))  # noqa: S506 - makes strings only
    except yaml.MarkedYAMLError as error:
        at = f"Line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise UnfitFlow([f"{at}{error.problem}. That is not readable as YAML."]) from error
    except (yaml.YAMLError, RecursionError, TypeError) as error:
        raise UnfitFlow(
            ["That is not readable as YAML: it is nested too deep, or holds odd characters."]
        ) from error


# --- the parts ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Reading:
    """Goes on after a problem, so that all of them are told at once."""

    problems: list[str] = field(default_factory=list)

    def flow(self, given: object) -> Flow:
        told = self._mapping("The flow", given, FLOW_WORDS)
        key = self._text("The flow", told, "key", MAX_NAME_CHARS)
        if key and not is_flow_key(key):
            self.problems.append(f"The flow's key “{key[:40]}” must be small letters, digits and dashes.")
        steps = self._steps(told.get("steps"))
        return Flow(
            key=key,
            name=self._text("The flow", told, "name", MAX_NAME_CHARS),
            about=self._text("The flow", told, "about", MAX_LINE_CHARS, required=False),
            start=self._text("The flow", told, "start", MAX_NAME_CHARS, required=False)
            or next(iter(steps), ""),
            steps=steps,
        )

    def _steps(self, given: object) -> dict[str, Step]:
        if not isinstance(given, Mapping) or not given:
            self.problems.append("The flow needs `steps`: a name for each, and what it does under it.")
            return {}
        if len(given) > MAX_STEPS:
            self.problems.append(
                f"The flow has {len(given)} steps; {MAX_STEPS} is the most. Split it in two."
            )
            return {}
        return {str(key): self._step(str(key), told) for key, told in given.items()}

    def _step(self, key: str, given: object) -> Step:
        where = f"Step “{key[:40]}”"
        if not _STEP_KEY.fullmatch(key):
            self.problems.append(
                f"{where}: a name has small letters, digits and _, and begins with a letter."
            )
        kinds = [word for word in ("ask", "say", "outcome") if isinstance(given, Mapping) and word in given]
        if len(kinds) != 1:
            self.problems.append(f"{where} must have exactly one of `ask`, `say` and `outcome`.")
            return Say(key=key, text="", next="")
        match kinds[0]:
            case "ask":
                return self._ask(where, key, self._mapping(where, given, ASK_WORDS))
            case "say":
                told = self._mapping(where, given, SAY_WORDS)
                text = self._text(where, told, "say", MAX_LINE_CHARS)
                return Say(key=key, text=text, next=self._text(where, told, "next", MAX_NAME_CHARS))
            case _:
                return self._outcome(where, key, self._mapping(where, given, OUTCOME_WORDS))

    def _ask(self, where: str, key: str, told: Mapping[str, object]) -> Ask:
        default = AnswerKind.CHOICE.value if "choices" in told else AnswerKind.TEXT.value
        kind = self._one_of(where, "type", told.get("type", default), AnswerKind) or AnswerKind.TEXT
        choosing = kind is AnswerKind.CHOICE
        if choosing and "next" in told:
            self.problems.append(f"{where}: each choice has its own `next`, so the step has none.")
        return Ask(
            key=key,
            question=self._text(where, told, "ask", MAX_LINE_CHARS),
            kind=kind,
            choices=self._choices(where, told.get("choices"), wanted=choosing),
            branches=tuple(self._branches(where, told.get("branches"), kind)),
            next="" if choosing else self._text(where, told, "next", MAX_NAME_CHARS),
        )

    def _choices(self, where: str, given: object, *, wanted: bool) -> tuple[FlowChoice, ...]:
        if given is None and not wanted:
            return ()
        if not wanted:
            self.problems.append(f"{where}: only a step of type `choice` has choices.")
            return ()
        if not isinstance(given, list) or not 2 <= len(given) <= MAX_CHOICES:
            self.problems.append(f"{where} needs 2 to {MAX_CHOICES} `choices`, each with `label` and `next`.")
            return ()
        choices = []
        for number, one in enumerate(given, start=1):
            told = self._mapping(f"{where}, choice {number}", one, ("label", "next"))
            label = self._text(f"{where}, choice {number}", told, "label", MAX_NAME_CHARS)
            following = self._text(f"{where}, choice {number}", told, "next", MAX_NAME_CHARS)
            choices.append(FlowChoice(label=label, next=following))
        if len({one.label.casefold() for one in choices}) < len(choices):
            self.problems.append(f"{where}: two choices have the same label.")
        return tuple(choices)

    def _branches(self, where: str, given: object, kind: AnswerKind) -> Iterator[Branch]:
        if given is None:
            return
        if kind not in BRANCHING or not isinstance(given, list) or not 1 <= len(given) <= MAX_BRANCHES:
            self.problems.append(
                f"{where}: `branches` are 1 to {MAX_BRANCHES} of `up_to` and `next`, for a number or a date."
            )
            return
        before = Decimal(-1)
        for number, one in enumerate(given, start=1):
            told = self._mapping(f"{where}, branch {number}", one, ("up_to", "next"))
            limit = self._text(f"{where}, branch {number}", told, "up_to", MAX_NAME_CHARS)
            following = self._text(f"{where}, branch {number}", told, "next", MAX_NAME_CHARS)
            if not _LIMIT.fullmatch(limit) or Decimal(limit) <= before:
                self.problems.append(
                    f"{where}, branch {number}: `up_to` must be a number, each larger than the last."
                )
                return
            before = Decimal(limit)
            yield Branch(up_to=before, next=following)

    def _outcome(self, where: str, key: str, told: Mapping[str, object]) -> Outcome:
        ending = self._one_of(where, "outcome", told.get("outcome"), Ending) or Ending.ANSWER
        draft = self._text(where, told, "draft", MAX_DRAFT_CHARS, required=ending is not Ending.ESCALATE)
        note = self._text(where, told, "note", MAX_LINE_CHARS, required=ending is Ending.ESCALATE)
        if note and ending is not Ending.ESCALATE:
            self.problems.append(f"{where}: only an outcome `escalate` has a note.")
        return Outcome(key=key, ending=ending, draft=draft.strip(), note=note)

    def _mapping(self, where: str, given: object, words: tuple[str, ...]) -> Mapping[str, object]:
        if not isinstance(given, Mapping):
            self.problems.append(f"{where} must be made of {', '.join(f'`{word}`' for word in words)}.")
            return {}
        for word in given:
            if word not in words:
                near = get_close_matches(str(word), words, n=1)
                hint = f" Did you mean `{near[0]}`?" if near else ""
                self.problems.append(f"{where}: `{str(word)[:40]}` is not known here.{hint}")
        return given

    def _text(
        self, where: str, told: Mapping[str, object], word: str, limit: int, *, required: bool = True
    ) -> str:
        given = told.get(word, "")
        if not isinstance(given, str):
            self.problems.append(f"{where}: `{word}` must be text.")
            return ""
        if required and not given.strip():
            self.problems.append(f"{where} needs `{word}`.")
        if len(given) > limit:
            self.problems.append(f"{where}: `{word}` has {len(given):,} characters; {limit:,} is the most.")
        return given.strip()

    def _one_of(self, where: str, word: str, given: object, kinds: type[Kind]) -> Kind | None:
        known = [kind.value for kind in kinds]
        if given not in known:
            self.problems.append(f"{where}: `{word}` must be one of {', '.join(known)}.")
            return None
        return kinds(str(given))


def is_flow_key(text: str) -> bool:
    """Whether a flow may have this key; whatever else somebody asks for is the key of none."""
    return _FLOW_KEY.fullmatch(text) is not None


_FLOW_KEY = re.compile(r"[a-z][a-z0-9-]{0,39}")
_STEP_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LIMIT = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,6})?")

"""Kill switches in words: what each stops, by which name, and what happens to tickets in flight."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from marketplace.tickets.models import Channel
from marketplace.tickets.switch_models import SwitchKind
from marketplace.tickets.switch_queries import Stop, SwitchLine
from marketplace.tickets.switches import RULES
from workers_ui.presenters.switches import LiveSwitch, PastSwitch, Stoppable
from workers_ui.presenters.values import EMPTY_FORM, Action, Choice, FormState

TITLES: Mapping[SwitchKind, str] = {
    SwitchKind.BRAND: "All tickets",
    SwitchKind.CATEGORY: "A category",
    SwitchKind.CHANNEL: "A channel",
    SwitchKind.WORKER: "A worker",
    SwitchKind.ARTICLE: "An article",
    SwitchKind.GUIDANCE: "Guidance",
}
ICONS: Mapping[SwitchKind, str] = {
    SwitchKind.BRAND: "inbox",
    SwitchKind.CATEGORY: "tag",
    SwitchKind.CHANNEL: "mail",
    SwitchKind.WORKER: "user",
    SwitchKind.ARTICLE: "file-text",
    SwitchKind.GUIDANCE: "sparkles",
}
NAMED_BY_A_KEY: Mapping[SwitchKind, str] = {
    SwitchKind.CATEGORY: "Category",
    SwitchKind.CHANNEL: "Channel",
    SwitchKind.WORKER: "Worker",
    SwitchKind.ARTICLE: "Article",
}
CHANNELS: Mapping[str, str] = {Channel.EMAIL.value: "E-mail", Channel.CHAT.value: "Chat"}
SAID_RULE = "It holds from now on, everywhere."
BY_THE_PLATFORM = "the platform"
NOT_YOURS = "The platform stopped this; write to the operator."


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What a brand's switches can name, by key."""

    brand: str
    categories: Mapping[str, str]
    workers: Mapping[str, str]
    articles: Mapping[str, str]

    def of_kind(self, kind: SwitchKind) -> Mapping[str, str]:
        return {
            SwitchKind.CATEGORY: self.categories,
            SwitchKind.CHANNEL: CHANNELS,
            SwitchKind.WORKER: self.workers,
            SwitchKind.ARTICLE: self.articles,
        }.get(kind, {})


def stoppable(
    kind: SwitchKind, live: Sequence[SwitchLine], names: Names, *, path: str, form: FormState | None
) -> Stoppable:
    stopped = [one for one in live if one.stop.kind is kind]
    taken = {one.stop.key for one in stopped}
    return Stoppable(
        kind=kind.value,
        title=TITLES[kind],
        rule=RULES[kind],
        icon=ICONS[kind],
        choices=tuple(
            Choice(value=key, label=label) for key, label in names.of_kind(kind).items() if key not in taken
        ),
        choice_label=NAMED_BY_A_KEY.get(kind, ""),
        needs_choice=kind in NAMED_BY_A_KEY,
        live=tuple(_live(one, names, path) for one in stopped),
        form=form or EMPTY_FORM,
    )


def past(one: SwitchLine, names: Names) -> PastSwitch:
    return PastSwitch(
        what=_what(one.stop, names),
        reason=one.reason,
        thrown_by=_who(one, one.thrown_by),
        thrown_at=one.thrown_at,
        lifted_by=_who(one, one.lifted_by or ""),
        lifted_at=one.lifted_at,
    )


def _live(one: SwitchLine, names: Names, path: str) -> LiveSwitch:
    return LiveSwitch(
        what=_what(one.stop, names),
        reason=one.reason,
        thrown_by=_who(one, one.thrown_by),
        thrown_at=one.thrown_at,
        lifting=Action(
            href=f"{path}/{one.id}/lift",
            label="Let it run again",
            allowed=not one.by_platform,
            reason=NOT_YOURS if one.by_platform else "",
        ),
    )


def _what(stop: Stop, names: Names) -> str:
    match stop.kind:
        case SwitchKind.BRAND:
            return f"All tickets of {names.brand}"
        case SwitchKind.GUIDANCE:
            return "Guidance"
        case _:
            named = names.of_kind(stop.kind).get(stop.key or "", "")
            return f"{NAMED_BY_A_KEY[stop.kind]}: {named or 'one that is gone'}"


def _who(one: SwitchLine, name: str) -> str:
    """Operators are the platform to a brand, not people."""
    return BY_THE_PLATFORM if one.by_platform else name

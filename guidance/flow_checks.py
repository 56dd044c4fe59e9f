"""What is wrong with a flow as a graph: steps that lead nowhere, are never reached, or go round for ever, and slots
nobody has filled by then."""

from collections.abc import Iterator, Mapping

from guidance.flow import SLOT, Ask, Flow, Outcome, Say, Step
from guidance.voice import Voice, avoided_words, is_allowed_link, links, unfilled_slots


def graph_problems(flow: Flow) -> Iterator[str]:
    """In words for whoever wrote the flow; none when it can be walked to an outcome from everywhere."""
    unknown = list(_unknown_steps(flow))
    if unknown:
        yield from unknown
        return
    leads = {key: following(step) for key, step in flow.steps.items()}
    reached = _reached({flow.start}, leads)
    for key in flow.steps:
        if key not in reached:
            yield f"Step “{key}” is never reached: no other step leads to it."
    ends = [key for key, step in flow.steps.items() if isinstance(step, Outcome)]
    if not ends:
        yield "The flow has no outcome. Add a step with `outcome: answer`, `escalate` or `ask_customer`."
        return
    finishing = _reached(set(ends), _turned(leads))
    for key in flow.steps:
        if key in reached and key not in finishing:
            yield f"Step “{key}” goes round for ever: no way from it leads to an outcome."
    yield from _slot_problems(flow, leads)


def voice_problems(flow: Flow, voice: Voice) -> Iterator[str]:
    """Drafts that the brand's own rules would not let out."""
    for key, step in flow.steps.items():
        draft = step.draft if isinstance(step, Outcome) else ""
        for word in avoided_words(draft, voice.words_to_avoid):
            yield f"Step “{key}”: the draft uses “{word.value}”, which is a word to avoid."
        for link in links(draft):
            if not is_allowed_link(link.value, voice.allowed_link_domains):
                yield f"Step “{key}”: the draft links to “{link.value[:80]}”, which is not on the list of link domains."


def following(step: Step) -> tuple[str, ...]:
    """Where `step` may lead."""
    match step:
        case Ask():
            ways = (*(one.next for one in step.choices), *(one.next for one in step.branches), step.next)
            return tuple(way for way in ways if way)
        case Say():
            return (step.next,)
        case Outcome():
            return ()


def _unknown_steps(flow: Flow) -> Iterator[str]:
    if flow.start not in flow.steps:
        yield f"The flow starts at “{flow.start}”, and there is no such step."
    for key, step in flow.steps.items():
        for way in following(step):
            if way not in flow.steps:
                yield f"Step “{key}” leads to “{way[:40]}”, and there is no such step."


def _reached(begin: set[str], leads: Mapping[str, tuple[str, ...]]) -> set[str]:
    reached, waiting = set(begin), list(begin)
    while waiting:
        for way in leads[waiting.pop()]:
            if way not in reached:
                reached.add(way)
                waiting.append(way)
    return reached


def _turned(leads: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    return {key: tuple(one for one, ways in leads.items() if key in ways) for key in leads}


def _slot_problems(flow: Flow, leads: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    asked = _always_asked(flow, leads)
    for key, step in flow.steps.items():
        if isinstance(step, Ask):
            continue
        for text in (step.text,) if isinstance(step, Say) else (step.draft, step.note):
            for slot in dict.fromkeys(found[1] for found in SLOT.finditer(text)):
                if not isinstance(flow.steps.get(slot), Ask):
                    yield f"Step “{key}”: the slot {{{slot}}} is no question of this flow."
                elif slot not in asked[key]:
                    yield f"Step “{key}”: the slot {{{slot}}} is not answered on every way that leads here."
            for odd in unfilled_slots(SLOT.sub("", text)):
                yield f"Step “{key}”: “{odd.value[:40]}” in braces is no slot; write {{name_of_a_question}}."


def _always_asked(flow: Flow, leads: Mapping[str, tuple[str, ...]]) -> dict[str, frozenset[str]]:
    """For each step the questions that every way from the start to it has asked."""
    everything = frozenset(key for key, step in flow.steps.items() if isinstance(step, Ask))
    before = dict.fromkeys(flow.steps, everything)
    before[flow.start] = frozenset()
    changed = True
    while changed:
        changed = False
        for key, ways in leads.items():
            own = {key} if isinstance(flow.steps[key], Ask) else set()
            for way in ways:
                narrowed = before[way] & (before[key] | own)
                changed |= narrowed != before[way]
                before[way] = narrowed
    return before

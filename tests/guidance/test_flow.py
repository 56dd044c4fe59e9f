"""A brand's question trees: what they read like, what is wrong with them, and where a walk leads."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from guidance.findings import FindingKind
from guidance.flow import AnswerKind, BadAnswer, Ending, Walk, flow_reply, walk
from guidance.flow_checks import voice_problems
from guidance.flow_source import MAX_SOURCE_CHARS, MAX_STEPS, UnfitFlow, read_flow
from guidance.lint import lint
from guidance.voice import Voice
from workers_ui.content import demo_brands

TODAY = date(2026, 11, 27)
VOICE = Voice(greeting="Hello {customer_name},", sign_off="Kind regards")
RETURNS = """
key: returns
name: Returns
steps:
  reason:
    ask: Why?
    choices:
      - {label: Broken, next: order}
      - {label: Not wanted, next: delivered}
  delivered:
    ask: When was it delivered?
    type: date
    branches:
      - {up_to: 30, next: order_of_gift}
    next: late
  order_of_gift:
    ask: Which order?
    type: order_id
    next: accept
  accept:
    outcome: answer
    draft: Order {order_of_gift} of {delivered} may come back.
  late:
    say: Delivered on {delivered}; be kind.
    next: escalated
  escalated:
    outcome: escalate
    note: "Late: {delivered}"
  order:
    ask: Which order?
    type: order_id
    next: photo
  photo:
    outcome: ask_customer
    draft: Please send a photo of order {order}.
"""


def walked(*answers: str, source: str = RETURNS) -> Walk:
    return walk(read_flow(source), answers, today=TODAY)


def problems(source: str) -> tuple[str, ...]:
    with pytest.raises(UnfitFlow) as refused:
        read_flow(source)
    return refused.value.problems


def changed(old: str, new: str) -> str:
    assert old in RETURNS
    return RETURNS.replace(old, new)


def test_a_walk_asks_one_question_after_the_other_and_ends_with_a_filled_draft() -> None:
    first, second = walked(), walked("broken")
    assert first.asks is not None
    assert (first.asks.key, first.outcome) == ("reason", None)
    assert second.asks is not None
    assert second.asks.kind is AnswerKind.ORDER_ID
    done = walked("Broken", "#AB-17")
    assert done.outcome is not None
    assert done.outcome.ending is Ending.ASK_CUSTOMER
    assert done.path == ("reason", "order", "photo")
    assert [(one.step, one.answer) for one in done.answered] == [("reason", "Broken"), ("order", "AB-17")]
    assert flow_reply(done, VOICE, "Sam") == (
        "Hello Sam,\n\nPlease send a photo of order AB-17.\n\nKind regards"
    )


@pytest.mark.parametrize(("days", "step"), [(0, "order_of_gift"), (30, "order_of_gift"), (31, "late")])
def test_a_date_branches_by_its_age_with_the_limit_inside(days: int, step: str) -> None:
    day = TODAY - timedelta(days=days)
    assert step in walked("Not wanted", day.isoformat()).path


def test_what_is_said_stands_before_the_next_question_with_its_slots_filled() -> None:
    late = walked("Not wanted", "2026-01-02")
    assert late.said == ("Delivered on 2026-01-02; be kind.",)
    assert (late.note, late.draft) == ("Late: 2026-01-02", "")


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (["Perhaps"], "Choose one of “Broken”, “Not wanted”."),
        (["Not wanted", "yesterday"], "Answer with a date"),
        (["Not wanted", "9999-01-01"], "Answer with a date"),
        (["Broken", "no digits"], "An order id has"),
        (["Broken", "A1", "more"], "The flow is over"),
    ],
)
def test_an_answer_of_another_kind_is_refused_with_what_to_give(answers: list[str], said: str) -> None:
    with pytest.raises(BadAnswer, match=said):
        walked(*answers)


def test_an_answer_is_filled_in_once_and_is_never_read_for_slots() -> None:
    source = """
key: one
name: One
steps:
  secret: {ask: Secret, next: words}
  words: {ask: Words, next: done}
  done: {outcome: answer, draft: "You said {words}."}
"""
    for typed in ("{secret}", "{{7*7}}", "{customer_name}", "{words}", "{% raw %}"):
        reply = flow_reply(walked("hidden", typed, source=source), VOICE, "Sam")
        assert f"You said {typed}." in reply
        assert "hidden" not in reply
        assert FindingKind.UNFILLED_SLOT in {found.kind for found in lint(reply, VOICE, [])}


def test_an_answer_is_one_line_without_marks_that_turn_the_text() -> None:
    source = "{key: a, name: A, steps: {q: {ask: Q, next: done}, done: {outcome: answer, draft: '{q}'}}}"
    assert walked("a\nb\u202ec\x1b[31m", source=source).draft == "a b c [31m"


def test_a_loop_that_has_a_way_out_is_walked_as_often_as_asked_and_the_last_answer_counts() -> None:
    source = """
key: loop
name: Loop
steps:
  number: {ask: Number, type: number, next: sure}
  sure:
    ask: Sure?
    choices:
      - {label: "Yes", next: done}
      - {label: "No", next: number}
  done: {outcome: answer, draft: "It is {number}."}
"""
    assert walked("1", "No", "2", "Yes", source=source).draft == "It is 2."
    with pytest.raises(BadAnswer, match="at most 50"):
        walked(*["1", "No"] * 26, source=source)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (changed("next: photo", "next: foto"), "Step “order” leads to “foto”, and there is no such step."),
        (
            changed("{label: Broken, next: order}", "{label: Broken, next: delivered}"),
            "Step “order” is never",
        ),
        (changed("outcome: ask_customer", "outcome: shrug"), "must be one of answer, escalate, ask_customer"),
        (changed("type: date", "type: day"), "must be one of choice, text, number, date, order_id"),
        (changed("    draft: Please send a photo of order {order}.", ""), "Step “photo” needs `draft`."),
        (
            changed("order {order}.", "order {order} and {delivered}."),
            "{delivered} is not answered on every way",
        ),
        (changed("order {order}.", "order {nothing}."), "{nothing} is no question of this flow"),
        (changed("order {order}.", "order {{order}}."), "Step “photo”"),
        (changed('    note: "Late: {delivered}"', "    nota: x"), "Did you mean `note`?"),
        (
            changed("- {up_to: 30, next: order_of_gift}", "- {up_to: x, next: order_of_gift}"),
            "`up_to` must be",
        ),
        (changed("key: returns", "key: Re Turns"), "must be small letters"),
        (changed("{label: Not wanted,", "{label: broken,"), "two choices have the same label"),
        (changed("  late:\n", "  photo:\n"), "stands there twice"),
        (changed("name: Returns", "name: &n Returns\nabout: *n"), "aliases"),
        ("steps: [", "not readable as YAML"),
        ("", "The flow must be made of"),
        ("{key: a, name: A, steps: {q: {ask: Q, next: r}, r: {say: R, next: q}}}", "has no outcome"),
        ("x" * (MAX_SOURCE_CHARS + 1), "is the most"),
        ("[" * 10_000, "not readable as YAML"),
        ("? [a, b]\n: c", "not readable as YAML"),
        (
            "{key: a, name: A, steps: {"
            + ", ".join(f"s{n}: {{say: x, next: s{n + 1}}}" for n in range(MAX_STEPS))
            + f", s{MAX_STEPS}: {{outcome: answer, draft: x}}}}}}",
            "Split it in two",
        ),
    ],
)
def test_what_is_wrong_with_a_flow_is_said_in_words(source: str, said: str) -> None:
    assert any(said in one for one in problems(source)), problems(source)


def test_a_round_without_a_way_out_is_found_beside_a_good_way() -> None:
    source = """
key: a
name: A
steps:
  q:
    ask: Q?
    choices:
      - {label: Out, next: done}
      - {label: In, next: round}
  round: {say: R, next: again}
  again: {ask: Again, next: round}
  done: {outcome: answer, draft: Done.}
"""
    assert problems(source) == (
        "Step “round” goes round for ever: no way from it leads to an outcome.",
        "Step “again” goes round for ever: no way from it leads to an outcome.",
    )


def test_all_problems_are_told_at_once() -> None:
    source = changed("next: photo", "next: foto").replace("next: late", "next: latte")
    assert len(problems(source)) == 2


def test_a_draft_the_brand_would_never_send_is_a_problem() -> None:
    flow = read_flow(changed("Please send", "Unfortunately see evil.example.net/x and send"))
    strict = Voice(greeting="Hi", sign_off="Bye", words_to_avoid=("unfortunately",))
    assert len(list(voice_problems(flow, strict))) == 2
    assert list(voice_problems(read_flow(RETURNS), strict)) == []


def test_each_demo_brand_brings_flows_that_its_own_rules_let_out() -> None:
    for brand in demo_brands():
        assert brand.flows
        for source in brand.flows:
            assert list(voice_problems(read_flow(source), brand.voice)) == []


def test_json_is_read_like_yaml(tmp_path: Path) -> None:
    source = '{"key": "a", "name": "A", "steps": {"d": {"outcome": "answer", "draft": "Hi \\"you\\"."}}}'
    assert walked(source=source).draft == 'Hi "you".'

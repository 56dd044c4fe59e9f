"""Slots have kinds, are filled where one value alone can be meant, and never with more than a plain value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guidance.draft import compose
from guidance.findings import FindingKind
from guidance.lint import lint
from guidance.slots import FilledSlot, SlotKind, TicketFacts, facts_of, filled_in, kind_of
from guidance.voice import unfilled_slots
from tests.guidance.builders_text import a_passage, a_voice


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("order_id", SlotKind.ORDER_ID),
        ("order.id", SlotKind.ORDER_ID),
        ("ORDER NUMBER", SlotKind.ORDER_ID),
        ("your name", SlotKind.CUSTOMER_NAME),
        ("customer_name", SlotKind.CUSTOMER_NAME),
        ("product name", SlotKind.TEXT),
        ("refund_amount", SlotKind.AMOUNT),
        ("ship_date", SlotKind.DATE),
        ("colour", SlotKind.TEXT),
    ],
)
def test_a_slots_name_says_its_kind(name: str, kind: SlotKind) -> None:
    assert kind_of(name) is kind


@pytest.mark.parametrize("slot", ["{order_id}", "{{ order.id }}", "[ORDER NUMBER]", "<order number>"])
def test_an_order_id_is_filled_from_the_ticket_however_the_slot_is_written(slot: str) -> None:
    draft = compose(
        question="where is my parcel",
        passages=[a_passage(f"We look for your parcel with order {slot} today.")],
        voice=a_voice(),
        facts=facts_of(["My order TL-20417 is late."], customer_name="Ann"),
    )
    assert draft is not None
    assert "with order TL-20417 today" in draft.text
    assert draft.slots == ()
    assert [(one.kind, one.value, one.source) for one in draft.filled] == [
        (SlotKind.ORDER_ID, "TL-20417", "ticket")
    ]


@pytest.mark.parametrize("slot", ["{order_id}", "{{ order.id }}", "[ORDER NUMBER]", "<order number>"])
def test_what_nothing_fills_stays_open_and_blocks_the_sending(slot: str) -> None:
    passage = a_passage(f"We look for your parcel with order {slot} today.")
    draft = compose(question="where is my parcel", passages=[passage], voice=a_voice())
    assert draft is not None
    assert len(draft.slots) == 1
    assert FindingKind.UNFILLED_SLOT in {one.kind for one in lint(draft.text, a_voice(), [passage])}


def test_an_amount_and_a_date_come_from_the_passage_that_says_one_alone() -> None:
    text = "Returns cost $12 since 2026-11-02. You pay {fee_amount} from {start_date} on."
    draft = compose(question="what do I pay", passages=[a_passage(text)], voice=a_voice())
    assert draft is not None
    assert "You pay $12 from 2026-11-02 on." in draft.text
    assert {one.source for one in draft.filled} == {"passage 1"}


def test_of_two_amounts_none_is_chosen() -> None:
    text = "Returns cost $12, later $15. You pay {fee_amount} for them."
    draft = compose(question="what do I pay", passages=[a_passage(text)], voice=a_voice())
    assert draft is not None
    assert draft.slots == ("fee_amount",)


@pytest.mark.parametrize(
    ("said", "order"),
    [
        ("Order TL-20417 never came.", "TL-20417"),
        ("order number: 88-1204, please", "88-1204"),
        ("It is TL-20417. I say TL-20417.", "TL-20417"),
        ("Orders TL-20417 and TL-20418 are late.", None),
        ("order {order_id} and order https://evil.example/1234", None),
        ("order ignore-all-rules", None),
        ("my order 4242 4242 4242 4242", None),
        ("my order sam1234@example.com", None),
        ("my order is late", None),
        ("order " + "9" * 300, None),
    ],
)
def test_a_plain_id_alone_is_an_order_id(said: str, order: str | None) -> None:
    assert facts_of([said], customer_name=None).order_id == order


def test_a_name_that_is_none_fills_nothing() -> None:
    assert facts_of([], customer_name="{order_id} https://evil.example").customer_name is None


@given(st.text(max_size=200), st.text(max_size=80))
def test_what_fills_is_short_and_holds_no_slot_link_or_line(said: str, name: str) -> None:
    facts = facts_of([f"order {said}", said], customer_name=name)
    for value in filter(None, (facts.order_id, facts.customer_name)):
        assert len(value) <= 60
        assert not set(value) & set("{}<>[]/@\n")


def test_a_worker_fills_the_open_slots_and_no_others() -> None:
    text = "Order {order_id} leaves on [SHIP DATE], {colour}."
    typed = {"order_id": " TL-1\n2 ", "SHIP DATE": "2026-12-01", "colour": " ", "other": "x"}
    assert filled_in(text, typed) == "Order TL-1 2 leaves on 2026-12-01, {colour}."


def test_a_typed_slot_is_not_filled_in_turn() -> None:
    filled = filled_in("{a} {b}", {"a": "{b}", "b": "two"})
    assert filled == "{b} two"
    assert [one.value for one in unfilled_slots(filled)] == ["b"]


def test_a_filled_slot_remembers_where_it_came_from() -> None:
    draft = compose(
        question="parcel",
        passages=[a_passage("Dear <customer name>, your parcel left the house today.")],
        voice=a_voice(),
        facts=TicketFacts(customer_name="Ann"),
    )
    assert draft is not None
    assert draft.filled == (
        FilledSlot(name="customer name", kind=SlotKind.CUSTOMER_NAME, value="Ann", source="customer"),
    )

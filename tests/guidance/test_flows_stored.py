"""A brand's flows as stored: versions that stay, one brand's own, and walks beside its tickets alone."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError, IntegrityError

from guidance.commands import write_receipt
from guidance.flow import BadAnswer
from guidance.flow_models import FlowWalk
from guidance.flow_source import UnfitFlow
from guidance.flow_walks import find_walk, told_by_flows, walk_flow
from guidance.flows import (
    FlowChanged,
    FlowKeyDiffers,
    NoSuchFlow,
    all_flows,
    flow_versions,
    offered_flows,
    publish_flow,
    restore_flow,
    withdraw_flow,
)
from guidance.queries import receipts_of_ticket
from guidance.voice import Voice
from guidance.voices import set_voice
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import BrandId, TicketId, WorkerId
from tests.builders import a_brand, a_worker, an_open_ticket, answer, as_brand
from tests.guidance.test_flow import RETURNS

SECOND = RETURNS.replace("name: Returns", "name: Returns 2")


def publish(db: Database, brand: BrandId, source: str = RETURNS, **more: object) -> int:
    with db.transaction(as_brand(brand)) as tx:
        return publish_flow(tx, brand=brand, source=source, author=None, now=app_now(tx), **more).version  # type: ignore[arg-type]


def walked(
    db: Database,
    brand: BrandId,
    ticket: TicketId,
    worker: WorkerId,
    *answers: str,
    version: int | None = None,
) -> FlowWalk | None:
    with db.transaction(as_brand(brand)) as tx:
        return walk_flow(
            tx,
            brand=brand,
            ticket=ticket,
            worker=worker,
            key="returns",
            version=version,
            answers=answers,
            now=app_now(tx),
        ).kept


@pytest.fixture
def brand(background: Database) -> BrandId:
    with background.transaction() as tx:
        return a_brand(tx)


@pytest.fixture
def other(background: Database) -> BrandId:
    with background.transaction() as tx:
        return a_brand(tx)


def test_a_version_is_added_and_none_is_changed(db: Database, background: Database, brand: BrandId) -> None:
    assert (publish(db, brand), publish(db, brand), publish(db, brand, SECOND)) == (1, 1, 2)
    with background.transaction() as tx, pytest.raises(DatabaseError), tx.begin_nested():
        tx.execute(text("UPDATE flow_version SET name = 'x'"))
    with db.transaction(as_brand(brand)) as tx:
        restored = restore_flow(tx, brand=brand, key="returns", version=1, author=None, now=app_now(tx))
        assert (restored.version, restored.source) == (3, RETURNS)
        assert [(one.version, one.name) for one in flow_versions(tx, brand=brand, key="returns")] == [
            (3, "Returns"),
            (2, "Returns 2"),
            (1, "Returns"),
        ]


def test_what_was_published_meanwhile_is_not_overwritten(db: Database, brand: BrandId) -> None:
    publish(db, brand, based_on=0)
    with pytest.raises(FlowChanged):
        publish(db, brand, SECOND, based_on=0)
    assert publish(db, brand, SECOND, based_on=1) == 2
    with pytest.raises(FlowKeyDiffers):
        publish(db, brand, RETURNS.replace("key: returns", "key: other"), key="returns")


def test_a_draft_against_the_voice_is_not_published(db: Database, brand: BrandId) -> None:
    with db.transaction(as_brand(brand)) as tx:
        strict = Voice(greeting="Hi,", sign_off="Bye", words_to_avoid=("photo",))
        set_voice(tx, brand=brand, voice=strict, author=None, now=app_now(tx))
    with pytest.raises(UnfitFlow, match="word to avoid"):
        publish(db, brand)


def test_a_withdrawn_flow_is_offered_to_nobody_and_comes_back(
    db: Database, background: Database, brand: BrandId
) -> None:
    publish(db, brand)
    with db.transaction(as_brand(brand)) as tx:
        assert withdraw_flow(tx, brand=brand, key="returns", author=None, now=app_now(tx)).version == 2
        assert offered_flows(tx, brand=brand) == []
        assert [one.withdrawn for one in all_flows(tx, brand=brand)] == [True]
    with background.transaction() as tx:
        ticket, worker = an_open_ticket(tx, brand), a_worker(tx)
    with pytest.raises(NoSuchFlow):
        walked(db, brand, ticket, worker)
    assert publish(db, brand) == 3
    assert walked(db, brand, ticket, worker) is None


def test_another_brands_flow_is_not_there(
    db: Database, background: Database, brand: BrandId, other: BrandId
) -> None:
    publish(db, brand)
    with background.transaction() as tx:
        ticket, worker = an_open_ticket(tx, other), a_worker(tx)
    with pytest.raises(NoSuchFlow):
        walked(db, other, ticket, worker)
    with db.transaction(as_brand(other)) as tx:
        assert all_flows(tx, brand=other) == []
        assert tx.execute(text("SELECT count(*) FROM flow_version")).scalar() == 0
    with db.transaction(as_brand(other)) as tx, pytest.raises(DatabaseError), tx.begin_nested():
        tx.execute(
            text(
                "INSERT INTO flow_version VALUES (:brand, 'stolen', 1, 'x', 'x', false, NULL, app_now())"
            ).bindparams(brand=brand)
        )


def test_a_walk_goes_on_in_the_version_it_began_in_and_is_kept_once(
    db: Database, background: Database, brand: BrandId
) -> None:
    publish(db, brand)
    with background.transaction() as tx:
        ticket, worker, stranger = an_open_ticket(tx, brand), a_worker(tx), a_worker(tx)
    publish(db, brand, SECOND)
    first = walked(db, brand, ticket, worker, "Broken", "A1", version=1)
    again = walked(db, brand, ticket, worker, "broken", "#A1", version=1)
    newest = walked(db, brand, ticket, worker, "Broken", "A1")
    assert first is not None
    assert again is not None
    assert newest is not None
    assert (first.id, first.flow_version, newest.flow_version) == (again.id, 1, 2)
    assert "order A1." in first.draft
    with pytest.raises(BadAnswer):
        walked(db, brand, ticket, worker, "Perhaps")
    with db.transaction(as_brand(brand)) as tx:
        mine = dict(brand=brand, ticket=ticket, walk_id=first.id)
        assert find_walk(tx, worker=worker, **mine) is not None  # type: ignore[arg-type]
        assert find_walk(tx, worker=stranger, **mine) is None  # type: ignore[arg-type]


def test_a_source_of_a_reply_is_what_the_brand_wrote_and_never_an_answer(
    db: Database, background: Database, brand: BrandId
) -> None:
    publish(db, brand)
    with background.transaction() as tx:
        ticket, worker = an_open_ticket(tx, brand), a_worker(tx)
    walked(db, brand, ticket, worker, "Broken", "500")
    with db.transaction(as_brand(brand)) as tx:
        told = told_by_flows(tx, brand=brand, ticket=ticket, worker=worker)
    assert [one.text for one in told] == ["Please send a photo of order {order}."]


def test_a_receipt_tells_flow_version_and_path(db: Database, background: Database, brand: BrandId) -> None:
    publish(db, brand)
    with background.transaction() as tx:
        ticket, worker = an_open_ticket(tx, brand), a_worker(tx)
    kept = walked(db, brand, ticket, worker, "Broken", "A1")
    assert kept is not None
    with background.transaction() as tx:
        reply = answer(tx, ticket, worker, body=kept.draft)
        write_receipt(tx, reply=reply, inserted=["1"], now=app_now(tx), walked=kept)
    with db.transaction(as_brand(brand)) as tx:
        [receipt] = receipts_of_ticket(tx, brand=brand, ticket=ticket)
    assert receipt.inserted == ("1", "flow")
    assert receipt.edit_distance == 0
    assert receipt.flow is not None
    assert (receipt.flow.flow_key, receipt.flow.flow_version) == ("returns", 1)
    assert receipt.flow.path == ["reason", "order", "photo"]


def test_a_receipt_of_one_brand_cannot_name_a_walk_of_another(
    background: Database, brand: BrandId, other: BrandId, db: Database
) -> None:
    publish(db, brand)
    with background.transaction() as tx:
        ticket, theirs, worker = an_open_ticket(tx, brand), an_open_ticket(tx, other), a_worker(tx)
    kept = walked(db, brand, ticket, worker, "Broken", "A1")
    with background.transaction() as tx:
        reply = answer(tx, theirs, worker)
        with pytest.raises(IntegrityError):
            write_receipt(tx, reply=reply, inserted=[], now=app_now(tx), walked=kept)
        tx.rollback()

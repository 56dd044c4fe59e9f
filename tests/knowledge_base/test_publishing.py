"""Which text holds when: drafts hold nowhere, dates switch texts by themselves, history stays as it was."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from knowledge_base.drafting import Put
from knowledge_base.in_force import is_in_force
from knowledge_base.liveness import is_live
from knowledge_base.models import Article, ArticleState, Passage, Publication, Revision
from knowledge_base.publishing import (
    EndsTooEarly,
    RevisionNotFound,
    put_articles,
    retire_articles,
)
from knowledge_base.queries import articles
from knowledge_base.steps import NothingPlanned
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Scope
from tests.knowledge_base.conftest import HOUR, House, KnowledgeBase, Open, document

QUESTION = "How many days to send the kettle back?"
ORDINARY = "Send the kettle back within thirty days."
WINTER = "Send the kettle back within ninety days."


def test_a_draft_holds_nowhere_until_it_is_published(house: House) -> None:
    drafted = house.draft(ORDINARY)

    assert (house.state(), house.held(), house.changes()) == (ArticleState.DRAFT, [], 0)
    assert house.base.index(house.brand) is None

    house.publish(drafted)

    assert (house.state(), house.held(), house.changes()) == (ArticleState.PUBLISHED, [ORDINARY], 1)


def test_a_draft_of_a_published_article_leaves_its_text_in_force(house: House) -> None:
    house.put(ORDINARY)
    drafted = house.draft(WINTER)

    assert drafted.revision_number == 2
    assert house.held() == [ORDINARY]


def test_a_season_comes_and_goes_by_the_clock_alone_in_every_process(
    house: House, open_base: Open, hours_pass: Callable[[int], None]
) -> None:
    house.put(ORDINARY)
    house.put(WINTER, starts=2, ends=4)
    built = house.base.index(house.brand)
    second_process = open_base()
    processes = (house.base, second_process)

    def found() -> list[list[str]]:
        return [process.texts(house.brand, QUESTION) for process in processes]

    assert found() == [[ORDINARY], [ORDINARY]]
    hours_pass(3)
    assert found() == [[WINTER], [WINTER]]
    hours_pass(2)
    assert found() == [[ORDINARY], [ORDINARY]]
    assert house.base.index(house.brand) is None
    assert [one.search(house.brand, QUESTION).snapshot for one in processes] == [built, built]


def test_a_text_published_while_a_season_is_planned_holds_before_and_after_it(house: House) -> None:
    house.put(ORDINARY)
    house.put(WINTER, starts=2, ends=4)
    house.put("Send the kettle back within forty days.")

    assert house.held() == ["Send the kettle back within forty days."]
    assert house.held(after=3) == [WINTER]
    assert house.held(after=5) == ["Send the kettle back within forty days."]


def test_the_same_put_again_changes_nothing_be_it_for_now_or_for_a_season(house: House) -> None:
    house.put(ORDINARY)
    starts = 2
    with house.base.database.transaction(Scope(brand=house.brand)) as tx:
        now = app_now(tx)

    def season() -> Put:
        with house.base.database.transaction(Scope(brand=house.brand)) as tx:
            return put_articles(
                tx,
                brand=house.brand,
                documents=[document(text=WINTER)],
                author=None,
                now=app_now(tx),
                starts=now + starts * HOUR,
                ends=now + 4 * HOUR,
            )[0]

    assert season().changed
    changes = house.changes()

    assert not season().changed
    assert not house.put(ORDINARY).changed
    assert house.changes() == changes


def test_a_cancelled_season_never_comes(house: House) -> None:
    house.put(ORDINARY)
    season = house.put(WINTER, starts=2, ends=4)
    begins = house.planned()[1]

    house.cancel(season, begins)

    assert house.held(after=3) == [ORDINARY]
    assert len(house.planned()) == 1
    with pytest.raises(NothingPlanned):
        house.cancel(season, begins)
    with pytest.raises(NothingPlanned):
        house.cancel(season, house.planned()[0])


def test_retiring_ends_what_holds_and_what_is_planned(house: House) -> None:
    put = house.put(ORDINARY)
    house.put(WINTER, starts=2, ends=4)

    house.retire(put)

    assert (house.state(), house.held(), house.held(after=3)) == (ArticleState.RETIRED, [], [])


def test_an_article_whose_season_is_over_is_retired_and_listed_until_then(
    house: House, hours_pass: Callable[[int], None]
) -> None:
    house.put(WINTER, starts=2, ends=4)

    def listed() -> list[ArticleState]:
        with house.base.database.transaction(Scope(brand=house.brand)) as tx:
            return [line.state for line in articles(tx, brand=house.brand).lines]

    assert listed() == [ArticleState.DRAFT]
    hours_pass(3)
    assert listed() == [ArticleState.PUBLISHED]
    hours_pass(2)
    assert (listed(), house.state()) == ([], ArticleState.RETIRED)


def test_a_period_that_ends_before_it_begins_is_refused(house: House) -> None:
    with pytest.raises(EndsTooEarly):
        house.put(ORDINARY, starts=2, ends=2)
    with pytest.raises(EndsTooEarly):
        house.put(ORDINARY, ends=-1)
    assert house.changes() == 0


def test_a_revision_of_another_brand_cannot_be_published(house: House, base: KnowledgeBase) -> None:
    foreign = House(base, base.brand()).draft(ORDINARY)

    with pytest.raises(RevisionNotFound):
        house.publish(foreign)


@pytest.mark.parametrize(
    "forged",
    [
        "UPDATE publication SET revision_id = NULL",
        "DELETE FROM publication",
        "INSERT INTO publication (brand_id, article_id, starts_at, written_at) "
        "SELECT brand_id, article_id, starts_at - interval '1 day', now() FROM publication LIMIT 1",
        "TRUNCATE publication",
    ],
    ids=["rewritten", "deleted", "backdated", "emptied"],
)
def test_what_has_held_cannot_be_changed(house: House, background: Database, forged: str) -> None:
    house.put(ORDINARY)

    refused = r"append-only|taken back|in the past|permission denied"
    with pytest.raises(DBAPIError, match=refused), background.transaction() as tx:
        tx.execute(text(forged))
    assert house.held() == [ORDINARY]


def test_of_publishers_at_once_the_last_to_commit_holds_and_every_step_is_kept(house: House) -> None:
    house.put(ORDINARY)
    drafts = [house.draft(f"Version {number} of the text.") for number in range(8)]

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(house.publish, drafts))

    with house.base.database.transaction(Scope(brand=house.brand)) as tx:
        steps = tx.scalars(
            select(Publication).where(Publication.brand_id == house.brand).order_by(Publication.starts_at)
        ).all()
        in_force = tx.scalars(select(Revision.id).where(Revision.brand_id == house.brand, is_in_force()))
        assert list(in_force) == [steps[-1].revision_id]
    assert {step.revision_id for step in steps[1:]} == {draft.revision_id for draft in drafts}
    assert house.changes() == 1 + len(drafts)


def test_a_put_and_a_retirement_in_one_transaction_leave_the_last_of_them(house: House) -> None:
    with house.base.database.transaction(Scope(brand=house.brand)) as tx:
        put = put_articles(tx, brand=house.brand, documents=[document()], author=None, now=app_now(tx))[0]
        retire_articles(tx, brand=house.brand, articles=[put.article_id], author=None, now=app_now(tx))
        seen = list(tx.scalars(select(Passage.text).join(Article, is_live())))

    assert seen == ["The same key in another brand."]
    assert (house.held(), house.state()) == ([], ArticleState.RETIRED)

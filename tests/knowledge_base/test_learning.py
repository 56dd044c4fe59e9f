"""The learning loop: what resolved tickets teach is used when it proved better, shown, and taken back by a word."""

from datetime import timedelta

import pytest

from guidance.commands import prepare_suggestion
from guidance.confidence import Calibration
from guidance.learning import (
    NotHeld,
    NothingLearned,
    UnfitCaution,
    learn,
    release,
    return_to,
    set_caution,
)
from guidance.learning_models import GuidanceTuning, TuningCause
from guidance.learning_queries import brands_to_learn, threshold_of, tuning_of, tuning_versions
from guidance.models import Suggestion, SuggestionState
from guidance.tuning import Tuning
from knowledge_base.index.retrieval import Retriever
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import BrandId, PersonId, TicketId
from tests.builders import Clock, a_person, an_open_ticket, as_brand
from tests.knowledge_base.conftest import KnowledgeBase
from tests.knowledge_base.shops import KETTLE, LAMP, Shop

USUAL_WEIGHT = 0.6
ENDINGS = ("please", "today", "again", "still", "soon", "maybe", "thanks", "friends")
MISLED = Tuning(
    dense_weight=0.6, calibration=Calibration(intercept=9.0, knowledge=0.0, highest=0.0, nearest=0.0)
)


@pytest.fixture(scope="module")
def told() -> list[tuple[str, str]]:
    """Three ways of saying each thing, with words that mean nothing beside them."""
    return [
        (f"{way} {ending}", said)
        for said, ways in {
            KETTLE: ("may the boiler go back", "boiler must go to you", "this boiler goes back"),
            LAMP: ("who mends the light", "light broke here", "the light broke in winter"),
        }.items()
        for way in ways
        for ending in ENDINGS
    ]


@pytest.fixture
def shop(base: KnowledgeBase, clock: Clock, told: list[tuple[str, str]]) -> Shop:
    found = Shop(base)
    for text, said in told:
        found.resolves(text, said)
    return found


def looks(shop: Shop) -> GuidanceTuning | None:
    return learn(
        shop.database, shop.base.retriever, shop.base.embedder, brand=shop.brand, weight=USUAL_WEIGHT
    )


def uses(shop: Shop) -> Tuning:
    with shop.database.transaction(as_brand(shop.brand)) as tx:
        return tuning_of(tx, brand=shop.brand, otherwise=USUAL_WEIGHT)


def person(shop: Shop) -> PersonId:
    with shop.database.transaction() as tx:
        return a_person(tx)


def given(shop: Shop, tuning: Tuning) -> None:
    """A version before which there was none."""
    with shop.database.transaction() as tx:
        tx.add(
            GuidanceTuning(
                brand_id=shop.brand,
                version=1,
                cause=TuningCause.LEARNED,
                tuning=tuning.as_json(),
                figures={},
                tickets=1,
                made_at=app_now(tx),
            )
        )


def test_a_misleading_reading_is_replaced_and_a_person_takes_it_back(shop: Shop) -> None:
    given(shop, MISLED)

    learned = looks(shop)
    assert learned is not None
    assert (learned.version, learned.cause, learned.tickets) == (2, TuningCause.LEARNED, 48)
    assert learned.figures["after"]["off"] < learned.figures["before"]["off"]
    assert uses(shop) != MISLED

    author = person(shop)
    with shop.database.transaction(as_brand(shop.brand)) as tx:
        return_to(tx, brand=shop.brand, version=1, author=author, now=app_now(tx))
    assert uses(shop) == MISLED
    assert looks(shop) is None, "a person's word holds until the person says otherwise"
    assert due(shop) == []

    with shop.database.transaction(as_brand(shop.brand)) as tx:
        release(tx, brand=shop.brand, author=author, now=app_now(tx))
    again = looks(shop)
    assert again is not None
    assert again.cause is TuningCause.LEARNED
    with shop.database.transaction(as_brand(shop.brand)) as tx:
        causes = [line.row.cause for line in tuning_versions(tx, brand=shop.brand)]
    assert causes == [
        TuningCause.LEARNED,
        TuningCause.RELEASED,
        TuningCause.RETURNED,
        TuningCause.LEARNED,
        TuningCause.LEARNED,
    ]


def test_a_look_that_finds_nothing_better_says_so_and_changes_nothing(shop: Shop) -> None:
    looks(shop)
    before = uses(shop)

    again = looks(shop)

    assert again is not None
    assert again.cause is TuningCause.KEPT
    assert uses(shop) == before


def test_a_look_begun_before_a_person_spoke_is_not_heard(shop: Shop) -> None:
    given(shop, MISLED)
    author = person(shop)

    class Interrupted(Retriever):
        """Searches as the real one; in the middle of the look the person speaks."""

        spoken = False

        def search(self, *args: object, **named: object) -> object:  # type: ignore[override]  # passes all on
            if not self.spoken:
                self.spoken = True
                with shop.database.transaction(as_brand(shop.brand)) as tx:
                    return_to(tx, brand=shop.brand, version=1, author=author, now=app_now(tx))
            return shop.base.retriever.search(*args, **named)  # type: ignore[arg-type]  # as they came

    interrupted = Interrupted.__new__(Interrupted)

    assert learn(shop.database, interrupted, shop.base.embedder, brand=shop.brand, weight=0.6) is None
    assert uses(shop) == MISLED


def test_a_brand_is_due_at_first_then_by_night_and_sooner_when_it_grew(shop: Shop, clock: Clock) -> None:
    assert due(shop) == [shop.brand]
    looks(shop)
    assert due(shop) == []
    clock.forward(timedelta(hours=21))
    assert due(shop) == [], "nothing was resolved since"
    shop.resolves("boiler goes back once more", KETTLE)
    assert due(shop) == [shop.brand]

    given_growth(shop)
    assert due(shop) == []
    clock.forward(timedelta(minutes=11))
    assert due(shop) == [shop.brand]


def given_growth(shop: Shop) -> None:
    """The newest look saw half of the tickets there are."""
    looked = looks(shop)
    assert looked is not None
    with shop.database.transaction(as_brand(shop.brand)) as tx:
        tx.get_one(GuidanceTuning, (shop.brand, looked.version)).tickets = 20


def due(shop: Shop) -> list[BrandId]:
    with shop.database.transaction() as tx:
        return list(brands_to_learn(tx, now=app_now(tx)))


def test_what_is_learned_is_used_by_the_next_suggestion(shop: Shop) -> None:
    """The same question is shown with the brand's own confidence, and silent when wrong ones cost much."""
    ticket = asks(shop, "may the boiler go back please")
    usual = suggested(shop, ticket)
    given(shop, MISLED)
    assert suggested(shop, ticket).confidence > max(0.99, usual.confidence)

    author = person(shop)
    with shop.database.transaction(as_brand(shop.brand)) as tx:
        set_caution(tx, brand=shop.brand, wrong_cost=19.0, author=author, now=app_now(tx))
        assert threshold_of(tx, brand=shop.brand, otherwise=0.5) == pytest.approx(0.95)
        tx.get_one(GuidanceTuning, (shop.brand, 1)).tuning = Tuning(dense_weight=0.6).as_json()
    careful = suggested(shop, ticket)
    assert careful.confidence == pytest.approx(usual.confidence)
    assert careful.state is SuggestionState.ABSTAINED


def asks(shop: Shop, text: str) -> TicketId:
    with shop.database.transaction() as tx:
        return an_open_ticket(tx, shop.brand, subject="Help", text=text, customer_name="Sam Doe")


def suggested(shop: Shop, ticket: TicketId) -> Suggestion:
    with shop.database.transaction() as tx:
        return prepare_suggestion(
            tx,
            shop.base.retriever,
            brand=shop.brand,
            ticket=ticket,
            weight=USUAL_WEIGHT,
            threshold=0.5,
            now=app_now(tx),
            memory=shop.memory,
        )


def test_what_cannot_be_is_refused(shop: Shop) -> None:
    author = person(shop)
    with shop.database.transaction(as_brand(shop.brand)) as tx:
        with pytest.raises(NothingLearned):
            return_to(tx, brand=shop.brand, version=7, author=author, now=app_now(tx))
        with pytest.raises(NotHeld):
            release(tx, brand=shop.brand, author=author, now=app_now(tx))
        for cost in (0.0, 20.5, float("nan"), float("inf")):
            with pytest.raises(UnfitCaution):
                set_caution(tx, brand=shop.brand, wrong_cost=cost, author=author, now=app_now(tx))


def test_another_brand_neither_sees_nor_uses_it(shop: Shop, db: Database) -> None:
    given(shop, MISLED)
    other = Shop(shop.base)

    assert uses(other) == Tuning(dense_weight=USUAL_WEIGHT)
    with db.transaction(as_brand(other.brand)) as tx:
        assert tuning_versions(tx, brand=shop.brand) == []

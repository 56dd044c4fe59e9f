"""Owners, checks and their dates: what is overdue is listed, its owner is written to once, strict brands hide it."""

from dataclasses import dataclass

import pytest
from sqlalchemy import select

import knowledge_base.verification
from knowledge_base.publishing import ArticleNotFound
from knowledge_base.verification import (
    BadInterval,
    KnowledgeRules,
    NotAMember,
    Verification,
    doubt_article,
    remind_owners,
    reminders,
    rules_of,
    set_owner,
    set_rules,
    verification,
    verify_article,
)
from marketplace.accounts.models import Mail, Member, MemberRole
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Scope
from marketplace.kernel.ids import ArticleId, PersonId
from tests.builders import a_member, a_person
from tests.knowledge_base.conftest import HoursPass, House, document

DAY = 24
QUESTION = "How many days to send the kettle back?"
ORDINARY = "Send the kettle back within thirty days."


@dataclass(frozen=True, kw_only=True)
class Desk:
    """The acts of a brand's people on who answers for what."""

    house: House

    def article(self, key: str = "returns", title: str = "Returns") -> ArticleId:
        return self.house.base.put(self.house.brand, document(key=key, text=ORDINARY, title=title)).article_id

    def member(self) -> PersonId:
        with self.house.base.database.transaction() as tx:
            return a_member(tx, self.house.brand, role=MemberRole.MANAGER)

    def own(self, article: ArticleId, owner: PersonId | None, days: int | None = None) -> None:
        with self.house.base.database.transaction(Scope(brand=self.house.brand)) as tx:
            set_owner(tx, brand=self.house.brand, article=article, owner=owner, verify_days=days)

    def rule(self, rules: KnowledgeRules) -> None:
        with self.house.base.database.transaction(Scope(brand=self.house.brand)) as tx:
            set_rules(tx, brand=self.house.brand, rules=rules)

    def verify(self, key: str = "returns") -> None:
        with self.house.base.database.transaction(Scope(brand=self.house.brand)) as tx:
            verify_article(tx, brand=self.house.brand, key=key, now=app_now(tx))

    def verification(self, article: ArticleId) -> Verification:
        with self.house.base.database.transaction(Scope(brand=self.house.brand)) as tx:
            return verification(tx, brand=self.house.brand, article=article)

    def listed(self) -> list[str]:
        with self.house.base.database.transaction(Scope(brand=self.house.brand)) as tx:
            return [one.title for one in reminders(tx, brand=self.house.brand, now=app_now(tx))]

    def letters(self) -> list[str]:
        """The bodies of all letters, after one look at what is due."""
        with self.house.base.database.transaction() as tx:
            remind_owners(tx, base_url="https://cloud.example", now=app_now(tx))
        with self.house.base.database.transaction() as tx:
            return list(tx.scalars(select(Mail.body).order_by(Mail.id)))

    def found(self) -> list[str]:
        return self.house.base.texts(self.house.brand, QUESTION)


@pytest.fixture
def desk(house: House) -> Desk:
    return Desk(house=house)


def test_an_article_is_due_after_ninety_days_its_brands_or_its_own(desk: Desk) -> None:
    article = desk.article()

    def days() -> int:
        found = desk.verification(article)
        return (found.due_at - found.verified_at).days

    assert days() == 90
    desk.rule(KnowledgeRules(verify_days=30))
    assert days() == 30
    desk.own(article, desk.member(), days=7)
    assert days() == 7


def test_the_list_names_what_is_overdue_or_due_soon_and_holds(desk: Desk, hours_pass: HoursPass) -> None:
    desk.article()
    desk.article("later", "Later")
    desk.article("gone", "Gone")
    desk.house.base.delete(desk.house.brand, "gone")

    assert desk.listed() == []
    hours_pass(80 * DAY)
    desk.verify("later")
    assert desk.listed() == ["Returns"]
    desk.verify()
    assert desk.listed() == []


def test_the_owner_is_written_to_once_for_each_due_date(desk: Desk, hours_pass: HoursPass) -> None:
    owner = desk.member()
    for key, title in (("returns", "Returns"), ("post", "Post")):
        desk.own(desk.article(key, title), owner)
    desk.article("nobodys", "Nobody's")

    assert desk.letters() == []
    hours_pass(91 * DAY)
    first = desk.letters()
    assert len(first) == 1
    assert "- Post\n- Returns\n" in first[0]
    assert f"/b/{desk.house.brand}/knowledge/checks" in first[0]
    hours_pass(DAY)
    assert desk.letters() == first
    desk.verify()
    hours_pass(91 * DAY)
    assert len(desk.letters()) == 2


def test_an_owner_who_left_the_brand_is_not_written_to(desk: Desk, hours_pass: HoursPass) -> None:
    owner = desk.member()
    desk.own(desk.article(), owner)
    with desk.house.base.database.transaction() as tx:
        tx.delete(tx.get_one(Member, (desk.house.brand, owner)))
    hours_pass(91 * DAY)

    assert desk.letters() == []


def test_owners_who_left_keep_no_other_owner_waiting(
    desk: Desk, hours_pass: HoursPass, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(knowledge_base.verification, "OWNERS_A_SWEEP", 1)
    for key in ("one", "two"):
        owner = desk.member()
        desk.own(desk.article(key, key), owner)
        with desk.house.base.database.transaction() as tx:
            tx.delete(tx.get_one(Member, (desk.house.brand, owner)))
    # The owner stands behind those who left, whose ids are smaller.
    desk.own(desk.article("three", "Three"), desk.member())
    hours_pass(91 * DAY)

    (letter,) = desk.letters()
    assert "- Three\n" in letter


def test_a_strict_brand_offers_nothing_overdue_until_it_is_verified(
    desk: Desk, hours_pass: HoursPass
) -> None:
    desk.article()
    desk.house.base.index(desk.house.brand)
    desk.rule(KnowledgeRules(verified_only=True))

    assert desk.found() == [ORDINARY]
    hours_pass(91 * DAY)
    assert desk.found() == []
    desk.rule(KnowledgeRules(verified_only=False))
    assert desk.found() == [ORDINARY]
    desk.rule(KnowledgeRules(verified_only=True))
    desk.verify()
    assert desk.found() == [ORDINARY]


def test_planning_another_text_says_nothing_of_the_one_that_holds(desk: Desk, hours_pass: HoursPass) -> None:
    desk.article()
    desk.house.base.index(desk.house.brand)
    desk.rule(KnowledgeRules(verified_only=True))
    hours_pass(91 * DAY)

    desk.house.put("Send the kettle back within ninety days.", starts=DAY, ends=2 * DAY)
    assert (desk.found(), desk.listed()) == ([], ["Returns"])
    desk.house.put("Send the kettle back within forty days.")
    desk.house.base.index(desk.house.brand)
    assert (desk.found(), desk.listed()) == (["Send the kettle back within forty days."], [])


def test_a_strict_brand_offers_nothing_unverified(desk: Desk) -> None:
    article = desk.article()
    desk.house.base.index(desk.house.brand)
    desk.rule(KnowledgeRules(verified_only=True))
    with desk.house.base.database.transaction(Scope(brand=desk.house.brand)) as tx:
        doubt_article(tx, brand=desk.house.brand, article=article)

    assert (desk.found(), desk.listed()) == ([], ["Returns"])
    desk.verify()
    assert (desk.found(), desk.listed()) == ([ORDINARY], [])


def test_bad_rules_and_strange_owners_are_refused(desk: Desk) -> None:
    article = desk.article()
    with desk.house.base.database.transaction() as tx:
        stranger = a_person(tx, name="Stranger")

    with pytest.raises(NotAMember):
        desk.own(article, stranger)
    with pytest.raises(BadInterval):
        desk.own(article, None, days=0)
    with pytest.raises(BadInterval):
        desk.rule(KnowledgeRules(verify_days=3_651))
    with pytest.raises(ArticleNotFound):
        desk.verify("unknown")
    with desk.house.base.database.transaction(Scope(brand=desk.house.brand)) as tx:
        assert rules_of(tx, brand=desk.house.brand) == KnowledgeRules()

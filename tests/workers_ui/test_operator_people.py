"""Operators and people: never a restriction without notice, reason and appeal, and never a cent taken."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text

from billing import earnings
from billing.models import Earning, EarningState
from marketplace.accounts.errors import SignInSuspended
from marketplace.accounts.models import Mail, MemberRole, Person, Staff, StaffRole
from marketplace.accounts.sessions import sign_in
from marketplace.accounts.standing_models import Appeal, Suspension
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.tickets.endings import resolve_ticket
from marketplace.tickets.models import Claim, ClaimEnd, PoolState, PoolTicket, ResolvedBy
from marketplace.tickets.pool import claim_ticket
from marketplace.tickets.replies import send_reply
from tests.builders import Clock, a_person, as_worker
from tests.workers_ui.brand_site import House, a_house, tree, words
from tests.workers_ui.conftest import Site, sentence
from tests.workers_ui.operator_site import Operator, WorkerAtSite, a_worker_at, an_operator

SUSPENSION = {
    "reason": "wrong_answers",
    "note": "Three refunds were promised that nobody can give.",
    "unwarned_because": "Customers were promised money today.",
}


@pytest.fixture
def operator(site: Site) -> Operator:
    return an_operator(site)


@pytest.fixture
def ana(site: Site) -> WorkerAtSite:
    return a_worker_at(site)


@pytest.fixture
def house(site: Site) -> House:
    return a_house(site)


def _letters(background: Database, to: str) -> list[str]:
    with background.transaction() as tx:
        return list(tx.scalars(select(Mail.body).where(Mail.recipient == to).order_by(Mail.id)))


def _suspend(operator: Operator, who: WorkerAtSite, **changes: str) -> None:
    answer = operator.post(f"/people/{who.person}/suspension", SUSPENSION | changes)
    assert answer.status_code == 303, words(answer)


def test_people_are_found_by_address_or_name_and_a_few_at_a_time(operator: Operator, site: Site) -> None:
    with site.background.transaction() as tx:
        for number in range(60):
            a_person(tx, name=f"Noise {number}")
        one = tx.get_one(Person, a_person(tx, name="Zoë 100% Smith"))
    assert "Zoë 100% Smith" in words(operator.get("/people?q=100%25"))
    assert "Zoë 100% Smith" in words(operator.get(f"/people?q={one.email[:20]}"))
    assert "There are more" in words(operator.get("/people?q=noise"))
    assert "Nobody is suspended" in words(operator.get("/people"))
    assert "Nobody by that name" in words(operator.get("/people?q=%00nobody"))


def test_a_suspension_returns_claims_at_once_and_refuses_every_act_with_the_reason(
    operator: Operator, ana: WorkerAtSite, house: House, background: Database
) -> None:
    held, open_one = house.ticket(), house.ticket()
    with background.transaction() as tx:
        claim_ticket(tx, ticket=held, worker=ana.worker)
    _suspend(operator, ana)
    with background.transaction() as tx:
        row = tx.scalars(select(PoolTicket).where(PoolTicket.ticket_id == held)).one()
        assert (row.state, row.worker_id) == (PoolState.OPEN, None)
        ended = tx.scalars(select(Claim.end_reason).where(Claim.ticket_id == held)).one()
        assert ended is ClaimEnd.SUSPENDED
    refused = ana.post(f"/worker/pool/{open_one}/claim")
    assert refused.status_code == 403
    for part in ("Answers that were wrong or made up", "appeal", "/worker/standing"):
        assert part in words(refused)
    assert ana.post("/worker/pool").status_code == 403
    pool = ana.get("/worker/pool")
    assert pool.status_code == 200
    assert "Your work here is suspended" in words(pool)
    assert any("promised" in letter and "appeal" in letter for letter in _letters(background, ana.email))


def test_a_program_of_a_suspended_worker_is_told_the_same(
    operator: Operator, ana: WorkerAtSite, site: Site
) -> None:
    _suspend(operator, ana)
    token = ana.visitor.client.cookies.get("hc_session")
    answer = site.visitor().client.post("/api/v1/claims", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 403
    assert "Answers that were wrong or made up" in answer.json()["detail"]


def test_a_suspension_wants_a_warning_first_or_a_reason_why_not(
    operator: Operator, ana: WorkerAtSite, background: Database
) -> None:
    path = f"/people/{ana.person}/suspension"
    refused = operator.post(path, {**SUSPENSION, "unwarned_because": " "})
    assert refused.status_code == 422
    assert "Warn first, or say why" in words(refused)
    assert operator.post(
        f"/people/{ana.person}/warning", {"reason": "conduct", "note": "Be kinder."}
    ).is_redirect
    assert "You have a warning" in words(ana.get("/worker/pool"))
    standing = ana.get("/worker/standing")
    assert "Be kinder." in words(standing)
    assert "You have a warning" not in words(ana.get("/worker/pool"))
    assert ana.post("/worker/pool").status_code != 403
    _suspend(operator, ana, unwarned_because="")
    with background.transaction() as tx:
        assert tx.scalars(select(Suspension)).one().warning_id is not None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reason": "because"}, "Choose a reason from the list"),
        ({"note": " "}, "Say what happened"),
        ({"note": "x" * 2_001}, "Say what happened"),
    ],
)
def test_a_suspension_without_a_proper_reason_is_refused(
    operator: Operator, ana: WorkerAtSite, changes: dict[str, str], said: str
) -> None:
    answer = operator.post(f"/people/{ana.person}/suspension", SUSPENSION | changes)
    assert answer.status_code == 422
    assert said in words(answer)


def test_what_was_earned_is_never_touched_by_a_suspension(
    operator: Operator, ana: WorkerAtSite, house: House, background: Database, db: Database
) -> None:
    ticket = house.ticket()
    with background.transaction() as tx:
        number = claim_ticket(tx, ticket=ticket, worker=ana.worker).number
    with db.transaction(as_worker(ana.worker)) as tx:
        send_reply(tx, ticket=ticket, worker=ana.worker, number=number, body="Here.", now=app_now(tx))
    with background.transaction() as tx:
        resolve_ticket(tx, brand=house.brand, ticket=ticket, by=ResolvedBy.CUSTOMER, now=app_now(tx))
    _suspend(operator, ana)
    assert ana.get("/worker/earnings").status_code == 200
    Clock(database=background).forward(timedelta(days=4))
    with background.transaction() as tx:
        earnings.mature(tx, now=app_now(tx))
        assert tx.scalars(select(Earning)).one().state is EarningState.PAYABLE


def test_a_worker_appeals_and_another_operator_lifts_the_suspension(
    operator: Operator, ana: WorkerAtSite, site: Site, background: Database
) -> None:
    other = an_operator(site, name="Oscar Oak")
    _suspend(operator, ana)
    assert ana.post("/worker/standing/appeal", {"text": "I quoted\r\nthe policy."}).is_redirect
    again = ana.post("/worker/standing/appeal", {"text": "And again."})
    assert again.status_code == 409
    assert "waits for an answer already" in words(again)
    assert "I quoted the policy." in words(operator.get("/people"))
    with background.transaction() as tx:
        appeal = tx.scalars(select(Appeal.id)).one()
    path = f"/people/{ana.person}/appeals/{appeal}/decision"
    decision = {"outcome": "lifted", "answer": "You are right: the policy says so."}
    assert "another operator decides" in words(operator.get(f"/people/{ana.person}"))
    refused = operator.post(path, decision)
    assert refused.status_code == 403
    assert "another operator decides the appeal" in words(refused)
    assert "Your work here is suspended" in words(ana.get("/worker/pool"))
    assert other.post(path, decision).is_redirect
    assert other.post(path, decision).status_code == 409
    assert "suspended" not in words(ana.get("/worker/pool"))
    assert "the policy says so" in " ".join(_letters(background, ana.email))
    assert "Your appeal was granted: You are right: the policy says so." in words(ana.get("/worker/standing"))
    assert "Appeal granted" in words(operator.get(f"/people/{ana.person}"))
    with background.transaction() as tx:
        suspension = tx.scalars(select(Suspension)).one()
    assert (suspension.lifted_by, suspension.suspended_by) == (other.person, operator.person)


def test_the_database_itself_holds_that_nobody_decides_about_his_own_suspension(
    operator: Operator, ana: WorkerAtSite, site: Site, background: Database
) -> None:
    an_operator(site)
    _suspend(operator, ana)
    ana.post("/worker/standing/appeal", {"text": "No."})
    decide = text(
        "UPDATE appeal SET decided_at = app_now(), decided_by = :by, outcome = 'upheld' RETURNING id"
    )
    with pytest.raises(Exception, match="another operator decides"), background.transaction() as tx:
        tx.execute(decide, {"by": operator.person})


def test_an_only_operator_decides_and_is_told_that_there_is_nobody_else(
    operator: Operator, ana: WorkerAtSite, background: Database
) -> None:
    assert "You are the only operator" in words(operator.get("/health"))
    _suspend(operator, ana)
    ana.post("/worker/standing/appeal", {"text": "No."})
    with background.transaction() as tx:
        appeal = tx.scalars(select(Appeal.id)).one()
    answer = operator.post(
        f"/people/{ana.person}/appeals/{appeal}/decision", {"outcome": "upheld", "answer": "It stays."}
    )
    assert answer.is_redirect
    assert "It stays." in words(ana.get("/worker/standing"))
    assert "not granted" in words(ana.get("/worker/standing"))


@pytest.mark.parametrize("said", ["", " ", "x" * 2_001, "a\x00b"])
def test_an_appeal_needs_words_and_not_too_many(operator: Operator, ana: WorkerAtSite, said: str) -> None:
    _suspend(operator, ana)
    answer = ana.post("/worker/standing/appeal", {"text": said})
    assert answer.status_code == 422
    assert "in 1 to 2,000 characters" in words(answer)


def test_appeals_against_one_suspension_have_an_end(
    operator: Operator, ana: WorkerAtSite, background: Database
) -> None:
    _suspend(operator, ana)
    for _ in range(3):
        assert ana.post("/worker/standing/appeal", {"text": "Please."}).is_redirect
        with background.transaction() as tx:
            appeal = tx.scalars(select(Appeal.id).where(Appeal.decided_at.is_(None))).one()
        operator.post(
            f"/people/{ana.person}/appeals/{appeal}/decision", {"outcome": "upheld", "answer": "No."}
        )
    assert ana.post("/worker/standing/appeal", {"text": "Please."}).status_code == 409


def test_a_worker_in_good_standing_reads_that_and_has_nothing_to_appeal(ana: WorkerAtSite) -> None:
    assert "All is well" in words(ana.get("/worker/standing"))
    assert ana.post("/worker/standing/appeal", {"text": "Why?"}).status_code == 409


def test_a_reinstated_worker_works_again_and_an_open_appeal_is_granted(
    operator: Operator, ana: WorkerAtSite, background: Database
) -> None:
    _suspend(operator, ana)
    ana.post("/worker/standing/appeal", {"text": "Please."})
    answer = operator.post(f"/people/{ana.person}/reinstatement", {"reason": "It was a misunderstanding."})
    assert answer.is_redirect
    assert "back" not in sentence(answer)
    assert ana.post("/worker/pool").status_code != 403
    with background.transaction() as tx:
        assert tx.scalars(select(Appeal.outcome)).one() == "lifted"
    assert "It ended on" in words(ana.get("/worker/standing"))


def test_a_suspended_sign_in_ends_every_session_and_opens_no_new_one(
    operator: Operator, house: House, background: Database
) -> None:
    member = house.member(MemberRole.MANAGER)
    with background.transaction() as tx:
        person = tx.scalars(
            select(Person).where(Person.name == "Mo Manager").order_by(Person.id.desc())
        ).first()
        assert person is not None
        from marketplace.accounts.passwords import hash_password

        person.password_hash = hash_password("a quiet harbour at 6")
        email, who = person.email, person.id
    assert member.get("/tickets").status_code == 200
    reason = {"reason": "Another person uses this login."}
    assert operator.post(f"/people/{who}/sign-in-suspension", reason).is_redirect
    assert member.get("/tickets").status_code in (303, 401)
    with (
        pytest.raises(SignInSuspended, match="Another person uses this login"),
        background.transaction() as tx,
    ):
        sign_in(tx, email=email, password="a quiet harbour at 6", session_hours=1, now=app_now(tx))
    assert operator.post(f"/people/{who}/sign-in-reinstatement", {"reason": "Sorted out."}).is_redirect
    with background.transaction() as tx:
        assert sign_in(tx, email=email, password="a quiet harbour at 6", session_hours=1, now=app_now(tx))


def test_nobody_suspends_themselves(operator: Operator) -> None:
    answer = operator.post(f"/people/{operator.person}/sign-in-suspension", {"reason": "Holidays."})
    assert answer.status_code == 403
    assert "Nobody suspends" in words(answer)


def test_every_act_is_kept_with_who_and_why(operator: Operator, ana: WorkerAtSite) -> None:
    _suspend(operator, ana)
    told = words(operator.get("/health"))
    assert "Olga Oakes suspended the worker Three refunds were promised" in told


def test_only_operators_come_here(site: Site, ana: WorkerAtSite, house: House) -> None:
    with site.background.transaction() as tx:
        finance = a_person(tx)
        tx.add(Staff(person_id=finance, role=StaffRole.FINANCE, added_at=app_now(tx)))
    for path in ("/health", "/people", f"/people/{ana.person}", "/brands", "/jobs", "/invariants"):
        assert ana.get(f"/operator{path}").status_code == 404
        assert site.signed_in(finance).client.get(f"/operator{path}").status_code == 403
        assert site.visitor().client.get(f"/operator{path}").status_code in (303, 401)
    refused = site.signed_in(finance)
    answer = refused.client.post(
        f"/operator/people/{ana.person}/suspension", data={"csrf": refused.csrf, **SUSPENSION}
    )
    assert answer.status_code == 403


def test_an_operator_lands_on_health_and_finds_every_page(operator: Operator) -> None:
    assert operator.visitor.client.get("/sign-in").headers["location"] == "/operator/health"
    page = operator.get("/health")
    for link in tree(page).css(".main-nav a"):
        assert operator.visitor.client.get(str(link.attributes["href"])).status_code == 200

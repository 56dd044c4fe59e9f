"""Workers report a passage; enough of them, or the brand, take its words out of every suggestion at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import select, text

from guidance.queries import suggestion_for_desk
from guidance.wrong_passages import NotShownToYou, report_shown_passage
from knowledge_base import reports
from knowledge_base.liveness import is_offered
from knowledge_base.models import Article, Passage
from knowledge_base.publishing import delete_article, put_article
from knowledge_base.report_models import PassageQuarantine, PassageReport, ReportReason, ReportState
from knowledge_base.report_queries import Whether, own_reports, quarantined_texts, reported_texts
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Tx
from marketplace.kernel.ids import BrandId, PersonId, TicketId, WorkerId
from marketplace.tickets.models import ReleaseReason
from marketplace.tickets.pool import claim_ticket, release_ticket
from tests.builders import a_brand, a_member, a_worker, an_open_ticket, as_brand, as_worker
from tests.knowledge_base.conftest import Open, document
from tests.workers_ui.brand_site import a_suggestion, an_article

WRONG = "Returns are accepted within 14 days."


@pytest.fixture
def brand(background: Database) -> BrandId:
    with background.transaction() as tx:
        return a_brand(tx)


@pytest.fixture
def passage(background: Database, brand: BrandId) -> Passage:
    with background.transaction() as tx:
        an_article(tx, brand, key="other.md", title="Other", text="Boats float.")
        return an_article(tx, brand, text=WRONG)


@pytest.fixture
def member(background: Database, brand: BrandId) -> PersonId:
    with background.transaction() as tx:
        return a_member(tx, brand)


def shown(background: Database, brand: BrandId, passage: Passage) -> tuple[TicketId, WorkerId]:
    """A worker who holds a ticket on which guidance shows `passage`."""
    with background.transaction() as tx:
        ticket, worker = an_open_ticket(tx, brand), a_worker(tx)
        a_suggestion(tx, brand, ticket, passage, draft=passage.text)
    with background.transaction() as tx:
        claim_ticket(tx, ticket=ticket, worker=worker)
    return ticket, worker


def report(
    db: Database,
    where: tuple[TicketId, WorkerId],
    passage: Passage,
    *,
    reason: ReportReason = ReportReason.OUT_OF_DATE,
    note: str = "",
) -> PassageReport:
    ticket, worker = where
    with db.transaction(as_worker(worker)) as tx:
        return report_shown_passage(
            tx, ticket=ticket, passage=passage.id, worker=worker, reason=reason, note=note, now=app_now(tx)
        )


def wrong_text(passage: Passage) -> reports.WrongText:
    return reports.WrongText(article=passage.article_id, sha256=reports.sha256_of(passage.text))


def offered(db: Database, brand: BrandId) -> set[str]:
    with db.transaction(as_brand(brand)) as tx:
        return set(
            tx.scalars(select(Passage.text).join(Article, is_offered()).where(Passage.brand_id == brand))
        )


def by_brand(db: Database, brand: BrandId, act: Callable[[Tx], object]) -> None:
    with db.transaction(as_brand(brand)) as tx:
        act(tx)


def quarantines(background: Database, brand: BrandId) -> int:
    with background.transaction() as tx:
        return len(tx.scalars(select(PassageQuarantine).where(PassageQuarantine.brand_id == brand)).all())


def facts(background: Database, kind: str) -> int:
    with background.transaction() as tx:
        return int(
            tx.execute(text("SELECT count(*) FROM event WHERE kind = :kind"), {"kind": kind}).scalar_one()
        )


def test_the_third_worker_takes_a_passage_out_and_every_other_process_sees_it_at_once(
    db: Database, background: Database, brand: BrandId, passage: Passage
) -> None:
    holders = [shown(background, brand, passage) for _ in range(4)]
    for where in holders[:2]:
        report(db, where, passage)
    assert offered(background, brand) == {WRONG, "Boats float."}
    report(db, holders[2], passage)
    assert offered(background, brand) == {"Boats float."}
    assert (quarantines(background, brand), facts(background, "passage_quarantined")) == (1, 1)
    with background.transaction(as_brand(brand)) as tx:
        open_one = suggestion_for_desk(tx, brand=brand, ticket=holders[3][0])
    assert open_one is not None
    assert (open_one.stale, open_one.quarantined) == (True, True)


def test_many_reports_at_once_make_exactly_one_quarantine(
    db: Database, background: Database, brand: BrandId, passage: Passage
) -> None:
    holders = [shown(background, brand, passage) for _ in range(6)]
    together = Barrier(len(holders))

    def at_once(where: tuple[TicketId, WorkerId]) -> None:
        together.wait()
        report(db, where, passage)

    with ThreadPoolExecutor(len(holders)) as threads:
        list(threads.map(at_once, holders))
    assert (quarantines(background, brand), facts(background, "passage_quarantined")) == (1, 1)
    assert offered(db, brand) == {"Boats float."}


def test_exactly_as_many_reports_at_once_as_it_takes_are_enough(
    db: Database, background: Database, brand: BrandId, passage: Passage
) -> None:
    holders = [shown(background, brand, passage) for _ in range(reports.REPORTS_TO_QUARANTINE)]
    together = Barrier(len(holders))

    def at_once(where: tuple[TicketId, WorkerId]) -> None:
        together.wait()
        report(db, where, passage)

    with ThreadPoolExecutor(len(holders)) as threads:
        list(threads.map(at_once, holders))
    assert quarantines(background, brand) == 1


def test_one_worker_counts_once_however_often_he_reports(
    db: Database, background: Database, brand: BrandId, passage: Passage
) -> None:
    where = shown(background, brand, passage)
    first = report(db, where, passage)
    assert {report(db, where, passage).id for _ in range(4)} == {first.id}
    assert quarantines(background, brand) == 0
    assert facts(background, "passage_reported") == 1


def test_a_brand_sets_how_many_reports_it_takes(
    db: Database, background: Database, brand: BrandId, passage: Passage
) -> None:
    by_brand(db, brand, lambda tx: reports.set_report_policy(tx, brand=brand, reports=1))
    report(db, shown(background, brand, passage), passage)
    assert offered(db, brand) == {"Boats float."}
    for unfit in (0, 21):
        with pytest.raises(reports.BadReportPolicy), db.transaction(as_brand(brand)) as tx:
            reports.set_report_policy(tx, brand=brand, reports=unfit)


def test_one_confirmation_by_the_brand_is_enough_and_its_reporters_hear(
    db: Database, background: Database, brand: BrandId, passage: Passage, member: PersonId
) -> None:
    _, worker = where = shown(background, brand, passage)
    report(db, where, passage, note="The page says 30 days.")
    wrong = wrong_text(passage)
    for _ in range(2):  # a button pressed twice
        by_brand(
            db,
            brand,
            lambda tx: reports.confirm_wrong(tx, brand=brand, wrong=wrong, by=member, now=app_now(tx)),
        )
    assert offered(db, brand) == {"Boats float."}
    assert (quarantines(background, brand), facts(background, "report_decided")) == (1, 1)
    with db.transaction(as_worker(worker)) as tx:
        (own,) = own_reports(tx, worker=worker)
    assert (own.state, own.quarantined, own.quoted) == (ReportState.CONFIRMED, True, WRONG)


def test_the_same_words_imported_again_stay_out_and_other_words_are_offered(
    db: Database, background: Database, brand: BrandId, passage: Passage, member: PersonId
) -> None:
    report(db, shown(background, brand, passage), passage)
    wrong = wrong_text(passage)
    by_brand(
        db, brand, lambda tx: reports.confirm_wrong(tx, brand=brand, wrong=wrong, by=member, now=app_now(tx))
    )

    def put(words: str, title: str = "Returns") -> None:
        doc = document(key="returns.md", text=words, title=title)
        by_brand(
            db,
            brand,
            lambda tx: put_article(tx, brand=brand, document=doc, author=None, now=app_now(tx)),
        )

    put(WRONG, title="Returns, newly imported")
    assert offered(db, brand) == {"Boats float."}
    by_brand(db, brand, lambda tx: delete_article(tx, brand=brand, key="returns.md"))
    put(WRONG)
    assert offered(db, brand) == {"Boats float."}
    put("Returns are accepted within 30 days.")
    assert offered(db, brand) == {"Boats float.", "Returns are accepted within 30 days."}
    with db.transaction(as_brand(brand)) as tx:
        assert quarantined_texts(tx, brand=brand) == 0
    put(WRONG)
    assert offered(db, brand) == {"Boats float."}


def test_the_same_words_in_another_article_are_still_offered(
    db: Database, background: Database, brand: BrandId, passage: Passage, member: PersonId
) -> None:
    with background.transaction() as tx:
        an_article(tx, brand, key="garden.md", title="Garden returns", text=WRONG)
    report(db, shown(background, brand, passage), passage)
    wrong = wrong_text(passage)
    by_brand(
        db, brand, lambda tx: reports.confirm_wrong(tx, brand=brand, wrong=wrong, by=member, now=app_now(tx))
    )
    assert offered(db, brand) == {"Boats float.", WRONG}


def test_lifting_offers_the_passage_again_and_its_reason_is_kept_and_told(
    db: Database, background: Database, brand: BrandId, passage: Passage, member: PersonId
) -> None:
    holders = [shown(background, brand, passage) for _ in range(3)]
    for where in holders:
        report(db, where, passage)
    wrong = wrong_text(passage)
    with pytest.raises(reports.DecisionNeedsReason):
        by_brand(
            db,
            brand,
            lambda tx: reports.lift_quarantine(
                tx, brand=brand, wrong=wrong, by=member, reason=" ", now=app_now(tx)
            ),
        )
    with pytest.raises(reports.InQuarantine):
        by_brand(
            db,
            brand,
            lambda tx: reports.dismiss_reports(
                tx, brand=brand, wrong=wrong, by=member, reason="No", now=app_now(tx)
            ),
        )
    by_brand(
        db,
        brand,
        lambda tx: reports.lift_quarantine(
            tx, brand=brand, wrong=wrong, by=member, reason="14 days hold.", now=app_now(tx)
        ),
    )
    assert offered(db, brand) == {WRONG, "Boats float."}
    with background.transaction() as tx:
        kept = tx.scalars(select(PassageQuarantine).where(PassageQuarantine.brand_id == brand)).one()
        assert (kept.lift_reason, kept.lifted_by) == ("14 days hold.", member)
    with db.transaction(as_worker(holders[0][1])) as tx:
        (own,) = own_reports(tx, worker=holders[0][1])
    assert (own.state, own.decision_note, own.quarantined) == (ReportState.DISMISSED, "14 days hold.", False)
    report(db, shown(background, brand, passage), passage)  # what was decided counts no more
    assert offered(db, brand) == {WRONG, "Boats float."}
    with pytest.raises(reports.NotInQuarantine):
        by_brand(
            db,
            brand,
            lambda tx: reports.lift_quarantine(
                tx, brand=brand, wrong=wrong, by=member, reason="Again", now=app_now(tx)
            ),
        )


def test_only_who_was_shown_a_passage_under_his_own_claim_may_report_it(
    db: Database, background: Database, brand: BrandId, passage: Passage
) -> None:
    ticket, worker = shown(background, brand, passage)
    with background.transaction() as tx:
        stranger = a_worker(tx)
        unseen = an_article(tx, brand, key="unseen.md", title="Unseen", text="Nobody saw this.")
        later = an_article(tx, brand, key="later.md", title="Later", text="Shown to the next worker.")
    with pytest.raises(NotShownToYou):
        report(db, (ticket, stranger), passage)
    with pytest.raises(NotShownToYou):
        report(db, (ticket, worker), unseen)
    with background.transaction() as tx:
        release_ticket(
            tx, ticket=ticket, worker=worker, number=1, reason=ReleaseReason.NO_TIME, now=app_now(tx)
        )
    with background.transaction() as tx:
        a_suggestion(tx, brand, ticket, later, draft="")
    assert report(db, (ticket, worker), passage).worker_id == worker
    with pytest.raises(NotShownToYou):
        report(db, (ticket, worker), later)


def test_a_limit_a_day_stops_floods(db: Database, background: Database, brand: BrandId) -> None:
    with background.transaction() as tx:
        worker = a_worker(tx, email_cap=5)
        ticket = an_open_ticket(tx, brand)
        passages = [
            an_article(tx, brand, key=f"{number}.md", text=f"Fact number {number}.")
            for number in range(reports.REPORTS_PER_DAY + 1)
        ]
        for passage in passages:
            a_suggestion(tx, brand, ticket, passage, draft="")
    with background.transaction() as tx:
        claim_ticket(tx, ticket=ticket, worker=worker)
    for passage in passages[:-1]:
        report(db, (ticket, worker), passage)
    with pytest.raises(reports.TooManyReports):
        report(db, (ticket, worker), passages[-1])
    assert (
        report(db, (ticket, worker), passages[0]).passage_id == passages[0].id
    )  # what is known is no new one


def test_another_reason_needs_words_and_words_have_a_limit(
    db: Database, background: Database, brand: BrandId, passage: Passage
) -> None:
    where = shown(background, brand, passage)
    with pytest.raises(reports.ReportNeedsWords):
        report(db, where, passage, reason=ReportReason.OTHER, note="  ")
    for unfit in ("x" * (reports.NOTE_LIMIT + 1), "a\x00b"):
        with pytest.raises(reports.BadReportNote):
            report(db, where, passage, note=unfit)


def test_a_brand_sees_its_own_reports_and_decides_on_no_others(
    db: Database, background: Database, brand: BrandId, passage: Passage, member: PersonId
) -> None:
    report(db, shown(background, brand, passage), passage, note="It is 30 days.")
    with background.transaction() as tx:
        stranger = a_brand(tx, name="Somebody Else")
    wrong = wrong_text(passage)
    with db.transaction(as_brand(stranger)) as tx:
        assert reported_texts(tx, brand=stranger) == reported_texts(tx, brand=brand) == []
    with pytest.raises(reports.NothingReported):
        by_brand(
            db,
            stranger,
            lambda tx: reports.confirm_wrong(tx, brand=stranger, wrong=wrong, by=None, now=app_now(tx)),
        )
    with db.transaction(as_brand(brand)) as tx:
        (one,) = reported_texts(tx, brand=brand, whether=Whether.TO_DECIDE)
        assert reported_texts(tx, brand=brand, whether=Whether.QUARANTINED) == []
    assert (one.quoted, one.holds, one.open_reports, one.quarantine) == (WRONG, True, 1, None)
    assert (one.reports[0].note, one.reports[0].worker_name) == ("It is 30 days.", "Robin Reed")


def test_a_passage_in_quarantine_is_not_found_by_search_until_it_is_lifted(
    open_base: Open, db: Database, background: Database, brand: BrandId, passage: Passage, member: PersonId
) -> None:
    here, there = open_base(), open_base()
    here.index(brand)
    assert WRONG in there.texts(brand, "returns accepted within days")
    report(db, shown(background, brand, passage), passage)
    wrong = wrong_text(passage)
    by_brand(
        db, brand, lambda tx: reports.confirm_wrong(tx, brand=brand, wrong=wrong, by=member, now=app_now(tx))
    )
    assert WRONG not in there.texts(brand, "returns accepted within days")
    by_brand(
        db,
        brand,
        lambda tx: reports.lift_quarantine(
            tx, brand=brand, wrong=wrong, by=member, reason="Right.", now=app_now(tx)
        ),
    )
    assert WRONG in there.texts(brand, "returns accepted within days")

"""The background process: carries facts to jobs, runs the jobs, and sweeps what time has made due."""

import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event, Thread
from uuid import UUID

import structlog
from sqlalchemy import text

from billing import backlog
from billing.gateway import CallUnknown, CredentialsRefused
from billing.pay_record import pay_record
from billing.ticket_losses import posted_losses
from guidance.answer_memory import AnswerMemory, tickets_to_remember
from guidance.commands import prepare_suggestion
from guidance.corrections import deliver_corrections
from guidance.erasure import forget_knowledge
from guidance.gap_sweep import look_at_facts
from guidance.gaps import Sight, close_answered, rename_grown
from guidance.generator import Generator
from guidance.generator_http import generator_of
from guidance.learning import learn
from guidance.learning_queries import brands_to_learn, tuning_of
from guidance.queries import just_prepared, tickets_without_suggestion, why_stopped
from guidance.renewal import outdated_at_desks, outdated_of_brand, renew_suggestion
from guidance.reply_grounds import ReceiptGrounds
from guidance.screening import Judge, NoJudge, screen_ticket, would_enter
from guidance.ticket_drafts import remember_ticket
from guidance.wording import word_suggestion
from knowledge_base import erasure, report_letters
from knowledge_base.contradictions import look_for_contradictions
from knowledge_base.import_acts import advance_import
from knowledge_base.import_files import forget_uploads
from knowledge_base.import_queries import unfinished_imports
from knowledge_base.index.building import build_index
from knowledge_base.index.retrieval import IndexUnavailable, Retriever
from knowledge_base.queries import brands_behind
from knowledge_base.verification import remind_owners
from knowledge_base.web_fetching import fetch_due
from marketplace.accounts.approval import is_approved
from marketplace.accounts.mail import deliver_mail, mail_port
from marketplace.accounts.sessions import end_expired_sessions
from marketplace.events.dispatcher import Answer, jobs_of, run_dispatcher
from marketplace.events.facts import (
    BatchReleased,
    BrandApproved,
    BrandThawed,
    BulkWithdrawalAsked,
    CreditLineSet,
    CustomerWrote,
    EscalationConfirmed,
    EscalationRejected,
    ImportStarted,
    IndexPublished,
    KnowledgeChanged,
    KnowledgeErasureAsked,
    PromoGiven,
    ReplyQueued,
    SpendCapChanged,
    SuggestionPrepared,
    TicketGivenBack,
    TicketImportCommitted,
    TicketImportUndone,
    TicketOpened,
    TicketPosted,
    TicketResolved,
    TicketTakenBack,
    TicketWithdrawn,
    WalletFunded,
    WalletRestored,
    kind_of,
)
from marketplace.events.queries import Told
from marketplace.kernel import log as logs
from marketplace.kernel.announcing import FactsAnnouncing
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Role, Tx
from marketplace.kernel.ids import BrandId, BulkWithdrawalId, ImportId, TicketId, TicketImportId
from marketplace.kernel.invariants import check_all
from marketplace.kernel.jobs import Job, Task, Waker, run_worker
from marketplace.kernel.redis import connect
from marketplace.kernel.settings import Settings
from marketplace.kernel.sweeps import until_none
from marketplace.tickets import (
    backlog_letters,
    bulk_withdrawals,
    card_stats,
    clocks,
    counts,
    endings,
    ladder,
    pool,
    replies,
    reviews,
    stages,
    ticket_imports,
)
from marketplace.tickets.quality_inputs import TicketRecords
from marketplace.tickets.queries import left_in_screening, waiting_for_screening
from marketplace.tickets.uncovered import note_uncovered
from workers_ui import parts
from workers_ui.forgetting import Forgetting
from workers_ui.invariants import INVARIANTS
from workers_ui.money_work import MoneyWork

SWEEP_SECONDS = 1.0
HEARTBEAT_SECONDS = 2.0
ROLL_UP_SECONDS = 0.2
STOP_SECONDS = 3.0
INVARIANTS_EVERY_SECONDS = 60.0
FETCHERS = 2
LISTENERS = 3
REMINDERS_EVERY_SECONDS = 60.0
LEARNING_SECONDS = 60.0
WORDED_AT_ONCE = 2
JOB_IS_LOST = timedelta(seconds=15)
HEARTBEAT = "background"

log = structlog.get_logger()


def _about_ticket(task: str) -> Answer:
    return lambda told: Job(task=task, args={"brand": str(told.brand), "ticket": str(told.subject)})


def _about_brand(task: str) -> Answer:
    return lambda told: Job(task=task, args={"brand": str(told.brand)})


def _about_ticket_import(told: Told) -> Job:
    """A brand's imports run one after another."""
    args = {"brand": str(told.brand), "ticket_import": str(told.subject)}
    return Job(task="import_tickets", args=args, lock=f"ticket_import:{told.brand}")


def _about_new_index(told: Told) -> Sequence[Job]:
    """What holds now can be found: contradictions are looked for, and what was suggested before is prepared anew."""
    args = {"brand": str(told.brand)}
    return (
        Job(task="contradictions", args=args, lock=f"contradictions:{told.brand}"),
        Job(task="renew_suggestions", args=args, lock=f"renew:{told.brand}"),
    )


def _about_wording(told: Told) -> Job:
    """A slow generator holds up two jobs at a time, and never all of them."""
    lane = (told.subject.int if told.subject else 0) % WORDED_AT_ONCE
    args = {"brand": str(told.brand), "ticket": str(told.subject)}
    return Job(task="word", args=args, lock=f"word:{lane}")


AFTER_THE_COMMIT: Mapping[str, Answer] = {
    kind_of(TicketPosted): _about_ticket("screen"),
    kind_of(TicketOpened): _about_ticket("suggest"),
    kind_of(CustomerWrote): _about_ticket("suggest"),
    kind_of(TicketResolved): _about_ticket("remember"),
    kind_of(ReplyQueued): lambda _told: Job(task="deliver"),
    kind_of(ImportStarted): lambda told: Job(
        task="read_import",
        args={"brand": str(told.brand), "knowledge_import": str(told.subject)},
        lock=f"import:{told.brand}",
    ),
    kind_of(KnowledgeErasureAsked): lambda told: Job(
        task="erase_knowledge", args={"brand": str(told.brand)}, lock=f"index:{told.brand}"
    ),
    kind_of(KnowledgeChanged): lambda told: Job(
        task="index", args={"brand": str(told.brand)}, lock=f"index:{told.brand}"
    ),
    kind_of(IndexPublished): _about_new_index,
    kind_of(WalletFunded): _about_brand("open_awaiting"),
    kind_of(WalletRestored): _about_brand("open_awaiting"),
    kind_of(PromoGiven): _about_brand("open_awaiting"),
    kind_of(CreditLineSet): _about_brand("open_awaiting"),
    kind_of(BrandThawed): _about_brand("open_awaiting"),
    kind_of(EscalationConfirmed): _about_brand("open_awaiting"),
    kind_of(EscalationRejected): _about_brand("open_awaiting"),
    kind_of(BatchReleased): lambda _told: Job(task="send_payouts"),
    kind_of(SpendCapChanged): _about_brand("open_awaiting"),
    kind_of(BrandApproved): _about_brand("screen_waiting"),
    kind_of(TicketImportCommitted): _about_ticket_import,
    kind_of(TicketImportUndone): _about_ticket_import,
    kind_of(TicketTakenBack): _about_brand("open_awaiting"),
    kind_of(TicketWithdrawn): _about_brand("open_awaiting"),
    kind_of(TicketGivenBack): _about_brand("open_awaiting"),
    kind_of(BulkWithdrawalAsked): lambda told: Job(
        task="withdraw_many",
        args={"brand": str(told.brand), "bulk": str(told.subject)},
        lock=f"bulk:{told.subject}",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """Everything jobs and sweeps need, put together once."""

    settings: Settings
    database: Database
    money: MoneyWork
    retriever: Retriever
    memory: AnswerMemory | None = None
    generator: Generator | None = None
    judge: Judge = field(default_factory=NoJudge)
    invariants_due: list[float] = field(default_factory=lambda: [0.0])
    reminders_due: list[float] = field(default_factory=lambda: [0.0])

    def answers(self) -> Mapping[str, Answer]:
        """Which jobs answer which facts; without a generator nothing is worded."""
        if self.generator is None:
            return AFTER_THE_COMMIT
        opened = AFTER_THE_COMMIT[kind_of(TicketOpened)]
        return {
            **AFTER_THE_COMMIT,
            kind_of(SuggestionPrepared): _about_wording,
            kind_of(TicketOpened): lambda told: (*jobs_of(opened(told)), _about_wording(told)),
        }

    def tasks(self) -> Mapping[str, Task]:
        return {
            "screen": self.screen,
            "suggest": self.suggest,
            "word": self.word,
            "remember": self.remember,
            "deliver": self.deliver,
            "read_import": self.read_import,
            "erase_knowledge": self.erase_knowledge,
            "index": self.index,
            "contradictions": self.contradictions,
            "renew_suggestions": self.renew_suggestions,
            **self.money.tasks(),
            "import_tickets": self.import_tickets,
            "withdraw_many": self.withdraw_many,
            "screen_waiting": self.screen_waiting,
        }

    def screen(self, brand: str, ticket: str) -> None:
        """Let a posted ticket in, or leave it with its brand; one of an unapproved brand waits.

        What would be let in has its suggestion first: it is there before anybody can claim the ticket.
        """
        with self.database.transaction() as tx:
            if not is_approved(tx, BrandId(UUID(brand))):
                return
            enters = would_enter(
                tx, self.judge, brand=BrandId(UUID(brand)), ticket=TicketId(UUID(ticket)), now=app_now(tx)
            )
        if enters:
            self._suggest_first(brand, ticket)
        with self.database.transaction() as tx:
            screen_ticket(
                tx,
                self.judge,
                brand=BrandId(UUID(brand)),
                ticket=TicketId(UUID(ticket)),
                now=app_now(tx),
            )

    def _suggest_first(self, brand: str, ticket: str) -> None:
        """Guidance that is late or fails keeps no ticket out; it is prepared again once the ticket is open."""
        try:
            self.suggest(brand, ticket)
        except IndexUnavailable as error:
            log.warning("suggest_first.waits", ticket=ticket, reason=str(error))
        except Exception:  # the edge of guidance: the pool goes on without it
            log.exception("suggest_first.failed", ticket=ticket)

    def screen_waiting(self, brand: str) -> None:
        """Screen what was posted before the brand was approved; what is left by a kill, the sweep finds."""
        seen: list[TicketId] = []
        while True:
            with self.database.transaction() as tx:
                waiting = waiting_for_screening(tx, brand=BrandId(UUID(brand)))
            if waiting == seen:
                return  # nothing waits, or a switch stops them all
            for ticket in waiting:
                self.screen(brand, str(ticket))
            seen = waiting

    def suggest(self, brand: str, ticket: str) -> None:
        with self.database.transaction() as tx:
            if why_stopped(tx, brand=BrandId(UUID(brand))) is not None:
                return
            if just_prepared(tx, brand=BrandId(UUID(brand)), ticket=TicketId(UUID(ticket)), now=app_now(tx)):
                return
            prepare_suggestion(
                tx,
                self.retriever,
                brand=BrandId(UUID(brand)),
                ticket=TicketId(UUID(ticket)),
                weight=self.settings.hybrid_weight,
                threshold=self.settings.answer_threshold,
                now=app_now(tx),
                memory=self.memory,
            )

    def word(self, brand: str, ticket: str) -> None:
        """Have a quoted suggestion worded anew; what fails leaves the quoted one as it is."""
        if self.generator is not None:
            word_suggestion(
                self.database, self.generator, brand=BrandId(UUID(brand)), ticket=TicketId(UUID(ticket))
            )

    def remember(self, brand: str, ticket: str) -> None:
        """What answered a ticket that was resolved helps the next one like it."""
        with self.database.transaction() as tx:
            remember_ticket(
                tx,
                parts.embedder(self.settings.model_dir, self.settings.encoder_threads),
                brand=BrandId(UUID(brand)),
                ticket=TicketId(UUID(ticket)),
                now=app_now(tx),
            )
        if self.memory is not None:
            with self.database.transaction() as tx:
                tuning = tuning_of(tx, brand=BrandId(UUID(brand)), otherwise=self.settings.hybrid_weight)
                self.memory.refresh(tx, brand=BrandId(UUID(brand)), setting=tuning.vote)

    def deliver(self) -> None:
        until_none(
            self.database, lambda tx: replies.deliver_queued(tx, delivery=replies.ApiFeed(), now=app_now(tx))
        )

    def deliver_corrections(self) -> None:
        """Corrections leave when they may not be taken back any more; time makes that due, so no job does."""
        until_none(
            self.database, lambda tx: deliver_corrections(tx, delivery=replies.ApiFeed(), now=app_now(tx))
        )

    def read_import(self, brand: str, knowledge_import: str) -> None:
        advance_import(
            self.database,
            BrandId(UUID(brand)),
            ImportId(UUID(knowledge_import)),
            reader=parts.reader(self.settings),
        )
        self.index(brand)

    def index(self, brand: str) -> None:
        build_index(
            self.database,
            BrandId(UUID(brand)),
            bulk=parts.bulk_work(self.settings),
            folder=parts.snapshots(self.settings),
        )

    def erase_knowledge(self, brand: str) -> None:
        """Erase what a brand asked to be erased; while its index is being built the sweep comes back to it."""
        owner = BrandId(UUID(brand))
        self.retriever.forget(owner)
        with suppress(erasure.IndexIsBusy):
            erasure.erase(
                self.database, owner, folder=parts.snapshots(self.settings), forget=(forget_knowledge,)
            )

    def finish_erasures(self) -> None:
        """Second net: erasures whose job was lost, and folders left by a kill."""
        with self.database.transaction() as tx:
            waiting = erasure.unfinished_erasures(tx)
        self._each("erase_knowledge", self.erase_knowledge, waiting)
        erasure.remove_left_folders(self.database, parts.snapshots(self.settings))

    def contradictions(self, brand: str) -> None:
        """What a lost look leaves out, the one after the next index finds: it compares what was not compared."""
        until_none(
            self.database,
            lambda tx: look_for_contradictions(tx, brand=BrandId(UUID(brand)), now=app_now(tx)).has_more,
        )

    def renew_suggestions(self, brand: str) -> None:
        """What open tickets of the brand were suggested before the index had what holds now."""
        with self.database.transaction() as tx:
            outdated = outdated_of_brand(tx, brand=BrandId(UUID(brand)))
        self._each("renew", self._renew, outdated)

    def renew_at_desks(self) -> None:
        """Workers see what holds, whatever ended the passage: a date and a missing check come without a fact."""
        with self.database.transaction() as tx:
            outdated = outdated_at_desks(tx)
        self._each("renew", self._renew, outdated)

    def _renew(self, brand: str, ticket: str) -> None:
        with self.database.transaction() as tx:
            renew_suggestion(
                tx,
                self.retriever,
                brand=BrandId(UUID(brand)),
                ticket=TicketId(UUID(ticket)),
                weight=self.settings.hybrid_weight,
                threshold=self.settings.answer_threshold,
                now=app_now(tx),
                memory=self.memory,
            )

    def withdraw_many(self, brand: str, bulk: str) -> None:
        bulk_withdrawals.work_off(
            self.database, brand=BrandId(UUID(brand)), bulk=BulkWithdrawalId(UUID(bulk))
        )

    def finish_withdrawals(self) -> None:
        """Second net: bulk withdrawals whose job was lost on the way."""
        with self.database.transaction() as tx:
            waiting = bulk_withdrawals.unfinished(tx, asked_before=app_now(tx) - JOB_IS_LOST)
        self._each("withdraw_many", self.withdraw_many, waiting)

    def leases(self) -> tuple[Callable[[], object], ...]:
        """What must be in the pool again within seconds: in a loop of its own, so that no index and no call holds it
        up."""
        return (
            lambda: until_none(self.database, lambda tx: pool.expire_leases(tx, now=app_now(tx))),
            lambda: until_none(self.database, lambda tx: pool.open_to_everybody(tx, now=app_now(tx))),
        )

    def sweeps(self) -> tuple[Callable[[], object], ...]:
        """What time alone makes due. Each is safe to run again, by anyone, at any time."""
        return (
            lambda: endings.resolve_silent(self.database),
            lambda: endings.confirm_overdue_escalations(self.database),
            lambda: reviews.decide_overdue_reviews(self.database, ReceiptGrounds()),
            self.deliver,
            self.deliver_corrections,
            self.redo_lost_jobs,
            Forgetting(self.database, self.retriever).look,
            self.send_mail,
            self.end_sessions,
            self.finish_ticket_imports,
            self.finish_withdrawals,
        )

    def measures(self) -> tuple[Callable[[], object], ...]:
        """Sweeps that read much or come in crowds: in a loop of their own, so that no lease waits for them."""
        return (
            lambda: until_none(
                self.database, lambda tx: stages.judge_next(tx, TicketRecords(), now=app_now(tx))
            ),
            lambda: until_none(self.database, measure_card),
            lambda: until_none(self.database, lambda tx: clocks.record_breaches(tx, now=app_now(tx))),
            lambda: until_none(
                self.database, lambda tx: ladder.climb(tx, reserve_more=backlog.reserve_more, now=app_now(tx))
            ),
            self.tell_of_backlogs,
            self.tell_of_quarantines,
            self.remind_owners,
            self.check_invariants,
        )

    def lessons(self) -> tuple[Callable[[], object], ...]:
        """What knowledge is missing: in a loop of its own, because it encodes questions."""
        sight = Sight(
            embedder=lambda: parts.embedder(self.settings.model_dir, self.settings.encoder_threads),
            posted_losses=posted_losses,
        )
        return (
            lambda: until_none(self.database, lambda tx: look_at_facts(tx, sight, now=app_now(tx))),
            lambda: until_none(self.database, self._close_answered),
            lambda: until_none(self.database, lambda tx: rename_grown(tx, now=app_now(tx))),
        )

    def _close_answered(self, tx: Tx) -> int:
        return close_answered(
            tx,
            self.retriever,
            weight=self.settings.hybrid_weight,
            threshold=self.settings.answer_threshold,
            now=app_now(tx),
        )

    def nets(self) -> tuple[Callable[[], object], ...]:
        """Work on knowledge whose job was lost: in a loop of its own, because an import or an index takes minutes."""
        return (self.finish_knowledge, self.finish_erasures)

    def learnings(self) -> tuple[Callable[[], object], ...]:
        """What resolved tickets teach: in a loop of its own, because a look at a brand takes a minute."""
        return (self.remember_lost, self.learn_due)

    def remember_lost(self) -> None:
        """Second net: resolved tickets whose job was lost, and those from before there was one."""
        with self.database.transaction() as tx:
            lost = tickets_to_remember(tx, before=app_now(tx) - JOB_IS_LOST)
        self._each("remember", self.remember, lost)

    def learn_due(self) -> None:
        """Nightly for each brand, and sooner while its resolved tickets grow fast."""
        with self.database.transaction() as tx:
            due = brands_to_learn(tx, now=app_now(tx))
        self._each("learn", self.learn, [(brand,) for brand in due])

    def learn(self, brand: str) -> None:
        learn(
            self.database,
            self.retriever,
            parts.embedder(self.settings.model_dir, self.settings.encoder_threads),
            brand=BrandId(UUID(brand)),
            weight=self.settings.hybrid_weight,
        )

    def renewals(self) -> tuple[Callable[[], object], ...]:
        """What open desks show: in a loop of its own, so that it holds within seconds whatever else is due."""
        return (self.renew_at_desks,)

    def fetches(self) -> tuple[Callable[[], object], ...]:
        """Requests to sites that people named: in loops of their own, because a slow site holds up whoever asks it."""
        return (lambda: fetch_due(self.database, parts.fetch(self.settings)),)

    def redo_lost_jobs(self) -> None:
        """Second net: tickets whose screening or suggestion was lost with a killed process."""
        with self.database.transaction() as tx:
            before = app_now(tx) - JOB_IS_LOST
            unscreened = left_in_screening(tx, before=before)
            unprepared = tickets_without_suggestion(tx, before=before)
        self._each("screen", self.screen, unscreened)
        self._each("suggest", self.suggest, unprepared)

    def finish_knowledge(self) -> None:
        """Second net: imports and indexes whose job was lost on the way; and uploads kept for long enough."""
        with self.database.transaction() as tx:
            forget_uploads(tx, now=app_now(tx))
            unread, behind = unfinished_imports(tx), brands_behind(tx)
        self._each("read_import", self.read_import, unread)
        self._each("index", self.index, [(brand,) for brand in behind])

    def send_mail(self) -> None:
        deliver_mail(self.database, mail_port(_smtp(self.settings), sender=self.settings.mail_from))

    def end_sessions(self) -> None:
        with self.database.transaction() as tx:
            end_expired_sessions(tx, app_now(tx))

    def _each(self, task: str, act: Task, lost: Sequence[tuple[UUID, ...]]) -> None:
        """Every lost job stands for itself: one that fails again keeps nobody behind it waiting."""
        for ids in lost:
            args = [str(one) for one in ids]
            try:
                act(*args)
            except IndexUnavailable as error:
                log.warning("redo.waits", task=task, args=args, reason=str(error))
            except Exception:  # the edge of one job: the next round tries it again
                log.exception("redo.failed", task=task, args=args)

    def import_tickets(self, brand: str, ticket_import: str) -> None:
        """Work an import, or its undo, to its end."""
        owner, wanted = BrandId(UUID(brand)), TicketImportId(UUID(ticket_import))
        until_none(
            self.database,
            lambda tx: ticket_imports.import_slice(tx, brand=owner, import_id=wanted, now=app_now(tx)),
        )
        until_none(
            self.database,
            lambda tx: ticket_imports.undo_slice(tx, brand=owner, import_id=wanted, now=app_now(tx)),
        )

    def check_invariants(self) -> None:
        """Once a minute; what is broken is kept, logged and shown to operators."""
        if time.monotonic() < self.invariants_due[0]:
            return
        self.invariants_due[0] = time.monotonic() + INVARIANTS_EVERY_SECONDS
        with self.database.transaction() as tx:
            note_uncovered(tx, now=app_now(tx))
        check_all(self.database, INVARIANTS)

    def remind_owners(self) -> None:
        """Once a minute: who answers for an article that has come due is written to."""
        if time.monotonic() < self.reminders_due[0]:
            return
        self.reminders_due[0] = time.monotonic() + REMINDERS_EVERY_SECONDS
        with self.database.transaction() as tx:
            remind_owners(tx, base_url=self.settings.base_url, now=app_now(tx))

    def finish_ticket_imports(self) -> None:
        """Second net: imports whose job was lost on the way; and lines that have been kept for long enough."""
        with self.database.transaction() as tx:
            ticket_imports.forget_ticket_imports(tx, now=app_now(tx))
            lost = ticket_imports.lost_ticket_imports(tx, now=app_now(tx))
        self._each("import_tickets", self.import_tickets, lost)

    def tell_of_backlogs(self) -> None:
        with self.database.transaction() as tx:
            backlog_letters.write_due(tx, base_url=self.settings.base_url, now=app_now(tx))

    def tell_of_quarantines(self) -> None:
        with self.database.transaction() as tx:
            report_letters.write_due(tx, base_url=self.settings.base_url, now=app_now(tx))


def measure_card(tx: Tx) -> int:
    """Measure what the pool's cards say of one brand, if one is due; how many."""
    now = app_now(tx)
    brand = card_stats.next_to_measure(tx, now=now)
    if brand is None:
        return 0
    card_stats.measure_categories(tx, brand=brand, now=now)
    card_stats.keep_pay_record(tx, brand=brand, record=pay_record(tx, brand=brand, now=now), now=now)
    return 1


def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT; then stop within a few seconds."""
    logs.configure(process="background", level=settings.log_level)
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    announcing = FactsAnnouncing(connect(settings.redis_url))
    database = parts.database(
        settings, role=Role.BACKGROUND, process="background", announce_facts=announcing.announce
    )
    work = Background(
        settings=settings,
        database=database,
        money=MoneyWork(
            database=database,
            gateway=parts.gateway_if_on(settings),
            stripe=parts.stripe_if_on(settings),
            pay_floors=settings.pay_floors,
        ),
        retriever=parts.retriever(settings, database),
        memory=parts.memory(settings),
        generator=generator_of(settings),
        judge=parts.judge(settings),
    )
    waker = Waker(database.url)
    threads = [
        Thread(target=target, daemon=True)
        for target in (
            lambda: run_dispatcher(database, work.answers(), waker, stop=stop),
            lambda: run_worker(database.url, work.tasks(), stop=stop),
            lambda: _sweep(work.leases(), stop),
            lambda: _sweep(work.sweeps(), stop),
            lambda: _sweep(work.money.sweeps(), stop),
            lambda: _sweep(work.money.bookkeeping(), stop),
            *[lambda: _sweep(work.money.inbox(), stop)] * LISTENERS,
            lambda: _sweep(work.money.backfills(), stop),
            lambda: _sweep(work.measures(), stop),
            *[lambda: _sweep(work.fetches(), stop)] * FETCHERS,
            lambda: _sweep(work.lessons(), stop),
            lambda: _sweep(work.renewals(), stop),
            lambda: _sweep(work.nets(), stop),
            lambda: _sweep(work.learnings(), stop, every=LEARNING_SECONDS),
            lambda: _beat(database, stop),
            lambda: _count(database, stop),
        )
    ]
    for thread in threads:
        thread.start()
    log.info("background.started")
    while not stop.wait(0.5):
        if not all(thread.is_alive() for thread in threads):
            log.error("background.thread_ended")
            sys.exit(1)  # the supervisor starts us anew
    for thread in threads:
        thread.join(STOP_SECONDS)
    log.info("background.stopped")
    sys.exit(0)


def _smtp(settings: Settings) -> str | None:
    return settings.smtp_url.get_secret_value() if settings.smtp_url else None


def _sweep(sweeps: Sequence[Callable[[], object]], stop: Event, *, every: float = SWEEP_SECONDS) -> None:
    while not stop.wait(every):
        for sweep in sweeps:
            if stop.is_set():
                return
            try:
                sweep()
            except (CallUnknown, CredentialsRefused, IndexUnavailable) as error:
                log.warning("sweep.waits", reason=str(error))
            except Exception:  # the edge of a background loop: the next round tries again
                log.exception("sweep.failed")


def _count(database: Database, stop: Event) -> None:
    while not stop.wait(ROLL_UP_SECONDS):
        try:
            with database.transaction() as tx:
                counts.roll_up(tx)
        except Exception:  # the edge of a background loop: what is not rolled up yet is read all the same
            log.exception("counters.failed")


def _beat(database: Database, stop: Event) -> None:
    while not stop.wait(HEARTBEAT_SECONDS):
        try:
            with database.transaction() as tx:
                tx.execute(_BEAT, {"process": HEARTBEAT})
        except Exception:  # the edge of a background loop: a missed beat is what /readyz shows
            log.exception("heartbeat.failed")


_BEAT = text(
    "INSERT INTO heartbeat (process, beat_at) VALUES (:process, clock_timestamp()) "
    "ON CONFLICT (process) DO UPDATE SET beat_at = excluded.beat_at"
)

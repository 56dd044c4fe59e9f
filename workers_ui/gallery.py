"""Every page with realistic sample data: for the /ui gallery, for template tests and for screenshots."""

# ruff: noqa: S106, S107 -- sample words, no secret among them

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from marketplace.kernel.money import Money
from workers_ui import (
    gallery_board,
    gallery_control,
    gallery_imports,
    gallery_operator,
    gallery_replies,
    gallery_service_levels,
    gallery_stages,
    gallery_worker,
)
from workers_ui.presenters import brand, finance, public, worker
from workers_ui.presenters.charts import Bar, BarChart
from workers_ui.presenters.frame import Frame, NavLink, Person, Theme, brand_nav, finance_nav, worker_nav
from workers_ui.presenters.gallery import GalleryPage
from workers_ui.presenters.handover import ReviewNotice
from workers_ui.presenters.pool_filters import FilterForm
from workers_ui.presenters.values import (
    Action,
    Badge,
    Choice,
    FilterTab,
    FormState,
    Notice,
    Pager,
    Tone,
)
from workers_ui.templating import PageView

NOW = datetime(2026, 11, 22, 13, 5, tzinfo=UTC)
SLUG = "northwind-coffee"
BRAND = "Northwind Coffee"
LABEL = "Answered by an independent paid expert, not an employee of Northwind Coffee."

WAITING = Badge(label="waiting for the customer", tone=Tone.INFO)
CLAIMED = Badge(label="claimed", tone=Tone.INFO)
RESOLVED = Badge(label="resolved", tone=Tone.GOOD)
ESCALATED = Badge(label="escalated to you", tone=Tone.WARN)
PENDING = Badge(label="pending")
PAYABLE = Badge(label="payable", tone=Tone.GOOD)
PAID = Badge(label="paid", tone=Tone.GOOD)
HELD = Badge(label="held", tone=Tone.WARN)
ON_THE_WAY = Badge(label="on the way", tone=Tone.INFO)


def usd(amount_minor: int) -> Money:
    return Money(amount_minor=amount_minor, currency="usd")


def ago(**spans: float) -> datetime:
    return NOW - timedelta(**spans)


def ahead(**spans: float) -> datetime:
    return NOW + timedelta(**spans)


def gallery_views(
    *, theme: Theme = Theme.AUTO, money_mode: str = "test", csrf_token: str = "sample-token"
) -> dict[str, PageView]:
    """Each page by the name its /ui/{name} address has."""

    def frame(path: str, **changes: object) -> Frame:
        return _frame(path, theme=theme, money_mode=money_mode, csrf_token=csrf_token, **changes)

    views = {name: build(frame) for name, build in BUILDERS.items()}
    choices = tuple(Choice(value=name, label=name.replace("-", " ")) for name in views)
    return {"gallery": GalleryPage(frame=frame("/ui"), pages=choices), **views}


def _frame(path: str, **changes: object) -> Frame:
    base = Frame(path=path, csrf_token="sample-token", now=NOW, money_mode="test", time_zone="Europe/Lisbon")
    return replace(base, **changes)  # type: ignore[arg-type]  # keywords come from this module alone


MakeFrame = Callable[..., Frame]


def _worker_frame(frame: MakeFrame, path: str, **changes: object) -> Frame:
    person = Person(name="Ana Reyes", email="ana@workers.example", settings_href="/worker/settings")
    return frame(path, person=person, nav=worker_nav(waiting=24, mine=2), live_url="/live", **changes)


def _brand_frame(frame: MakeFrame, path: str, **changes: object) -> Frame:
    person = Person(
        name="Mira Holt",
        email="mira@northwind.example",
        places=(NavLink(href="/b/alba-cycles/tickets", label="Alba Cycles", icon="briefcase"),),
    )
    return frame(path, person=person, area=BRAND, nav=brand_nav(SLUG), live_url="/live", **changes)


def _finance_frame(frame: MakeFrame, path: str) -> Frame:
    person = Person(name="Jonas Brandt", email="jonas@humancloud.example")
    return frame(path, person=person, area="Finance", nav=finance_nav())


# Public

DEMO = (
    public.DemoSignIn(
        role="Worker", email="ana@workers.example", password="demo", does="Claims and answers tickets"
    ),
    public.DemoSignIn(
        role="Second worker", email="bo@workers.example", password="demo", does="Races the first one"
    ),
    public.DemoSignIn(
        role="Brand manager",
        email="mira@northwind.example",
        password="demo",
        does="Posts tickets, owns words",
    ),
    public.DemoSignIn(
        role="Finance, submits",
        email="jonas@humancloud.example",
        password="demo",
        does="Makes a payout batch",
    ),
    public.DemoSignIn(
        role="Finance, approves",
        email="ines@humancloud.example",
        password="demo",
        does="Signs it as the second",
    ),
)
COUNTRIES = (
    Choice(value="DE", label="Germany"),
    Choice(value="PT", label="Portugal"),
    Choice(value="US", label="United States"),
)


def landing(frame: MakeFrame) -> PageView:
    return public.LandingPage(frame=frame("/"), demo_sign_ins=DEMO)


def sign_in(frame: MakeFrame) -> PageView:
    return public.SignInPage(frame=frame("/sign-in"), demo_sign_ins=DEMO)


def sign_in_refused(frame: MakeFrame) -> PageView:
    form = FormState(
        values={"email": "ana@workers.example"}, problem="That e-mail and password do not go together."
    )
    return public.SignInPage(frame=frame("/sign-in"), form=form, next_href="/worker/pool")


def sign_up(frame: MakeFrame) -> PageView:
    return public.SignUpWorkerPage(frame=frame("/sign-up"), countries=COUNTRIES)


def sign_up_refused(frame: MakeFrame) -> PageView:
    form = FormState(
        values={"name": "Ana Reyes", "email": "ana@", "country": "PT"},
        errors={
            "email": "This is not an e-mail address.",
            "password": "Use at least 10 characters.",
            "terms": "Without the terms there is no contract, and no pay.",
        },
        problem="Three things are missing.",
    )
    return public.SignUpWorkerPage(frame=frame("/sign-up"), countries=COUNTRIES, form=form)


def invite(frame: MakeFrame) -> PageView:
    return public.AcceptInvitePage(
        frame=frame("/invite/tok"),
        token="tok",
        brand_name=BRAND,
        email="sam@northwind.example",
        role_label="reviewer",
        expires_at=ahead(days=6),
    )


def reset_request(frame: MakeFrame) -> PageView:
    return public.ResetRequestPage(frame=frame("/reset"))


def reset_sent(frame: MakeFrame) -> PageView:
    return public.ResetRequestPage(frame=frame("/reset"), sent=True)


def reset_confirm(frame: MakeFrame) -> PageView:
    return public.ResetConfirmPage(frame=frame("/reset/tok"), token="tok")


def terms(frame: MakeFrame) -> PageView:
    return public.TermsPage(frame=frame("/terms"))


def help_page(frame: MakeFrame) -> PageView:
    return public.HelpPage(frame=frame("/help"))


def mailbox(frame: MakeFrame) -> PageView:
    link = "http://127.0.0.1:8000/reset/4fJq0bX2mZl8Vn5TtYcR7u"
    message = public.MailboxMessage(
        to="ana@workers.example",
        subject="Choose a new password",
        body="Somebody asked for a new password for this address.\n\nIf it was not you, do nothing.",
        sent_at=ago(minutes=3),
        links=(link,),
    )
    return public.MailboxPage(frame=frame("/dev/mailbox"), messages=(message,))


def error(status: int) -> Callable[[MakeFrame], PageView]:
    def build(frame: MakeFrame) -> PageView:
        return public.ErrorPage(
            frame=frame("/nowhere"),
            status=status,
            title=public.ERROR_TITLES[status],
            detail=public.ERROR_DETAILS[status],
            request_id="0198c2d4-77aa-7b10-9d1e-4f7f7a2f6f10" if status == 500 else "",
        )

    return build


# Worker: pool


LONG_SUBJECT = "Change the delivery address on an order that has left already"


def pool_rows() -> tuple[worker.PoolRow, ...]:
    subjects = (
        ("Where is my order?", BRAND, "Orders", "e-mail", "EN", 4, 140, 15, "covered"),
        ("Refund for a damaged grinder", BRAND, "Returns", "chat", "EN", 5, 175, 3, "covered"),
        ("Cannot sign in after the reset", "Kestrel Air", "Account", "e-mail", "DE", 6, 210, 29, "partly"),
        (LONG_SUBJECT, "Tern Home", "Delivery", "chat", "EN", 7, 245, 36, "covered"),
        ("Talla equivocada, ¿la cambio?", "Alba Cycles", "Returns", "e-mail", "ES", 8, 280, 64, "unknown"),
        ("Wrong VAT number on the invoice", "Alba Cycles", "Billing", "e-mail", "DE", 9, 140, 130, "partly"),
        ("Is descaler safe for the dual boiler?", BRAND, "Product", "e-mail", "EN", 4, 160, -6, "covered"),
    )  # fmt: skip
    return tuple(
        worker.PoolRow(
            ticket=f"t{1001 + index}",
            revision=1,
            subject=subject,
            brand=brand_name,
            category=category,
            channel=channel,
            language=language,
            estimated_minutes=minutes,
            pay=usd(pay),
            pay_per_hour=usd(pay * 60 // minutes),
            due_at=ahead(minutes=due),
            rendered_at=NOW,
            coverage=worker.Coverage(coverage),
            terms_version=3,
            brand_slug=brand_name.lower().replace(" ", "-"),
            lease_terms="20 s to read, then 3 min to answer"
            if channel == "chat"
            else "5 min to read, then 60 min to answer",
            brand_record="new here" if brand_name == "Kestrel Air" else "98 % paid · in 3 days",
            surge="+20 % for waiting" if due < 0 else "",
            newcomers_first=index == 0,
            skill="Billing" if category == "Billing" else "",
            skip_reasons=RELEASE_REASONS,
        )
        for index, (
            subject,
            brand_name,
            category,
            channel,
            language,
            minutes,
            pay,
            due,
            coverage,
        ) in enumerate(subjects)
    )


def pool(frame: MakeFrame) -> PageView:
    return worker.PoolPage(
        frame=_worker_frame(frame, "/worker/pool"),
        rows=pool_rows(),
        waiting=24,
        rooms=rooms(email=1),
        filters=FILTERS,
        pager=Pager(next_href="/worker/pool?page=2", label="Page 1"),
    )


def rooms(*, email: int = 0, chat: int = 0) -> tuple[worker.ChannelRoom, ...]:
    return (
        worker.ChannelRoom(channel="e-mail", held=email, cap=3),
        worker.ChannelRoom(channel="chat", held=chat, cap=1),
    )


FILTERS = FilterForm(
    brands=(Choice(value=SLUG, label=BRAND), Choice(value="alba-cycles", label="Alba Cycles")),
    languages=(Choice(value="en", label="English"), Choice(value="de", label="German")),
    channels=(Choice(value="email", label="e-mail"), Choice(value="chat", label="chat")),
    skills=(Choice(value="general", label="No skill needed"), Choice(value="billing", label="Billing")),
    pays=(Choice(value="1", label="1.00"), Choice(value="2", label="2.00")),
    lengths=(Choice(value="5", label="5 min"), Choice(value="15", label="15 min")),
)


def pool_filtered(frame: MakeFrame) -> PageView:
    return worker.PoolPage(
        frame=_worker_frame(frame, "/worker/pool"),
        rows=pool_rows()[:2],
        waiting=24,
        rooms=rooms(email=1),
        filters=_filtered(),
        searched_up_to=2_000,
    )


def pool_no_match(frame: MakeFrame) -> PageView:
    return worker.PoolPage(
        frame=_worker_frame(frame, "/worker/pool"), rows=(), waiting=24, rooms=rooms(), filters=_filtered()
    )


def _filtered() -> FilterForm:
    return replace(
        FILTERS,
        form=FormState(values={"brand": SLUG, "language": "en", "minutes": "5"}),
        chosen=(BRAND, "English", "at most 5 min"),
        brand=SLUG,
        language="en",
        longest_minutes=5,
    )


def pool_away(frame: MakeFrame) -> PageView:
    return worker.PoolPage(
        frame=_worker_frame(frame, "/worker/pool"),
        rows=pool_rows()[2:5],
        waiting=3,
        rooms=rooms(),
        available=False,
        filters=FILTERS,
    )


def pool_full(frame: MakeFrame) -> PageView:
    notice = Notice(text="Released. The ticket is back in the pool.", tone=Tone.GOOD)
    return worker.PoolPage(
        frame=_worker_frame(frame, "/worker/pool", notices=(notice,)),
        rows=pool_rows()[:3],
        waiting=3,
        rooms=rooms(email=3, chat=1),
        filters=FILTERS,
        callouts=(
            Notice(
                text="We cannot pay to your country yet. You may look, but claims are off.",
                tone=Tone.WARN,
                href="/worker/earnings",
                link_label="Payout set-up",
            ),
        ),
    )


def pool_empty(frame: MakeFrame) -> PageView:
    return worker.PoolPage(
        frame=_worker_frame(frame, "/worker/pool"), rows=(), waiting=0, rooms=rooms(), filters=FILTERS
    )


# Worker: desk

QUESTION = (
    "Hello, I ordered a grinder last week and the parcel arrived broken: the hopper is cracked.\n\n"
    "I would like my money back please. My order is 88-1204, you reach me at ███@███."
)
THREAD = (
    worker.ThreadMessage(
        author=worker.Author.CUSTOMER, author_label="Customer", text=QUESTION, sent_at=ago(minutes=48)
    ),
)
ANSWERED_THREAD = (
    *THREAD,
    worker.ThreadMessage(
        author=worker.Author.WORKER,
        author_label="You",
        text="Hi, I am sorry your grinder arrived broken. I have started a full refund; it reaches your card "
        "in 3 to 5 business days. You do not need to send anything back.\n\nWarmly, Ana",
        sent_at=ago(minutes=12),
        affiliation_label=LABEL,
        state=Badge(label="sent", tone=Tone.GOOD),
    ),
)
CARDS = (
    worker.PassageCard(
        number=1,
        passage="p-81",
        article_title="Returns and refunds",
        section_path="Damaged on arrival",
        text="Goods that arrive damaged are refunded in full within 30 days. "
        "Items under $80 need not be sent back.",
        confidence=0.92,
        confidence_label="High",
        verified_on=date(2026, 11, 2),
    ),
    worker.PassageCard(
        number=2,
        passage="p-83",
        article_title="Returns and refunds",
        section_path="When the money arrives",
        text="Refunds reach the card in 3 to 5 business days. Bank transfers take up to 7.",
        confidence=0.88,
        confidence_label="High",
        verified_on=date(2026, 11, 2),
    ),
    worker.PassageCard(
        number=3,
        passage="p-112",
        article_title="Handling photos of damage",
        section_path="What to ask for",
        text="Ask for one photo of the damage if the order value is above $80.",
        confidence=0.71,
        confidence_label="Fair",
    ),
)
DRAFT = worker.SuggestedDraft(
    text="Hi {name},\n\nI am sorry your grinder arrived broken. Goods that arrive damaged are refunded "
    "in full, and you need not send it back. The refund reaches your card in 3 to 5 business days.\n\n"
    "Warmly, Northwind Coffee",
    confidence=0.92,
    confidence_label="High",
    cited_numbers=(1, 2),
    unfilled_slots=("{name}",),
)
VOICE = worker.Voice(
    summary="Warm and short. First names, no jargon, one idea a sentence.",
    do=("Say sorry once, then fix it", "Give days as numbers", "Offer the next step"),
    avoid=("“Unfortunately”", "“As per our policy”", "Promises without a source"),
    greeting="Hi {name},",
    sign_off="Warmly, Northwind Coffee",
)
RELEASE_REASONS = (
    Choice(value="language", label="The language"),
    Choice(value="knowledge", label="The knowledge does not cover it"),
    Choice(value="time", label="I have no time now"),
)
ESCALATION_REASONS = (
    Choice(value="needs_account", label="It needs access to the account"),
    Choice(value="not_covered", label="The knowledge does not cover it"),
    Choice(value="legal", label="Legal or safety"),
)
CATEGORIES = (
    Choice(value="returns", label="Returns"),
    Choice(value="orders", label="Orders"),
    Choice(value="product", label="Product"),
)


NOTES = (
    worker.NoteLine(
        author_label="Another expert",
        text="The photo shows the hopper, not the burrs. No refund was promised.",
        written_at=ago(hours=3),
    ),
    worker.NoteLine(author_label="You", text="Asked for the order number.", written_at=ago(minutes=9)),
)


def _desk(frame: MakeFrame) -> worker.DeskPage:
    return worker.DeskPage(
        frame=_worker_frame(frame, "/worker/t/t1002"),
        ticket="t1002",
        number="NC-1002",
        subject="Refund for a damaged grinder",
        brand=BRAND,
        channel="e-mail",
        language="EN",
        pay=usd(175),
        state=CLAIMED,
        lease=worker.Lease(
            claim_number=2, deadline=ahead(minutes=54, seconds=7), extends_to=ahead(minutes=114, seconds=7)
        ),
        thread=THREAD,
        guidance=worker.Guidance(
            state=worker.GuidanceState.READY, suggestion="s-9", cards=CARDS, draft=DRAFT
        ),
        voice=VOICE,
        composer=worker.Composer(idempotency_key="k-1", affiliation_label=LABEL),
        category="returns",
        category_confirmed=True,
        categories=CATEGORIES,
        release_reasons=RELEASE_REASONS,
        escalation_reasons=ESCALATION_REASONS,
        escalation_fee=usd(53),
        escalation_queues=(
            Choice(value="support", label="Support (decides within 1 day)"),
            Choice(value="billing", label="Billing (decides within 2 hours)"),
        ),
    )


def desk(frame: MakeFrame) -> PageView:
    return _desk(frame)


def desk_lint(frame: MakeFrame) -> PageView:
    composer = worker.Composer(
        idempotency_key="k-1",
        draft="Hi {name},\n\nUnfortunately your grinder broke. We promise you a new one by tomorrow.",
        draft_revision=4,
        draft_saved_at=ago(seconds=40),
        affiliation_label=LABEL,
        inserted=("p-81",),
        findings=(
            worker.LintFinding(text="A slot is not filled in:", excerpt="{name}", blocking=True),
            worker.LintFinding(
                text="No source promises this:", excerpt="a new one by tomorrow", blocking=True
            ),
            worker.LintFinding(text="Northwind Coffee avoids the word", excerpt="Unfortunately"),
        ),
    )
    form = FormState(problem="Not sent yet: two things to fix first.")
    return replace(
        _desk(frame),
        composer=composer,
        form=form,
        category_confirmed=False,
        lease=worker.Lease(claim_number=2, deadline=ahead(minutes=1, seconds=40), extended=True),
        notes=NOTES,
    )


def desk_abstained(frame: MakeFrame) -> PageView:
    guidance = worker.Guidance(
        state=worker.GuidanceState.ABSTAINED,
        suggestion="s-10",
        cards=CARDS[2:],
        reason="The nearest passage is about photos, not about customs duties.",
        next_step="Ask the customer for the one fact you miss, or escalate. Do not guess.",
    )
    return replace(_desk(frame), subject="Who pays the customs duty to Norway?", guidance=guidance)


def desk_preparing(frame: MakeFrame) -> PageView:
    return replace(_desk(frame), guidance=worker.Guidance(state=worker.GuidanceState.PREPARING))


def desk_stale(frame: MakeFrame) -> PageView:
    guidance = worker.Guidance(
        state=worker.GuidanceState.STALE,
        suggestion="s-9",
        cards=CARDS[:1],
        reason="The customer wrote again after this was prepared.",
        next_step="A new suggestion is on its way.",
    )
    return replace(_desk(frame), guidance=guidance)


def desk_answered(frame: MakeFrame) -> PageView:
    return replace(
        _desk(frame),
        thread=ANSWERED_THREAD,
        answered=True,
        state=WAITING,
        lease=worker.Lease(claim_number=2, deadline=None),
    )


def desk_in_review(frame: MakeFrame) -> PageView:
    return replace(
        _desk(frame),
        in_review=True,
        state=Badge(label="waits for approval", tone=Tone.INFO),
        lease=worker.Lease(claim_number=2, deadline=None),
        review=ReviewNotice(
            waiting=True,
            sentence=f"Waits for {BRAND}’s approval, at most 60 min; then it is sent",
            text="Hi Sam,\n\nkeep it until the new one is with you.",
            decide_by=ahead(minutes=48),
        ),
    )


def desk_lost(frame: MakeFrame) -> PageView:
    return replace(
        _desk(frame),
        lease=worker.Lease(
            claim_number=2,
            deadline=None,
            held=False,
            ended_reason="Your hour ended; the ticket is in the pool.",
            claimable=True,
        ),
        composer=worker.Composer(idempotency_key="k-1", draft="Hi Sam, I am sorry your grinder"),
        guidance=worker.Guidance(
            state=worker.GuidanceState.READY, suggestion="s-9", cards=CARDS, draft=DRAFT
        ),
    )


# Worker: mine, earnings


def _mine(number: int, subject: str, state: Badge, **changes: object) -> worker.MineTicket:
    base = worker.MineTicket(
        ticket=f"t{number}",
        number=f"NC-{number}",
        subject=subject,
        brand=BRAND,
        pay=usd(175),
        state=state,
        updated_at=ago(minutes=12),
    )
    return replace(base, **changes)  # type: ignore[arg-type]  # keywords come from this module alone


def mine(frame: MakeFrame) -> PageView:
    return worker.MinePage(
        frame=_worker_frame(frame, "/worker/mine"),
        claims=(
            _mine(1002, "Refund for a damaged grinder", CLAIMED, deadline=ahead(minutes=54), has_draft=True),
            _mine(
                1009,
                "Where is my order?",
                Badge(label="customer wrote", tone=Tone.WARN),
                deadline=ahead(hours=3),
            ),
        ),
        in_review=(_mine(1003, "Which grind for a V60?", Badge(label="waits for approval", tone=Tone.INFO)),),
        waiting_on_customer=(_mine(998, "Decaf subscription: skip a month", WAITING),),
        sent_today=(
            _mine(998, "Decaf subscription: skip a month", WAITING),
            _mine(990, "Gift card", RESOLVED),
        ),
        lost_drafts=(
            worker.LostDraft(
                ticket="t977",
                subject="Beans taste stale",
                brand=BRAND,
                text="Hi Lee,\n\nthank you for telling us. Could you read me the roast date from the",
                saved_at=ago(hours=2),
                claimable=True,
            ),
        ),
    )


def mine_empty(frame: MakeFrame) -> PageView:
    return worker.MinePage(frame=_worker_frame(frame, "/worker/mine"))


def earnings(frame: MakeFrame) -> PageView:
    days = (
        ("Mon", 3120),
        ("Tue", 4480),
        ("Wed", 2890),
        ("Thu", 5210),
        ("Fri", 6075),
        ("Sat", 1840),
        ("Sun", 2260),
    )
    return worker.EarningsPage(
        frame=_worker_frame(frame, "/worker/earnings"),
        totals=(
            worker.EarningTotals(
                today=usd(2260),
                pending=usd(6420),
                payable=usd(12_985),
                on_the_way=usd(4310),
                paid=usd(184_250),
            ),
        ),
        setup=worker.PayoutSetup(
            ready=True,
            title="Payout set-up",
            text="Transfers are active. Your bank is paid by Stripe every day.",
            action_label="Change at Stripe",
        ),
        next_payday=date(2026, 11, 27),
        chart=BarChart(
            caption="$258.75 earned in seven days; Friday was the best with $60.75.",
            column="Earned",
            bars=tuple(Bar(label=label, value=usd(value)) for label, value in days),
        ),
        lines=(
            _line(
                "e1",
                "NC-990",
                "Gift card does not apply",
                PENDING,
                175,
                (("Pay for Returns", 175, "terms 3"),),
            ),
            _line(
                "e2",
                "NC-961",
                "Wrong beans in the subscription box",
                PAYABLE,
                123,
                (("Pay for Orders", 175, "terms 3"), ("Share of the earlier replier", -52, "30 %, frozen")),
            ),
            _line(
                "e3",
                "NC-947",
                "Escalated: legal threat",
                PAID,
                53,
                (("Confirmed escalation", 53, "30 % of pay"),),
            ),
            _line("e4", "NC-940", "Descaler question", HELD, 160, (("Pay for Product", 160, "in review"),)),
        ),
        statements=(
            worker.StatementLink(month=date(2026, 11, 1), closing=usd(23_715), paid=usd(88_200)),
            worker.StatementLink(month=date(2026, 10, 1), closing=usd(19_040), paid=usd(96_050)),
        ),
    )


def _line(
    earning: str,
    number: str,
    subject: str,
    state: Badge,
    amount: int,
    parts: tuple[tuple[str, int, str], ...],
) -> worker.EarningLine:
    return worker.EarningLine(
        earning=earning,
        ticket_number=number,
        subject=subject,
        brand=BRAND,
        state=state,
        amount=usd(amount),
        earned_at=ago(hours=5),
        payable_at=ahead(hours=67) if state is PENDING else None,
        sum_parts=tuple(
            worker.PaySumPart(label=label, amount=usd(part), reason=reason) for label, part, reason in parts
        ),
    )


def earnings_new(frame: MakeFrame) -> PageView:
    zero = usd(0)
    return worker.EarningsPage(
        frame=_worker_frame(frame, "/worker/earnings"),
        totals=(worker.EarningTotals(today=zero, pending=zero, payable=zero, on_the_way=zero, paid=zero),),
        setup=worker.PayoutSetup(
            ready=False,
            title="Tell Stripe where to pay you",
            text="Two minutes at Stripe. You can work before; the money waits for you.",
            action_label="Set up payouts",
        ),
    )


def statement(frame: MakeFrame) -> PageView:
    def move(
        day: int, text: str, reference: str, amount: int, transfer: str = ""
    ) -> worker.StatementMovement:
        return worker.StatementMovement(
            happened_at=datetime(2026, 10, day, 9, 30, tzinfo=UTC),
            text=text,
            reference=reference,
            amount=usd(amount),
        )

    return worker.StatementPage(
        frame=_worker_frame(frame, "/worker/earnings/statements/2026-10"),
        worker_name="Ana Reyes",
        month=date(2026, 10, 1),
        opening=usd(4200),
        movements=(
            move(2, "Earned: Where is my order?", "NC-812", 140),
            move(5, "Earned: Refund for a kettle", "NC-829", 175),
            move(9, "Paid in batch 14", "tr_1QfZ2eLkd0vWq8", -4200),
            move(21, "Earned: Confirmed escalation", "NC-866", 53),
        ),
        closing=usd(368),
        earned=usd(368),
        transferred=usd(4200),
        transfers_agree=True,
        issued_at=NOW,
        transfers=(
            worker.StatementTransfer(
                transfer="tr_1QfZ2eLkd0vWq8", amount=usd(4200), sent_at=datetime(2026, 10, 9, tzinfo=UTC)
            ),
        ),
    )


# Brand

RECEIPT = brand.Receipt(
    worker_alias="Ana R.",
    sent_at=ago(minutes=12),
    edit_summary="draft inserted, 14 % changed",
    affiliation_label=LABEL,
    support="3 of 4 sentences stand in the passages.",
    passages=(
        brand.ReceiptPassage(
            article_title="Returns and refunds",
            section_path="Damaged on arrival",
            excerpt="Goods that arrive damaged are refunded in full within 30 days.",
            shown=True,
            inserted=True,
            revision_label="revision 4",
            confidence=0.92,
            article_href=f"/b/{SLUG}/knowledge/a1",
        ),
        brand.ReceiptPassage(
            article_title="Handling photos of damage",
            section_path="",
            excerpt="Ask for one photo of the damage if the order value is above $80.",
            shown=True,
            inserted=False,
            revision_label="revision 1",
            confidence=0.71,
        ),
    ),
)


def _brand_rows() -> tuple[brand.BrandTicketRow, ...]:
    rows = (
        ("b1", "NC-1002", "Refund for a damaged grinder", "Sam Ortega", "Returns", CLAIMED, 54.0),
        ("b2", "NC-1001", "Where is my order?", "Lee Park", "Orders", Badge(label="open"), 15.0),
        ("b3", "NC-0999", "I will call my lawyer about this machine", "R. Voss", "Product", ESCALATED, 90.0),
        ("b4", "NC-0998", "Decaf subscription: skip a month", "Noor Aziz", "Orders", WAITING, None),
        ("b5", "NC-0990", "Gift card does not apply", "Jo March", "Returns", RESOLVED, None),
    )
    return tuple(
        brand.BrandTicketRow(
            ticket=ticket,
            number=number,
            subject=subject,
            customer=customer,
            category=category,
            channel="e-mail",
            state=state,
            updated_at=ago(minutes=12 + 40 * index),
            due_at=None if due is None else ahead(minutes=due),
        )
        for index, (ticket, number, subject, customer, category, state, due) in enumerate(rows)
    )


def _new_ticket(form: FormState = FormState()) -> brand.NewTicketForm:  # noqa: B008 - frozen and empty
    return brand.NewTicketForm(
        idempotency_key="k-2",
        categories=CATEGORIES,
        channels=(Choice(value="email", label="E-mail"), Choice(value="chat", label="Chat")),
        languages=(Choice(value="en", label="English"), Choice(value="de", label="German")),
        form=form,
    )


def _tickets(frame: MakeFrame, form: FormState) -> brand.BrandTicketsPage:
    base = f"/b/{SLUG}/tickets"
    return brand.BrandTicketsPage(
        frame=_brand_frame(frame, base),
        slug=SLUG,
        brand=BRAND,
        counters=(
            brand.Counter(label="Waiting", value=12, hint="oldest 22 min"),
            brand.Counter(label="Claimed", value=5),
            brand.Counter(label="Answered", value=31),
            brand.Counter(label="Escalated to you", value=1),
        ),
        tabs=(
            FilterTab(label="All", href=base, count=62, current=True),
            FilterTab(label="Waiting", href=f"{base}?state=open", count=12),
            FilterTab(label="Claimed", href=f"{base}?state=claimed", count=5),
            FilterTab(label="Answered", href=f"{base}?state=answered", count=31),
            FilterTab(label="Escalated", href=f"{base}?state=escalated", count=1),
            FilterTab(label="Resolved", href=f"{base}?state=resolved", count=13),
        ),
        rows=_brand_rows(),
        new_ticket=_new_ticket(form),
        finder=brand.TicketFinder(
            q="",
            state="",
            category="",
            older="",
            categories=CATEGORIES,
            ages=(Choice(value="24", label="1 day"), Choice(value="168", label="a week")),
        ),
        pager=Pager(next_href=f"{base}?before=b5", label="1–5 of 62"),
    )


def brand_tickets(frame: MakeFrame) -> PageView:
    return _tickets(frame, FormState())


def brand_tickets_refused(frame: MakeFrame) -> PageView:
    form = FormState(
        values={"subject": "Broken lid", "external_id": "ZD-88"},
        errors={"text": "Say what the customer wrote.", "customer_email": "This is not an e-mail address."},
        problem="Not posted: two fields need a look.",
    )
    return replace(_tickets(frame, form), rows=())


def brand_ticket(frame: MakeFrame) -> PageView:
    base = f"/b/{SLUG}/tickets/b1"
    return brand.BrandTicketPage(
        clocks=gallery_service_levels.CLOCKS,
        ladder=gallery_service_levels.STEPS,
        frame=_brand_frame(frame, base),
        slug=SLUG,
        ticket="b1",
        number="NC-1002",
        subject="Refund for a damaged grinder",
        state=WAITING,
        thread=(
            brand.BrandThreadEntry(message=THREAD[0]),
            brand.BrandThreadEntry(
                message=replace(ANSWERED_THREAD[1], author_label="Ana R."), receipt=RECEIPT
            ),
        ),
        facts=(
            brand.TicketFact(label="Customer", value="Sam Ortega, sam@mail.example"),
            brand.TicketFact(label="Category", value="Returns"),
            brand.TicketFact(label="Channel", value="E-mail, English"),
            brand.TicketFact(label="Your number", value="ZD-40211"),
            brand.TicketFact(label="Terms", value="version 3, frozen at the claim"),
        ),
        price=usd(219),
        customer_message=Action(href=f"{base}/messages", label="Add the message"),
        confirmation=Action(href=f"{base}/confirmation", label="Customer confirms: solved"),
        resolution=Action(href=f"{base}/resolution", label="Resolve it"),
        idempotency_key="k-3",
    )


def brand_ticket_escalated(frame: MakeFrame) -> PageView:
    page = brand_ticket(frame)
    assert isinstance(page, brand.BrandTicketPage)
    base = f"/b/{SLUG}/tickets/b1"
    refused = Action(
        href=f"{base}/confirmation", label="Customer confirms: solved", allowed=False, reason="No reply yet."
    )
    return replace(
        page,
        subject="I will call my lawyer about this machine",
        state=ESCALATED,
        thread=page.thread[:1],
        confirmation=refused,
        escalation=brand.Escalation(
            reason="Legal or safety",
            queue="Support",
            decide_by=ahead(hours=23, minutes=51),
            replies_before=1,
            note="The customer names a lawyer and a burn. I have not answered.",
            raised_at=ago(minutes=9),
            confirm_action=Action(href=f"{base}/escalation-confirmation", label="Confirm: ours to answer"),
            reject_action=Action(
                href=f"{base}/escalation-rejection", label="Reject: it could have been answered"
            ),
            fee=usd(53),
        ),
    )


def _import(state: brand.ImportState, stage: str, done: int) -> brand.ImportProgress:
    ready = Badge(label="ready", tone=Tone.GOOD)
    return brand.ImportProgress(
        slug=SLUG,
        import_id="i7",
        state=state,
        stage_label=stage,
        done=done,
        total=3,
        files=(
            brand.ImportFile(name="returns-and-refunds.md", state=ready, detail="9 passages"),
            brand.ImportFile(name="machine-care.html", state=Badge(label="indexing", tone=Tone.INFO)),
            brand.ImportFile(
                name="scan-of-a-leaflet.md",
                state=Badge(label="refused", tone=Tone.BAD),
                detail="It is not text.",
            ),
        ),
    )


def _knowledge(frame: MakeFrame) -> brand.KnowledgePage:
    ready = Badge(label="ready", tone=Tone.GOOD)
    names = (
        ("a1", "Returns and refunds", ready, 9, 214, ""),
        ("a2", "Handling photos of damage", ready, 3, 40, ""),
        ("a3", "Machine care and descaling", Badge(label="indexing", tone=Tone.INFO), 12, 0, ""),
        ("a4", "Scan of a leaflet", Badge(label="refused", tone=Tone.BAD), 0, 0, "The file is not text."),
    )
    return brand.KnowledgePage(
        frame=_brand_frame(frame, f"/b/{SLUG}/knowledge"),
        slug=SLUG,
        brand=BRAND,
        articles=tuple(
            brand.ArticleRow(
                article=article,
                title=title,
                state=state,
                passage_count=passages,
                used_count=used,
                updated_at=ago(days=3),
                problem=problem,
            )
            for article, title, state, passages, used, problem in names
        ),
        article_count=27,
        passage_count=241,
        imports=(_import(brand.ImportState.INDEXING, "indexing", 1),),
    )


def knowledge(frame: MakeFrame) -> PageView:
    return _knowledge(frame)


def knowledge_tested(frame: MakeFrame) -> PageView:
    found = brand.FoundPassage(
        article="a1",
        article_title="Returns and refunds",
        section_path="Damaged on arrival",
        text=CARDS[0].text,
        confidence=0.92,
        confidence_label="High",
    )
    test = brand.QuestionTest(
        question="My grinder came broken, do I get my money back?",
        asked=True,
        passages=(found,),
        draft="Goods that arrive damaged are refunded in full within 30 days. [1]",
    )
    return replace(_knowledge(frame), test=test, imports=())


def knowledge_empty(frame: MakeFrame) -> PageView:
    test = brand.QuestionTest(
        question="Do you ship to Norway?",
        asked=True,
        abstained=True,
        reason="There is no knowledge to answer from.",
    )
    return replace(_knowledge(frame), articles=(), article_count=0, passage_count=0, imports=(), test=test)


def import_running(frame: MakeFrame) -> PageView:
    path = f"/b/{SLUG}/knowledge/imports/i7"
    progress = _import(brand.ImportState.INDEXING, "indexing", 1)
    return brand.ImportPage(frame=_brand_frame(frame, path), slug=SLUG, progress=progress)


def article(frame: MakeFrame) -> PageView:
    return brand.ArticlePage(
        frame=_brand_frame(frame, f"/b/{SLUG}/knowledge/a1"),
        slug=SLUG,
        article="a1",
        title="Returns and refunds",
        state=Badge(label="ready", tone=Tone.GOOD),
        revision_label="revision 4",
        source_name="returns-and-refunds.md",
        updated_at=ago(days=3),
        verified_on=date(2026, 11, 2),
        passages=(
            brand.ArticlePassage(
                passage="p-81", section_path="Damaged on arrival", text=CARDS[0].text, cited_count=132
            ),
            brand.ArticlePassage(passage="p-83", section_path="When the money arrives", text=CARDS[1].text),
        ),
        delete_effect="9 passages leave search at once. 2 open suggestions that cite them are marked out "
        "of date. Receipts of sent replies keep their own copy.",
    )


def wallet(frame: MakeFrame) -> PageView:
    def price(category: str, label: str, total: int, version: int) -> brand.PriceRow:
        fee = total // 5
        return brand.PriceRow(
            category=category,
            category_label=label,
            total=usd(total),
            fee=usd(fee),
            pay=usd(total - fee),
            version=version,
            since=ago(days=9),
            escalation_fee=usd((total - fee) * 3 // 10),
        )

    return brand.WalletPage(
        frame=_brand_frame(frame, f"/b/{SLUG}/wallet"),
        slug=SLUG,
        brand=BRAND,
        balance=usd(48_210),
        reserved=usd(2628),
        spent_this_month=usd(131_040),
        fee_percent="20 %",
        prices_href=f"/b/{SLUG}/control/prices",
        awaiting_funds=2,
        movements=(
            brand.WalletMovement(
                happened_at=ago(minutes=50),
                text="Reserved for",
                amount=usd(-219),
                balance_after=usd(48_210),
                ticket="b1",
                ticket_number="NC-1002",
            ),
            brand.WalletMovement(
                happened_at=ago(hours=3), text="Top-up by card", amount=usd(50_000), balance_after=usd(48_429)
            ),
        ),
        prices=(
            price("returns", "Returns", 219, 3),
            price("orders", "Orders", 175, 2),
            price("product", "Product", 200, 1),
        ),
        idempotency_key="k-4",
    )


def wallet_new(frame: MakeFrame) -> PageView:
    page = wallet(frame)
    assert isinstance(page, brand.WalletPage)
    return replace(
        page,
        balance=usd(0),
        reserved=usd(0),
        spent_this_month=usd(0),
        movements=(),
        awaiting_funds=0,
        currencies=(Choice(value="usd", label="US dollar"), Choice(value="eur", label="Euro")),
        top_up_form=FormState(values={"amount": "-5"}, errors={"amount": "The least is $10.00."}),
    )


def team(frame: MakeFrame) -> PageView:
    return brand.TeamPage(
        frame=_brand_frame(frame, f"/b/{SLUG}/team"),
        slug=SLUG,
        brand=BRAND,
        members=(
            brand.Member(
                name="Mira Holt", email="mira@northwind.example", role_label="owner", joined_at=ago(days=200)
            ),
            brand.Member(
                name="Sam Fell", email="sam@northwind.example", role_label="reviewer", joined_at=ago(days=20)
            ),
        ),
        invites=(
            brand.PendingInvite(
                email="a-rather-long-address@northwind-coffee.example",
                role_label="agent",
                expires_at=ahead(days=5),
            ),
        ),
        api_keys=(
            brand.ApiKeyRow(
                name="Help desk",
                prefix="hc_test_…5uGi",
                scopes="tickets, events",
                created_at=ago(days=30),
                revocation=Action(href=f"/b/{SLUG}/team/api-keys/k1/revocation", label="Revoke"),
            ),
        ),
        roles=(Choice(value="manager", label="Manager"), Choice(value="reviewer", label="Reviewer")),
        scopes=(
            Choice(value="tickets:write", label="Post tickets and messages"),
            Choice(value="events:read", label="Read events and replies"),
        ),
        new_key="hc_test_8fK2bq0pZs7TnVwYxR3mLdC9eHjA5uGi",
    )


# Finance


def finance_earnings(frame: MakeFrame) -> PageView:
    base = "/finance/earnings"
    rows = (
        ("e1", "Ana Reyes", "NC-990", "Gift card does not apply", 175, PENDING, ()),
        ("e2", "Bo Lindqvist", "NC-961", "Wrong beans in the subscription box", 123, PAYABLE, ()),
        (
            "e4",
            "Ana Reyes",
            "NC-940",
            "Descaler question",
            160,
            HELD,
            (Badge(label="reopened", tone=Tone.WARN),),
        ),
        ("e5", "Bo Lindqvist", "AC-112", "Rahmengröße für 178 cm", 280, ON_THE_WAY, ()),
    )
    return finance.FinanceEarningsPage(
        frame=_finance_frame(frame, base),
        tabs=(
            FilterTab(label="All", href=base, count=412, current=True),
            FilterTab(label="Pending", href=f"{base}?state=pending", count=96),
            FilterTab(label="Payable", href=f"{base}?state=payable", count=61),
            FilterTab(label="Held", href=f"{base}?state=held", count=3),
            FilterTab(label="On the way", href=f"{base}?state=sending", count=20),
            FilterTab(label="Paid", href=f"{base}?state=paid", count=232),
        ),
        sums=(
            finance.StateSum(state=PENDING, count=96, amount=usd(16_320)),
            finance.StateSum(state=PAYABLE, count=61, amount=usd(10_432)),
            finance.StateSum(state=HELD, count=3, amount=usd(480)),
            finance.StateSum(state=PAID, count=232, amount=usd(39_871)),
        ),
        rows=tuple(
            finance.EarningRow(
                earning=earning,
                worker=name,
                brand=BRAND,
                ticket_number=number,
                subject=subject,
                amount=usd(amount),
                state=state,
                earned_at=ago(hours=5 + index),
                flags=flags,
            )
            for index, (earning, name, number, subject, amount, state, flags) in enumerate(rows)
        ),
        pager=Pager(next_href=f"{base}?before=e5", label="1–4 of 412"),
    )


def _posting(kind: str, key: str, hours: int, *entries: tuple[str, int, int]) -> finance.Posting:
    return finance.Posting(
        kind=kind,
        key=key,
        posted_at=ago(hours=hours),
        entries=tuple(
            finance.PostingEntry(
                account=account, debit=usd(debit) if debit else None, credit=usd(credit) if credit else None
            )
            for account, debit, credit in entries
        ),
    )


def _step(title: str, hours: int, summary: str) -> finance.StoryStep:
    return finance.StoryStep(title=title, happened_at=ago(hours=hours), summary=summary)


def finance_earning(frame: MakeFrame) -> PageView:
    fact = finance.Fact
    return finance.FinanceEarningPage(
        frame=_finance_frame(frame, "/finance/earnings/e2"),
        earning="e2",
        ticket_number="NC-1002",
        subject="Refund for a damaged grinder",
        worker="Ana Reyes",
        brand=BRAND,
        amount=usd(175),
        state=PAID,
        batch="p15",
        batch_number="15",
        steps=(
            _step("Posted", 80, "By API, category Returns, shared by the dial at 100 %."),
            finance.StoryStep(
                title="Terms frozen",
                happened_at=ago(hours=79),
                summary="Version 3 at the claim.",
                facts=(
                    fact(label="Total", value="$2.19"),
                    fact(label="Fee", value="$0.44 (2,000 basis points)"),
                    fact(label="Pay", value="$1.75"),
                ),
            ),
            _step("Claimed", 79, "Claim 2 by Ana Reyes, 60 minutes to the first reply."),
            finance.StoryStep(
                title="Replied",
                happened_at=ago(hours=78),
                summary="First reply after 11 minutes.",
                reply_text=ANSWERED_THREAD[1].text,
                receipt=RECEIPT,
            ),
            _step("Resolved", 77, "The customer confirmed."),
            _step("Review window closed", 5, "72 hours without a reopen or hold."),
            finance.StoryStep(
                title="Batch 15",
                happened_at=ago(hours=4),
                summary="Submitted by Jonas Brandt, approved by Ines Maia.",
                facts=(fact(label="Content hash", value="9b1f0c6a2f7e4d5588aa41"),),
            ),
            finance.StoryStep(
                title="Transfer",
                happened_at=ago(hours=4),
                summary="Stripe accepted $43.10 for 24 earnings, this one among them.",
                facts=(fact(label="Transfer", value="tr_1QfZ2eLkd0vWq8"),),
            ),
            finance.StoryStep(
                title="Bank payout", happened_at=None, summary="Stripe has not reported it yet.", done=False
            ),
        ),
        postings=(
            _posting(
                "reserve",
                "reserve:b1:3",
                80,
                ("brand_wallet:northwind", 219, 0),
                ("brand_reserved:northwind", 0, 219),
            ),
            _posting(
                "accrue",
                "accrue:b1:1",
                77,
                ("brand_reserved:northwind", 219, 0),
                ("worker_pending:ana", 0, 175),
                ("platform_fee:northwind", 0, 44),
            ),
            _posting(
                "mature", "mature:e2", 5, ("worker_pending:ana", 175, 0), ("worker_payable:ana", 0, 175)
            ),
            _posting(
                "sent",
                "sent:tr_1QfZ2eLkd0vWq8",
                4,
                ("worker_in_flight:ana", 4310, 0),
                ("stripe_available", 0, 4310),
            ),
        ),
    )


def batches(frame: MakeFrame) -> PageView:
    rows = (
        ("p16", "16", Badge(label="draft"), 18, 61, 10_432, "Jonas Brandt"),
        ("p15", "15", Badge(label="paid, 1 refused", tone=Tone.WARN), 20, 140, 24_310, "Jonas Brandt"),
        ("p14", "14", PAID, 17, 92, 15_561, "Ines Maia"),
    )
    return finance.BatchesPage(
        frame=_finance_frame(frame, "/finance/batches"),
        rows=tuple(
            finance.BatchRow(
                batch=batch,
                number=number,
                state=state,
                payout_count=payouts,
                earning_count=earned,
                amount=usd(amount),
                created_at=ago(days=7 * index),
                created_by=name,
            )
            for index, (batch, number, state, payouts, earned, amount, name) in enumerate(rows)
        ),
        payable=(finance.StateSum(state=PAYABLE, count=61, amount=usd(10_432)),),
    )


def batches_empty(frame: MakeFrame) -> PageView:
    return finance.BatchesPage(frame=_finance_frame(frame, "/finance/batches"), rows=(), payable=())


def _batch(frame: MakeFrame) -> finance.BatchPage:
    base = "/finance/batches/p16"
    return finance.BatchPage(
        frame=_finance_frame(frame, base),
        batch="p16",
        number="16",
        state=Badge(label="submitted", tone=Tone.INFO),
        amount=usd(10_432),
        payout_count=2,
        earning_count=61,
        content_hash="9b1f0c6a2f7e4d5588aa41c07d3be6f2a1945c3e77d0b8f6",
        lines=(
            finance.BatchLine(
                payout="x1",
                worker="Ana Reyes",
                earning_count=37,
                amount=usd(6122),
                state=Badge(label="waiting"),
            ),
            finance.BatchLine(
                payout="x2",
                worker="Bo Lindqvist",
                earning_count=24,
                amount=usd(4310),
                state=Badge(label="waiting"),
            ),
        ),
        signatures=(
            finance.Signature(act="Created", person="Jonas Brandt", at=ago(hours=2)),
            finance.Signature(act="Submitted", person="Jonas Brandt", at=ago(hours=1)),
        ),
        actions=(
            Action(
                href=f"{base}/approval",
                label="Approve",
                allowed=False,
                reason="You submitted it. A second person has to approve.",
            ),
        ),
        void_action=Action(href=f"{base}/void", label="Void the batch"),
    )


def batch(frame: MakeFrame) -> PageView:
    return _batch(frame)


def batch_paid(frame: MakeFrame) -> PageView:
    page = _batch(frame)
    lines = (
        replace(page.lines[0], state=PAID, transfer="tr_1QfZ2eLkd0vWq8"),
        replace(
            page.lines[1],
            state=Badge(label="refused", tone=Tone.BAD),
            problem="Stripe: the account cannot receive transfers yet. The money is payable again.",
        ),
    )
    approved = finance.Signature(act="Approved", person="Ines Maia", at=ago(minutes=40))
    return replace(
        page,
        state=Badge(label="paid, 1 refused", tone=Tone.WARN),
        lines=lines,
        signatures=(*page.signatures, approved),
        actions=(),
        void_action=None,
        paid=usd(6122),
        failed_count=1,
    )


BUILDERS: Mapping[str, Callable[[MakeFrame], PageView]] = {
    "landing": landing,
    "sign-in": sign_in,
    "sign-in-refused": sign_in_refused,
    "sign-up": sign_up,
    "sign-up-refused": sign_up_refused,
    "invite": invite,
    "reset-request": reset_request,
    "reset-sent": reset_sent,
    "reset-confirm": reset_confirm,
    "terms": terms,
    "help": help_page,
    "mailbox": mailbox,
    "error-404": error(404),
    "error-500": error(500),
    "pool": pool,
    "pool-full": pool_full,
    "pool-empty": pool_empty,
    "pool-filtered": pool_filtered,
    "pool-no-match": pool_no_match,
    "pool-away": pool_away,
    "desk": desk,
    "desk-lint": desk_lint,
    "desk-abstained": desk_abstained,
    "desk-preparing": desk_preparing,
    "desk-stale": desk_stale,
    "desk-answered": desk_answered,
    "desk-in-review": desk_in_review,
    "desk-lost": desk_lost,
    "mine": mine,
    "mine-empty": mine_empty,
    "earnings": earnings,
    "earnings-new": earnings_new,
    "statement": statement,
    "brand-tickets": brand_tickets,
    "brand-tickets-refused": brand_tickets_refused,
    "brand-ticket": brand_ticket,
    "brand-ticket-escalated": brand_ticket_escalated,
    "knowledge": knowledge,
    "knowledge-tested": knowledge_tested,
    "knowledge-empty": knowledge_empty,
    "import": import_running,
    "article": article,
    "wallet": wallet,
    "wallet-new": wallet_new,
    **gallery_control.BUILDERS,
    "team": team,
    "finance-earnings": finance_earnings,
    "finance-earning": finance_earning,
    "batches": batches,
    "batches-empty": batches_empty,
    "batch": batch,
    "batch-paid": batch_paid,
    **gallery_stages.BUILDERS,
    **gallery_worker.BUILDERS,
    **gallery_imports.BUILDERS,
    **gallery_service_levels.BUILDERS,
    **gallery_board.BUILDERS,
    **gallery_replies.BUILDERS,
    **gallery_operator.BUILDERS,
}

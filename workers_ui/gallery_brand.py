"""Sample views of a brand's tickets, knowledge, wallet and team."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date

from workers_ui import gallery_service_levels
from workers_ui.gallery_desk import ANSWERED_THREAD, CARDS, CATEGORIES, THREAD
from workers_ui.gallery_knowledge_imports import progress
from workers_ui.gallery_samples import (
    BRAND,
    CLAIMED,
    ESCALATED,
    LABEL,
    RESOLVED,
    SLUG,
    WAITING,
    MakeFrame,
    ago,
    ahead,
    brand_frame,
    usd,
)
from workers_ui.presenters import brand, brand_funds
from workers_ui.presenters.outcomes import ArticleOutcomes, ArticleReplyRow, RevisionRow
from workers_ui.presenters.receipts import Receipt, ReceiptPassage
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

RECEIPT = Receipt(
    worker_alias="Ana R.",
    sent_at=ago(minutes=12),
    edit_summary="draft inserted, 14 % changed",
    affiliation_label=LABEL,
    support="3 of 4 sentences stand in the passages.",
    outcome="Reopened by the customer. "
    "It was not sent as guidance showed it, so it does not count against the article.",
    passages=(
        ReceiptPassage(
            article_title="Returns and refunds",
            section_path="Damaged on arrival",
            excerpt="Goods that arrive damaged are refunded in full within 30 days.",
            shown=True,
            inserted=True,
            revision_label="revision 4",
            article_href=f"/b/{SLUG}/knowledge/a1",
        ),
        ReceiptPassage(
            article_title="Handling photos of damage",
            section_path="What to ask for › page 4",
            excerpt="Ask for one photo of the damage if the order value is above $80.",
            shown=True,
            inserted=False,
            revision_label="revision 1",
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
        frame=brand_frame(frame, base),
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
        frame=brand_frame(frame, base),
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
        confirmation=Action(href=f"{base}/confirmation", label="Customer confirms it"),
        resolution=Action(href=f"{base}/resolution", label="Resolve it"),
        idempotency_key="k-3",
    )


def brand_ticket_escalated(frame: MakeFrame) -> PageView:
    page = brand_ticket(frame)
    assert isinstance(page, brand.BrandTicketPage)
    base = f"/b/{SLUG}/tickets/b1"
    refused = Action(
        href=f"{base}/confirmation", label="Customer confirms it", allowed=False, reason="No reply yet."
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


def _knowledge(frame: MakeFrame) -> brand.KnowledgePage:
    ready = Badge(label="ready", tone=Tone.GOOD)
    names = (
        ("a1", "Returns and refunds", ready, 9, 214, ""),
        ("a2", "Handling photos of damage", ready, 3, 40, ""),
        ("a3", "Machine care and descaling", Badge(label="indexing", tone=Tone.INFO), 12, 0, ""),
        ("a4", "Scan of a leaflet", Badge(label="refused", tone=Tone.BAD), 0, 0, "The file is not text."),
    )
    return brand.KnowledgePage(
        frame=brand_frame(frame, f"/b/{SLUG}/knowledge"),
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
        imports=(
            progress("indexing", "being indexed", 3),
            progress("ready", "ready, 3 articles", 5, 5, "2 files failed"),
        ),
    )


def knowledge(frame: MakeFrame) -> PageView:
    return _knowledge(frame)


def knowledge_tested(frame: MakeFrame) -> PageView:
    found = brand.FoundPassage(
        article="a1",
        article_title="Returns and refunds",
        section_path="Damaged on arrival",
        text=CARDS[0].text,
    )
    test = brand.QuestionTest(
        question="My grinder came broken, do I get my money back?",
        asked=True,
        passages=(found,),
        draft="Goods that arrive damaged are refunded in full within 30 days. [1]",
        confidence=0.92,
        confidence_label="High",
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


def _fared(label: str, score: Badge) -> RevisionRow:
    return RevisionRow(
        label=label,
        score=score,
        shown=132,
        inserted=41,
        as_shown=12,
        edited=29,
        median="14 %",
        resolved=36,
        reopened=5,
        rated_low=2,
        refused=1,
        corrected=0,
        faults=4,
    )


def article(frame: MakeFrame) -> PageView:
    return brand.ArticlePage(
        frame=brand_frame(frame, f"/b/{SLUG}/knowledge/a1"),
        slug=SLUG,
        article="a1",
        title="Returns and refunds",
        state=Badge(label="ready", tone=Tone.GOOD),
        revision_label="revision 4",
        source_name="returns-and-refunds.md",
        updated_at=ago(days=3),
        outcomes=ArticleOutcomes(
            revisions=(
                _fared("revision 4", Badge(label="2 of 6 went well: at least 10 %", tone=Tone.BAD)),
                replace(_fared("revision 3", Badge(label="too few to say (0 of 5 known)")), faults=0),
            ),
            replies=(
                ArticleReplyRow(
                    href=f"/b/{SLUG}/tickets/b1",
                    number="#1002",
                    used="revision 4, sent as shown",
                    outcome="Reopened by the customer and rated one or two stars. It left as guidance showed it, so it "
                    "counts against the article, not the worker.",
                    written_at=ago(days=2),
                ),
            ),
        ),
        verified_on=date(2026, 11, 2),
        passages=(
            brand.ArticlePassage(
                passage="p-81", section_path="Damaged on arrival", text=CARDS[0].text, cited_count=132
            ),
            brand.ArticlePassage(
                passage="p-83", section_path="When the money arrives › page 2", text=CARDS[1].text
            ),
        ),
        credits=(brand.ArticleCredit(worker="Ama O.", ticket="t1", number="#4817", credited_at=ago(days=9)),),
        retire_effect="9 passages leave search at once. 2 open suggestions that cite them are marked out "
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
        frame=brand_frame(frame, f"/b/{SLUG}/wallet"),
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
        funds=_funds(),
    )


def _funds() -> brand_funds.FundsPart:
    to_pay = Badge(label="to pay", tone=Tone.WARN)
    return brand_funds.FundsPart(
        promo=usd(2_500),
        owed=usd(61_000),
        limit=usd(200_000),
        refundable=usd(0),
        is_frozen=True,
        notices=(
            Notice(
                text="Your bank disputes a top-up of 500.00 USD. Until it decides, no new ticket of yours opens; "
                "those in the pool and those that somebody answers go on, and workers are paid.",
                tone=Tone.BAD,
            ),
        ),
        auto=brand_funds.AutoTopUpPart(
            state=Badge(label="on", tone=Tone.GOOD),
            sentence="Charged this month: 200.00 USD of 500.00 USD at most.",
            form=FormState(values={"threshold": "50.00", "amount": "100.00", "monthly_limit": "500.00"}),
            is_set=True,
            has_method=True,
        ),
        spend=(
            brand_funds.SpendRow(category_label="Returns", spent=usd(91_200), resolutions=412, each=usd(221)),
            brand_funds.SpendRow(category_label="Orders", spent=usd(39_840), resolutions=0, each=None),
        ),
        invoices=(
            brand_funds.InvoiceRow(
                number="HC-0004",
                amount=usd(61_000),
                left=usd(21_000),
                state=to_pay,
                made_at=ago(days=4),
                due_at=ahead(days=10),
                page_url="https://invoice.stripe.com/i/HC-0004",
            ),
            brand_funds.InvoiceRow(
                number="HC-0002",
                amount=usd(48_000),
                left=usd(0),
                state=Badge(label="paid", tone=Tone.GOOD),
                made_at=ago(days=35),
            ),
        ),
        refunds=(
            brand_funds.RefundRow(
                amount=usd(5_000),
                state=Badge(label="came back", tone=Tone.WARN),
                asked_at=ago(days=6),
                problem="The card has expired or was cancelled.",
            ),
        ),
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
        funds=brand_funds.FundsPart(promo=usd(0), owed=usd(0), refundable=usd(0)),
        currencies=(Choice(value="usd", label="US dollar"), Choice(value="eur", label="Euro")),
        top_up_form=FormState(values={"amount": "-5"}, errors={"amount": "The least is $10.00."}),
    )


def team(frame: MakeFrame) -> PageView:
    return brand.TeamPage(
        frame=brand_frame(frame, f"/b/{SLUG}/team"),
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


BUILDERS: Mapping[str, Callable[[MakeFrame], PageView]] = {
    "brand-tickets": brand_tickets,
    "brand-tickets-refused": brand_tickets_refused,
    "brand-ticket": brand_ticket,
    "brand-ticket-escalated": brand_ticket_escalated,
    "knowledge": knowledge,
    "knowledge-tested": knowledge_tested,
    "knowledge-empty": knowledge_empty,
    "article": article,
    "wallet": wallet,
    "wallet-new": wallet_new,
    "team": team,
}

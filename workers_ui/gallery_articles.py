"""Sample views of writing, dating, comparing and checking articles."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from knowledge_base.diffs import diff
from workers_ui.gallery_samples import BRAND, SLUG, MakeFrame, ago, ahead, brand_frame
from workers_ui.pages import brand_article_views as present
from workers_ui.presenters import articles, brand
from workers_ui.presenters.values import Badge, Choice, FilterTab, FormState, Tone
from workers_ui.templating import PageView

BASE = f"/b/{SLUG}/knowledge"
HERE = f"{BASE}/a1"
TITLE = "Returns and refunds"
OLD = (
    "## Damaged on arrival\n\nGoods that arrive damaged are refunded in full within 30 days.\n\n"
    "Ask for one photo of the damage.\n\n## When the money arrives\n\nFive working days after we have the goods.\n"
)
NEW = OLD.replace("30 days", "60 days").replace(
    "Ask for one photo of the damage.", "Ask for one photo of the damage if the order is above $80."
)
DIFF = present.diff_view(diff(OLD, NEW), title="Revision 3 → revision 4")


def _checks(state: Badge) -> articles.Checks:
    return articles.Checks(
        owner_name="Ada Lovelace",
        owner="p1",
        owners=(Choice(value="p1", label="Ada Lovelace"), Choice(value="p2", label="Ben Ojo")),
        own_days="30",
        every_days=30,
        state=state,
        verified_at=ago(days=31),
        due_at=ago(days=1),
    )


def article_planned(frame: MakeFrame) -> PageView:
    """A season runs next month, a newer draft waits, and the check is overdue."""
    return brand.ArticlePage(
        frame=brand_frame(frame, HERE),
        slug=SLUG,
        article="a1",
        title=TITLE,
        state=Badge(label="ready", tone=Tone.GOOD),
        revision_label="revision 4",
        source_name="returns-and-refunds.md",
        updated_at=ago(days=31),
        passages=(
            brand.ArticlePassage(
                passage="p-81",
                section_path="Damaged on arrival",
                text="Goods that arrive damaged are refunded in full within 60 days.",
                cited_count=132,
            ),
        ),
        retire_effect="1 passage leaves search at once. Receipts of sent replies keep their own copy.",
        sections=present.sections(HERE, current="", can_edit=True),
        draft=articles.UnpublishedDraft(
            heading="Revision 6 is a draft: it holds nowhere yet",
            revision=6,
            author="Ben Ojo",
            written_at=ago(hours=2),
        ),
        checks=_checks(present.OVERDUE),
        planned=(
            articles.PlannedLine(
                text="Revision 5 holds for a time", starts_at=ahead(hours=200), starts="2026-12-01T00:00:00Z"
            ),
            articles.PlannedLine(text="Revision 4 returns", starts_at=ahead(hours=900)),
        ),
        time_zone="Europe/Berlin",
        verified_on=ago(days=31).date(),
    )


def article_retired(frame: MakeFrame) -> PageView:
    page = article_planned(frame)
    assert isinstance(page, brand.ArticlePage)
    return replace(
        page,
        state=Badge(label="retired"),
        no_passages="It is retired: nothing of it is offered.",
        passages=(),
        draft=articles.UnpublishedDraft(
            heading="Retired: nothing holds. Publishing brings the last text back",
            revision=4,
            author="Ada Lovelace",
            written_at=ago(days=31),
        ),
        checks=None,
        planned=(),
        can_edit=False,
        retirable=False,
    )


def _editor(frame: MakeFrame) -> articles.ArticleEditorPage:
    return articles.ArticleEditorPage(
        frame=brand_frame(frame, f"{HERE}/edit"),
        slug=SLUG,
        article="a1",
        title=TITLE,
        action=f"{HERE}/edit",
        back_href=HERE,
        base=4,
        text=OLD,
        time_zone="Europe/Berlin",
        presence_href=f"{HERE}/presence",
    )


def article_editor(frame: MakeFrame) -> PageView:
    return replace(_editor(frame), editors=(articles.EditorName(name="Ada Lovelace", since=ago(minutes=2)),))


def article_preview(frame: MakeFrame) -> PageView:
    return replace(
        _editor(frame),
        form=FormState(values={"title": TITLE, "text": NEW, "note": "Sixty days since November."}),
        preview=(
            articles.QuotedPassage(
                section_path="Damaged on arrival",
                text="Goods that arrive damaged are refunded in full within 60 days.",
            ),
            articles.QuotedPassage(
                section_path="When the money arrives", text="Five working days after we have the goods."
            ),
        ),
        previewed=True,
        notes=("One line was hidden and is left out.",),
    )


def article_conflict(frame: MakeFrame) -> PageView:
    return replace(
        _editor(frame),
        base=5,
        form=FormState(
            values={"title": TITLE, "text": NEW, "note": "Sixty days since November."},
            problem="Somebody saved another text of this article while you were writing. Nothing of yours is "
            "lost: compare both texts and save again.",
        ),
        conflict=articles.ArticleConflict(
            author="Ada Lovelace",
            revision=5,
            written_at=ago(minutes=1),
            text=OLD,
            diff=replace(DIFF, title="Revision 5 → your text"),
        ),
    )


def article_new(frame: MakeFrame) -> PageView:
    return replace(
        _editor(frame),
        frame=brand_frame(frame, f"{BASE}/new"),
        article="",
        title="",
        action=f"{BASE}/new",
        back_href=BASE,
        base=0,
        text="",
        presence_href="",
        form=FormState(
            values={"title": "Gift cards", "text": "Hold for two years.", "ends": "2026-11-01T00:00"},
            errors={"ends": "The text would end before it begins to hold. Choose a later end."},
        ),
    )


def article_history(frame: MakeFrame) -> PageView:
    def row(
        number: int, note: str, author: str, days: int, state: Badge | None = None
    ) -> articles.RevisionRow:
        return articles.RevisionRow(
            number=number,
            title=TITLE,
            note=note,
            author=author,
            written_at=ago(days=days),
            state=state,
            restorable=state is not present.IN_FORCE,
        )

    return articles.ArticleHistoryPage(
        frame=brand_frame(frame, f"{HERE}/history"),
        slug=SLUG,
        article="a1",
        title=TITLE,
        sections=present.sections(HERE, current="/history", can_edit=True),
        revisions=(
            row(5, "Longer over the holidays.", "Ben Ojo", 2, present.PLANNED),
            row(4, "Sixty days since November.", "Ada Lovelace", 31, present.IN_FORCE),
            row(3, "Restored revision 1.", "Ada Lovelace", 40),
            row(2, "", "your own system", 60),
            row(1, "", "your own system", 90),
        ),
        held=(
            articles.HeldRow(text="Revision 4", starts_at=ago(days=31), ends_at=ahead(hours=200)),
            articles.HeldRow(text="Nothing", starts_at=ago(days=33), ends_at=ago(days=31)),
            articles.HeldRow(text="Revision 3", starts_at=ago(days=40), ends_at=ago(days=33)),
        ),
        choices=tuple(Choice(value=str(number), label=f"Revision {number}") for number in range(5, 0, -1)),
        before="3",
        after="4",
        diff=DIFF,
    )


def _tabs() -> tuple[FilterTab, ...]:
    return (
        FilterTab(label="Articles", href=BASE, count=27),
        FilterTab(label="Reported wrong", href=f"{BASE}/wrong", count=1),
        FilterTab(label="To check", href=f"{BASE}/checks", count=3, current=True),
    )


def knowledge_checks(frame: MakeFrame) -> PageView:
    def due(article: str, title: str, state: Badge, hours: int) -> articles.DueArticle:
        return articles.DueArticle(article=article, title=title, state=state, due_at=ahead(hours=hours))

    return articles.KnowledgeChecksPage(
        frame=brand_frame(frame, f"{BASE}/checks"),
        slug=SLUG,
        brand=BRAND,
        tabs=_tabs(),
        owners=(
            articles.OwnersArticles(
                owner=present.NOBODY, articles=(due("a7", "Gift cards", present.UNVERIFIED, 400),)
            ),
            articles.OwnersArticles(
                owner="Ada Lovelace",
                articles=(
                    due("a1", TITLE, present.OVERDUE, -24),
                    due("a3", "Machine care and descaling", present.DUE_SOON, 200),
                ),
            ),
        ),
        more=False,
        verified_only=True,
        verify_days=90,
    )


def knowledge_checks_empty(frame: MakeFrame) -> PageView:
    page = knowledge_checks(frame)
    assert isinstance(page, articles.KnowledgeChecksPage)
    form = FormState(
        values={"verify_days": "0"},
        errors={"verify_days": "An article is checked every 1 to 3,650 days. Write a number of days."},
    )
    return replace(page, owners=(), form=form)


BUILDERS: Mapping[str, Callable[[MakeFrame], PageView]] = {
    "article-planned": article_planned,
    "article-retired": article_retired,
    "article-editor": article_editor,
    "article-preview": article_preview,
    "article-conflict": article_conflict,
    "article-new": article_new,
    "article-history": article_history,
    "knowledge-checks": knowledge_checks,
    "knowledge-checks-empty": knowledge_checks_empty,
}

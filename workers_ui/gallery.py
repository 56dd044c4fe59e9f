"""Every page with realistic sample data: for the /ui gallery, for template tests and for screenshots."""

from collections.abc import Callable, Mapping

from workers_ui import (
    gallery_articles,
    gallery_board,
    gallery_books,
    gallery_brand,
    gallery_control,
    gallery_desk,
    gallery_earnings,
    gallery_erasure,
    gallery_finance,
    gallery_flows,
    gallery_gaps,
    gallery_imports,
    gallery_judgements,
    gallery_knowledge_imports,
    gallery_learning,
    gallery_operator,
    gallery_periods,
    gallery_pool,
    gallery_public,
    gallery_replies,
    gallery_reply_rules,
    gallery_service_levels,
    gallery_stages,
    gallery_statements,
    gallery_voice,
    gallery_web,
    gallery_worker,
    gallery_wrong,
)
from workers_ui.gallery_samples import MakeFrame, make_frame
from workers_ui.presenters.frame import Frame, Theme
from workers_ui.presenters.gallery import GalleryPage
from workers_ui.presenters.values import (
    Choice,
)
from workers_ui.templating import PageView


def gallery_views(
    *,
    theme: Theme = Theme.AUTO,
    money_mode: str = "test",
    csrf_token: str = "sample-token",  # noqa: S107 - a sample, no secret
) -> dict[str, PageView]:
    """Each page by the name its /ui/{name} address has."""

    def frame(path: str, **changes: object) -> Frame:
        return make_frame(path, theme=theme, money_mode=money_mode, csrf_token=csrf_token, **changes)

    views = {name: build(frame) for name, build in BUILDERS.items()}
    choices = tuple(Choice(value=name, label=name.replace("-", " ")) for name in views)
    return {"gallery": GalleryPage(frame=frame("/ui"), pages=choices), **views}


BUILDERS: Mapping[str, Callable[[MakeFrame], PageView]] = {
    **gallery_public.BUILDERS,
    **gallery_pool.BUILDERS,
    **gallery_desk.BUILDERS,
    **gallery_earnings.BUILDERS,
    **gallery_brand.BUILDERS,
    **gallery_erasure.BUILDERS,
    **gallery_finance.BUILDERS,
    **gallery_books.BUILDERS,
    **gallery_judgements.BUILDERS,
    **gallery_periods.BUILDERS,
    **gallery_control.BUILDERS,
    **gallery_stages.BUILDERS,
    **gallery_statements.BUILDERS,
    **gallery_web.BUILDERS,
    **gallery_worker.BUILDERS,
    **gallery_imports.BUILDERS,
    **gallery_service_levels.BUILDERS,
    **gallery_board.BUILDERS,
    **gallery_replies.BUILDERS,
    **gallery_reply_rules.BUILDERS,
    **gallery_voice.BUILDERS,
    **gallery_operator.BUILDERS,
    **gallery_knowledge_imports.BUILDERS,
    **gallery_wrong.BUILDERS,
    **gallery_gaps.BUILDERS,
    **gallery_flows.BUILDERS,
    **gallery_learning.BUILDERS,
    **gallery_articles.BUILDERS,
}

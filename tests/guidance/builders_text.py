"""Voices and passages for the text tests, valid and boring by default."""

from guidance.draft import CitedPassage
from guidance.voice import Voice


def a_voice(
    *,
    greeting: str = "Hi {customer_name},",
    sign_off: str = "Warm regards,\nThe Fernway team",
    words_to_avoid: tuple[str, ...] = ("guarantee*", "no problem"),
    words_to_use: tuple[str, ...] = ("happy to help",),
    allowed_link_domains: tuple[str, ...] = ("fernway.example",),
    sample_replies: tuple[str, ...] = (),
) -> Voice:
    return Voice(
        greeting=greeting,
        sign_off=sign_off,
        words_to_avoid=words_to_avoid,
        words_to_use=words_to_use,
        allowed_link_domains=allowed_link_domains,
        sample_replies=sample_replies,
    )


def a_passage(
    text: str,
    *,
    rank: int = 1,
    title: str = "Returns",
    section_path: tuple[str, ...] = (),
    score: float | None = None,
) -> CitedPassage:
    return CitedPassage(
        rank=rank,
        passage_id=f"passage-{rank}",
        article_id=f"article-{rank}",
        article_title=title,
        section_path=section_path,
        text=text,
        score=1 / rank if score is None else score,
    )

"""The filters of the pool as a form, and as the facts by which the stream leaves out what does not match."""

from dataclasses import dataclass

from workers_ui.presenters.values import EMPTY_FORM, Choice, FormState


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterForm:
    """GET /worker/pool with `set`: the filters are kept for this person. `chosen` says them in words.

    `lowest_pay_minor` and `longest_minutes` are for the stream's rows; 0 stands for any.
    """

    form: FormState = EMPTY_FORM
    brands: tuple[Choice, ...] = ()
    languages: tuple[Choice, ...] = ()
    channels: tuple[Choice, ...] = ()
    skills: tuple[Choice, ...] = ()
    lengths: tuple[Choice, ...] = ()
    pays: tuple[Choice, ...] = ()
    chosen: tuple[str, ...] = ()
    brand: str = ""
    channel: str = ""
    language: str = ""
    skill: str = ""
    lowest_pay_minor: int = 0
    longest_minutes: int = 0


NO_FILTERS = FilterForm()

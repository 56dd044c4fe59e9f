"""Expected refusals: small classes whose docstring is the sentence a person reads.

Kinds know no HTTP; `workers_ui/errors.py` maps a kind to a status in one table.
"""

import inspect
from collections.abc import Mapping
from types import MappingProxyType


class AppError(Exception):
    """Something went wrong.

    `more` is what a program may want to know besides, such as the next best ticket.
    """

    more: Mapping[str, object] = MappingProxyType({})

    def __init__(self, detail: str | None = None) -> None:
        self.detail = detail or inspect.cleandoc(type(self).__doc__ or "Something went wrong.")
        super().__init__(self.detail)

    @property
    def code(self) -> str:
        """The error's stable name for programs, e.g. `already_claimed`."""
        return "".join(f"_{c.lower()}" if c.isupper() else c for c in type(self).__name__).lstrip("_")


class Invalid(AppError):
    """The request cannot be understood as it is."""


class NotSignedIn(AppError):
    """Sign in to go on."""


class NotAllowed(AppError):
    """Your role does not include this."""


class NotFound(AppError):
    """There is nothing here by that name."""


class Conflict(AppError):
    """The state has changed since; reload and try again."""


class TooLarge(AppError):
    """That is larger than the limit."""


class TooMany(AppError):
    """Too many attempts. Wait a minute, then try again."""


class Unavailable(AppError):
    """A part this needs is not answering. Try again in a moment."""

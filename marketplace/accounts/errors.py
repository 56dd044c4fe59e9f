"""What accounts refuses; each docstring is the sentence a person reads."""

from marketplace.kernel.errors import Conflict, Invalid, NotAllowed, NotFound, NotSignedIn, Unavailable


class SignInRefused(NotSignedIn):
    """E-mail and password do not belong together."""


class SignInSuspended(NotAllowed):
    """Your sign-in is suspended. Answer the letter that told you so to object."""

    HOW_TO_OBJECT = "Answer the letter that told you so to object."


class WrongMoneyMode(NotSignedIn):
    """This API key belongs to the other money mode: test keys work with test money, live keys with live."""


class WeakPassword(Invalid):
    """Choose a stronger password."""


class PasswordTooShort(WeakPassword):
    """A password needs at least 10 characters."""


class PasswordTooLong(WeakPassword):
    """A password has at most 200 characters."""


class PasswordTooCommon(WeakPassword):
    """That password is among the first that anybody would try. Choose another."""


class PasswordHoldsEmail(WeakPassword):
    """The password must not contain your e-mail address."""


class SignInBusy(Unavailable):
    """Many people are signing in right now. Try again in a moment."""


class BadEmail(Invalid):
    """That does not look like an e-mail address."""


class BadName(Invalid):
    """A name has 1 to 100 characters, all of them printable."""


class BadSlug(Invalid):
    """A brand's address is 2 to 40 lower-case letters, digits and inner hyphens."""


class UnknownCountry(Invalid):
    """Choose a country from the list."""


class UnknownTimeZone(Invalid):
    """Choose a time zone such as Europe/Paris."""


class BadLanguages(Invalid):
    """Name 1 to 10 languages by their tags, such as en or pt-BR."""


class TermsNotAccepted(Invalid):
    """Accept the terms to go on."""


class EmailTaken(Conflict):
    """There is already a login with this e-mail address. Sign in instead."""


class SlugTaken(Conflict):
    """Another brand has this address."""


class AlreadyWorker(Conflict):
    """You are a worker already."""


class AlreadyMember(Conflict):
    """This person is a member already."""


class AlreadyStaff(Conflict):
    """This person has that role already."""


class StaffCannotBeWorkers(Conflict):
    """People of the platform cannot be workers, nor workers people of the platform."""


class LastOwner(Conflict):
    """A brand needs an owner. Make somebody else owner first."""


class TooManyInvites(Conflict):
    """Too many invites are open. Wait until some are accepted or have ended."""


class TooManyKeys(Conflict):
    """This brand has as many API keys as it may have. Revoke one first."""


class NoSuchBrand(NotFound):
    """There is no such brand."""


class NoSuchPerson(NotFound):
    """There is no such person."""


class NoSuchMember(NotFound):
    """There is no such member."""


class NoSuchKey(NotFound):
    """There is no such API key."""


class InviteEnded(NotFound):
    """This invite was used already or has ended. Ask for a new one."""


class ResetEnded(NotFound):
    """This link was used already or has ended. Ask for a new one."""


class NoScopes(Invalid):
    """Choose at least one thing the API key may do."""


class BadMailHeader(Invalid):
    """An address or subject must be one line."""

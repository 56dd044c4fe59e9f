"""The control page of a brand's voice: how replies sound, tried before it is saved, and who changed it before."""

from dataclasses import dataclass
from typing import ClassVar

from workers_ui.presenters.control import Section
from workers_ui.presenters.frame import Frame
from workers_ui.presenters.values import EMPTY_FORM, Choice, FormState
from workers_ui.presenters.versions import VersionRow


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceTrial:
    """The draft as it is and as it would be; what is off in a reply, with how it would be where that is plain."""

    question: str = ""
    before: str = ""
    after: str = ""
    checked: bool = False
    findings: tuple[tuple[str, str, str | None], ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoicePage:
    """POST voice: based_on and every field. POST voice/trial: the same, with a ticket or question, and a reply."""

    template: ClassVar[str] = "brand/voice.html"
    frame: Frame
    slug: str
    brand: str
    sections: tuple[Section, ...]
    form: FormState
    based_on: int
    formalities: tuple[Choice, ...]
    emoji: tuple[Choice, ...]
    spellings: tuple[Choice, ...]
    tickets: tuple[Choice, ...] = ()
    trial: VoiceTrial | None = None
    versions: tuple[VersionRow, ...] = ()
    tried: FormState = EMPTY_FORM

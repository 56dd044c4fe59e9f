"""What a web process holds for all its requests; put together once by `app.create_app`."""

from dataclasses import dataclass, field

from anyio import CapacityLimiter

from billing.funds_port import FundsPort
from billing.gateway import PaymentGateway
from guidance.answer_memory import AnswerMemory
from guidance.screening import Judge
from knowledge_base.index.retrieval import Retriever
from marketplace.kernel.announcing import FactsAnnouncing
from marketplace.kernel.db import Database
from marketplace.kernel.rate_limits import RateLimiter
from marketplace.kernel.redis import Announcer
from marketplace.kernel.settings import Settings
from workers_ui.claim_desk import ClaimDesk
from workers_ui.forgetting import Forgetting
from workers_ui.live import Hub
from workers_ui.templating import Templates


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    settings: Settings
    database: Database
    gateway: PaymentGateway | None
    funds: FundsPort | None
    retriever: Retriever
    memory: AnswerMemory
    judge: Judge
    limiter: RateLimiter
    templates: Templates
    announcer: Announcer
    announcing: FactsAnnouncing
    hub: Hub
    forgetting: Forgetting
    claims: ClaimDesk
    admission: CapacityLimiter = field(repr=False)

    def close(self) -> None:
        """Let go of every connection."""
        self.claims.close()
        self.announcing.close()
        self.announcer.close()
        self.database.dispose()

"""Every setting of the installation, with a safe default for all but secrets.

Each is read from the environment as HUMANCLOUD_<NAME>; `DATABASE_URL`, `REDIS_URL`, `STRIPE_API_KEY`, `SMTP_URL`
and the secrets of Stripe's two endpoints keep their customary names. This page is the documentation of settings.
"""

from collections.abc import Mapping
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class MoneyMode(StrEnum):
    TEST = "test"
    LIVE = "live"


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="HUMANCLOUD_", extra="ignore", frozen=True, populate_by_name=True
    )

    # Where things are
    data_dir: Path = Field(
        default=Path("var"), description="Embedded database, index snapshots, fake Stripe, logs."
    )
    model_dir: Path = Field(
        default=Path("var/models"), description="The exported embedding model (a set-up step)."
    )
    database_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("DATABASE_URL", "HUMANCLOUD_DATABASE_URL"),
        description="An own PostgreSQL >= 15; unset: the embedded one under data_dir.",
    )
    redis_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("REDIS_URL", "HUMANCLOUD_REDIS_URL"),
        description="Rate limits and live announcements across processes; unset: in-process twins.",
    )

    # The web process
    host: str = "127.0.0.1"
    port: int = 8000
    public_url: str = Field(default="", description="The address people use; unset: http://host:port.")
    secure_cookies: bool = Field(
        default=False, description="True behind HTTPS: __Host- cookie names, Secure, HSTS."
    )
    development: bool = Field(
        default=True, description="Shows the development mailbox and the parts gallery."
    )
    database_connections: int = Field(
        default=16,
        ge=2,
        le=200,
        description="Pool per process, which a web process has two more than, for claims; also the admission limit.",
    )
    upload_limit_bytes: int = Field(default=25_000_000, description="One request's body.")

    # People
    session_hours: int = 14 * 24
    invite_hours: int = 7 * 24
    reset_minutes: int = 60
    sign_in_attempts_per_minute: int = 10
    smtp_url: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("SMTP_URL", "HUMANCLOUD_SMTP_URL"),
        description="smtp://user:password@host:587; unset: mail stays in the development mailbox.",
    )
    mail_from: str = "Human Cloud <no-reply@localhost>"

    # Knowledge and guidance
    encoder_threads: int | None = Field(
        default=None,
        ge=1,
        le=64,
        description="Threads that encode passages for the index; unset: one for each core.",
    )
    hybrid_weight: float = Field(
        default=0.6, ge=0.0, le=1.0, description="Share of the dense score in hybrid search."
    )
    answer_threshold: float = Field(
        default=0.5, ge=0.0, le=1.0, description="Below this confidence guidance abstains."
    )

    # A generator that words replies anew; what it writes is held to the same passages
    generator_url: str | None = Field(
        default=None,
        pattern="^https?://",
        max_length=500,
        description="An OpenAI-compatible address, like https://models.example/v1; unset: replies are quoted.",
    )
    generator_model: str = Field(default="default", max_length=100)
    generator_key: SecretStr | None = Field(default=None, description="Sent as a bearer token.")
    generator_timeout_seconds: float = Field(default=10.0, gt=0.0, le=60.0)

    # Addresses that people name (`kernel/safe_fetch.py`)
    fetch_plain_http: bool = Field(
        default=False, description="True also reads http:// addresses; https:// alone otherwise."
    )
    fetch_ports: Annotated[tuple[int, ...], NoDecode] = Field(
        default=(443, 80), description="Ports that may be read from, with commas between."
    )
    fetch_private_cidrs: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        default=(),
        description="Networks that are not public and may be read all the same, like 10.1.0.0/16,fd00::/8.",
    )
    fetch_ca_file: Path | None = Field(
        default=None, description="Certificates (PEM) of own authorities, trusted besides the public ones."
    )

    # A cluster, where one machine is outgrown (the extra `scale`; docs/runbook.md)
    ray_address: str | None = Field(
        default=None,
        validation_alias=AliasChoices("RAY_ADDRESS", "HUMANCLOUD_RAY_ADDRESS"),
        description="host:port of a Ray cluster's head, with RAY_AUTH_MODE=token; unset: this machine alone.",
    )
    search_shards: int = Field(
        default=4,
        ge=1,
        le=1_000,
        description="Brands are spread over so many, each twice; the same in every process of the installation.",
    )

    # Money
    money_mode: MoneyMode = Field(
        default=MoneyMode.TEST, description="Marks a new database once; must match after that."
    )
    stripe_api_key: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("STRIPE_API_KEY", "HUMANCLOUD_STRIPE_API_KEY"),
        description="sk_test_… or sk_live_…; unset in test mode: fake Stripe; unset in live mode: payouts off.",
    )
    stripe_platform_webhook_secret: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices(
            "STRIPE_PLATFORM_WEBHOOK_SECRET", "HUMANCLOUD_STRIPE_PLATFORM_WEBHOOK_SECRET"
        ),
        description="whsec_… of the endpoint for our own account's events, /stripe/webhooks/platform.",
    )
    stripe_connect_webhook_secret: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices(
            "STRIPE_CONNECT_WEBHOOK_SECRET", "HUMANCLOUD_STRIPE_CONNECT_WEBHOOK_SECRET"
        ),
        description="whsec_… of the endpoint for connected accounts' events, /stripe/webhooks/connect.",
    )
    fake_stripe_port: int = 12111
    pay_floors: Annotated[Mapping[str, int], NoDecode] = Field(
        default_factory=dict,
        description="What an hour of work earns at least, as usd:1200,eur:1100 in minor units; unset: no floor.",
    )

    # Logs
    log_level: str = "INFO"

    @field_validator("fetch_ports", "fetch_private_cidrs", mode="before")
    @classmethod
    def _between_commas(cls, given: object) -> object:
        return (
            [part.strip() for part in given.split(",") if part.strip()] if isinstance(given, str) else given
        )

    @field_validator("pay_floors", mode="before")
    @classmethod
    def _by_currency(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        return dict(part.strip().lower().split(":", 1) for part in given.split(",") if part.strip())

    @field_validator("pay_floors")
    @classmethod
    def _only_money(cls, floors: Mapping[str, int]) -> Mapping[str, int]:
        if any(
            len(currency) != 3 or not currency.isalpha() or floor <= 0 for currency, floor in floors.items()
        ):
            raise ValueError("A floor is a currency and a positive amount, as usd:1200.")
        return floors

    @property
    def base_url(self) -> str:
        return self.public_url.rstrip("/") or f"http://{self.host}:{self.port}"

    @property
    def fake_stripe(self) -> bool:
        """Whether this installation pays through the stand-in: test mode without a key."""
        return self.money_mode is MoneyMode.TEST and self.stripe_api_key is None

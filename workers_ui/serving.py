"""`humancloud serve`: web, background and, in test mode without a key, fake Stripe, supervised as one."""

import json
import os
import secrets
import sys
from collections.abc import Callable, Sequence

from pydantic import SecretStr

from billing.fake_stripe import ENDPOINTS_VARIABLE
from billing.inbox_events import Endpoint
from marketplace.kernel.settings import Settings
from workers_ui import parts
from workers_ui.supervisor import Child

SECRET_BYTES = 24


def children(settings: Settings) -> list[Child]:
    """The processes of this installation; each gets the settings by its environment."""
    if settings.fake_stripe:
        settings = _with_webhook_secrets(settings)
    env = environment_of(settings)
    own = [
        Child(
            name="web",
            command=_humancloud("web"),
            env=env,
            ready_url=f"http://{settings.host}:{settings.port}/healthz",
        ),
        Child(name="background", command=_humancloud("work"), env=env),
    ]
    return [_fake_stripe(settings), *own] if settings.fake_stripe else own


def environment_of(settings: Settings) -> dict[str, str]:
    """This process's environment with `settings` spelled out, for a child."""
    env = dict(os.environ) | {
        "DATABASE_URL": settings.database_url or "",
        "HUMANCLOUD_DATA_DIR": str(settings.data_dir.resolve()),
        "HUMANCLOUD_MODEL_DIR": str(settings.model_dir.resolve()),
        "HUMANCLOUD_HOST": settings.host,
        "HUMANCLOUD_PORT": str(settings.port),
        "HUMANCLOUD_FAKE_STRIPE_PORT": str(settings.fake_stripe_port),
        "HUMANCLOUD_MONEY_MODE": settings.money_mode.value,
        "HUMANCLOUD_PUBLIC_URL": settings.public_url,
        "STRIPE_PLATFORM_WEBHOOK_SECRET": parts.webhook_secret(settings, Endpoint.PLATFORM),
        "STRIPE_CONNECT_WEBHOOK_SECRET": parts.webhook_secret(settings, Endpoint.CONNECT),
        "OMP_NUM_THREADS": str(settings.encoder_threads or 1),
    }
    return env


def _with_webhook_secrets(settings: Settings) -> Settings:
    """Fake Stripe and the site share secrets of this start, so that events arrive without anybody's doing."""
    fresh = {
        name: SecretStr(f"whsec_{secrets.token_hex(SECRET_BYTES)}")
        for name in ("stripe_platform_webhook_secret", "stripe_connect_webhook_secret")
    }
    return settings.model_copy(update=fresh)


def _fake_stripe(settings: Settings) -> Child:
    return Child(
        name="fake-stripe",
        command=(
            sys.executable,
            "-m",
            "billing.fake_stripe",
            "--data",
            str((settings.data_dir / "fake_stripe").resolve()),
            "--port",
            str(settings.fake_stripe_port),
        ),
        env=dict(os.environ) | {ENDPOINTS_VARIABLE: json.dumps(_webhook_endpoints(settings))},
        ready_url=f"{parts.fake_stripe_url(settings)}/_fake/health",
    )


def _webhook_endpoints(settings: Settings) -> list[dict[str, object]]:
    """Where fake Stripe tells what happened: this installation, by its own port."""
    return [
        {
            "url": f"http://127.0.0.1:{settings.port}/stripe/webhooks/{endpoint.value}",
            "secret": parts.webhook_secret(settings, endpoint),
            "connect": endpoint is Endpoint.CONNECT,
        }
        for endpoint in Endpoint
    ]


def _humancloud(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "workers_ui.cli", *words)


def announce(settings: Settings, sign_ins: Sequence[dict[str, str]], say: Callable[[str], None]) -> None:
    """Tell where the site is and who may sign in."""
    say("")
    say(f"Human Cloud is at {settings.base_url}")
    if sign_ins:
        width = max(len(one["role"]) for one in sign_ins)
        say("Demo sign-ins:")
        for one in sign_ins:
            say(f"  {one['role']:<{width}}  {one['email']}  {one['password']}")
    say("Ctrl-C stops everything.")
    say("")

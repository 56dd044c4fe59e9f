"""Tests on a Ray cluster. Ray reads these when it is imported, and never again."""

import os

os.environ.update(
    RAY_AUTH_MODE="token",
    RAY_AUTH_TOKEN="of-these-tests-alone-0123456789abcdef",
    RAY_USAGE_STATS_ENABLED="0",
)

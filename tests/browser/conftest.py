"""One browser a module and one running demo for all browser tests: starting it takes longer than most of the tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser import chromium
from tests.browser.demo_site import DemoSite, demo_site


@pytest.fixture(scope="module")  # while one is open its event loop runs, and nobody else's can
def browser() -> Iterator[Browser]:
    with chromium.browser() as started:
        yield started


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, model_dir: Path) -> Iterator[DemoSite]:
    with demo_site(tmp_path_factory.mktemp("demo"), model_dir) as running:
        yield running

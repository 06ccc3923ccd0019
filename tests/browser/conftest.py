"""Real Chromium against a live server; people are let in by their session, images come from the store by signed address."""

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from django.conf import settings as django_settings
from django.core.files.storage import storages
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.pages import looking

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
PATIENCE_MS = 10_000

# Playwright's synchronous API runs a loop of its own in this thread, which Django takes for an asynchronous caller
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

Opens = Callable[..., Page]


def pytest_collection_modifyitems(items):
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def hub(live_server, settings) -> str:
    """Answer where the live server is, from which a file store is served too."""
    objects = django_settings.STORAGES["objects"]
    if "location" in objects["OPTIONS"]:
        options = {**objects["OPTIONS"], "public_url": live_server.url}
        settings.STORAGES = {**django_settings.STORAGES, "objects": {**objects, "OPTIONS": options}}
        storages._storages = {}
    return live_server.url


@pytest.fixture
def open_as(chromium, hub) -> Iterator[Opens]:
    """Answer a function that opens an address as a person; every page must stay free of errors on its console."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_as(person, address: str, **options) -> Page:
        context = chromium.new_context(base_url=hub, **options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        session = looking(person).cookies[django_settings.SESSION_COOKIE_NAME].value
        context.add_cookies([{"name": django_settings.SESSION_COOKIE_NAME, "value": session, "url": hub}])
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
        page.goto(address)
        return page

    yield open_as
    for context in contexts:
        context.close()
    unexpected = [text for text in complaints if "ERR_INTERNET_DISCONNECTED" not in text]
    assert not unexpected

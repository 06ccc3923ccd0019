"""Real Chromium against a live server; people are let in by their session, images come from the store by signed address."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.files.storage import storages
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect, sync_playwright

from config.services import object_store
from learning.actions import store as store_verbs
from tests.config.playing import own_store
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
PATIENCE_MS = 30_000
"""Long enough for a machine whose every core trains a model beside it; what is broken is told a little later."""

# Playwright's synchronous API runs a loop of its own in this thread, which Django takes for an asynchronous caller
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

Opens = Callable[..., Page]
expect.set_options(timeout=PATIENCE_MS)
STANDING = (
    "[location.href, document.activeElement?.outerHTML.slice(0, 200), document.querySelector('main')?.innerText.slice(0, 800)]"
)


def pytest_collection_modifyitems(items):
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker("browser")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Say where every page of a failed test stands: its address, what has the focus, and what it reads."""
    report = yield
    if call.when == "call" and report.failed:
        for page in getattr(item, "opened", ()):
            with suppress(Error):  # it may be the browser itself that failed
                report.sections.append(("page", "\n".join(map(str, page.evaluate(STANDING)))))
    return report


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
def folder() -> Path | None:
    """Answer where pictures go: SCREENSHOTS, if it is given."""
    if not (chosen := os.environ.get("SCREENSHOTS")):
        return None
    Path(chosen).mkdir(exist_ok=True, parents=True)
    return Path(chosen)


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
def _store_knows_the_portal(hub, settings):
    """Let a bucket take what a page of the portal sends it, as whoever runs a hub does once.

    The bucket is nobody else's: while it is set up, Ceph's gateway refuses every upload for a moment.
    """
    with own_store() as address:
        if address:
            objects = django_settings.STORAGES["objects"]
            options = object_store(address, "", "", Path(), "")["OPTIONS"]
            settings.STORAGES = {**django_settings.STORAGES, "objects": {**objects, "OPTIONS": options}}
            storages._storages = {}
            store_verbs.setup(hub, by=None)
        yield


@pytest.fixture
def open_as(request, chromium, hub) -> Iterator[Opens]:
    """Answer a function that opens an address as a person; every page must stay free of errors on its console.

    What the browser itself says there of a refused request is forgiven where the test names its status, as in `forgives=422`.
    Where a test answers the page's requests itself later on, it says `routed`: Chromium lets through what a page sends in the
    moment after the first route is set, so that one is set before the page is there.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []
    request.node.opened = []

    forgiven = ["ERR_INTERNET_DISCONNECTED"]

    def open_as(person, address: str, forgives: int | None = None, routed: bool = False, **options) -> Page:
        forgiven.extend([f"status of {forgives}"] if forgives else [])
        context = chromium.new_context(base_url=hub, **options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        session = looking(person).cookies[django_settings.SESSION_COOKIE_NAME].value
        context.add_cookies([{"name": django_settings.SESSION_COOKIE_NAME, "value": session, "url": hub}])
        if routed:
            context.route("**/asked-by-nobody", lambda route: route.abort())
        page = context.new_page()
        request.node.opened.append(page)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
        page.goto(address)
        return page

    yield open_as
    for context in contexts:
        context.close()
    unexpected = [text for text in complaints if not any(known in text for known in forgiven)]
    assert not unexpected

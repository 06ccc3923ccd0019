"""docs/tutorial.md, followed word by word on a fresh clone: its commands in one shell, its other steps in a browser for each person."""

import os
import re
import subprocess
import time
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import Locator, Page, expect

from config.processes import free_port
from tests.browser.conftest import chromium  # noqa: F401  (a fixture)

pytestmark = pytest.mark.long

SAID = "http://127.0.0.1:8000"
"""Where the tutorial's hub answers; the one that is followed here answers at a free port."""
BLOCK = re.compile(r"^```sh\n(.*?)^```$|^- ([^\n]+)$", re.MULTILINE | re.DOTALL)
OURS = {"VAR_DIR", "DATABASE_URL", "REDIS_URL", "STORE_URL", "VIRTUAL_ENV", "DJANGO_SETTINGS_MODULE", "OMP_NUM_THREADS"}
"""What the suite runs with, and a newcomer does not."""
PATIENCE_MS = 60_000
DONE = "---done---"


class Shell:
    """One terminal, in the fresh clone."""

    def __init__(self, folder: Path, address: str) -> None:
        kept = {name: value for name, value in os.environ.items() if name not in OURS and not name.startswith("PYTEST")}
        self.environment = {**kept, "PUBLIC_URL": address}
        self.folder = folder
        self.process = subprocess.Popen(
            ["bash"],
            cwd=folder,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.hub: subprocess.Popen[str] | None = None

    def run(self, commands: str) -> str:
        """Run commands to their end; answers what they said, and fails where the last one did."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f'shopt -s expand_aliases\n{commands}\necho "{DONE}$?"\n')
        self.process.stdin.flush()
        said = ""
        for line in self.process.stdout:
            if line.startswith(DONE):
                assert line.strip() == f"{DONE}0", f"{commands}\n{said}"
                return said
            said += line
        raise AssertionError(said)

    def stay(self, command: str) -> None:
        """Start what stays, in another terminal, and return once it says that it answers."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "start_new_session": True}
        self.hub = subprocess.Popen(["bash", "-c", command], cwd=self.folder, env=self.environment, **pipes)
        said = ""
        for line in self.hub.stdout or ():
            said += line
            if "answers at" in line:
                return
        raise AssertionError(said)

    def end(self) -> None:
        """Close both terminals."""
        if self.hub is not None:
            os.killpg(self.hub.pid, 15)
            self.hub.communicate(timeout=60)
        self.process.kill()
        self.process.communicate()


class Desk:
    """The people's browsers; `links` are their invitations, by the name in the address."""

    def __init__(self, browser, address: str) -> None:
        self.browser, self.address = browser, address
        self.links: dict[str, str] = {}
        self.pages: dict[str, Page] = {}
        self.page: Page

    def do(self, step: str) -> None:
        """Do one step; a sentence after the first full stop only explains."""
        for wording, act in STEPS.items():
            if found := re.match(wording, step):
                act(self, *found.groups())
                return
        raise AssertionError(f"Nobody knows how to do this: {step}")

    def come(self, name: str, menu: str) -> None:
        if name not in self.pages:
            self.pages[name] = self.browser.new_context(
                base_url=self.address, viewport={"width": 1280, "height": 900}
            ).new_page()
            self.pages[name].goto(self.links[name.lower()])
            self.pages[name].get_by_role("button", name="Log in").click()
        self.page = self.pages[name]
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.get_by_role("navigation").get_by_role("link", name=menu, exact=True).first.click()

    def follow(self, name: str) -> None:
        self._first(self.page.locator("main").get_by_role("link", name=name)).click()

    def press(self, name: str) -> None:
        self._first(self.page.locator("main").get_by_role("button", name=name, exact=True)).click()

    def write(self, text: str, label: str) -> None:
        self._first(self.page.locator("main").get_by_role("textbox", name=label)).fill(text)

    def key(self, key: str, times: str) -> None:
        for _ in range(int(times)):
            expect(self.page.locator("[data-review][aria-busy=false]")).to_be_visible(timeout=PATIENCE_MS)
            self.page.keyboard.press(key)

    def read(self, text: str) -> None:
        deadline = time.monotonic() + PATIENCE_MS / 1_000
        while not self.page.locator("main").get_by_text(text).first.is_visible():
            assert time.monotonic() < deadline, f"{text} is not on {self.page.url}: {self.page.inner_text('main')[:2_000]}"
            self.page.wait_for_timeout(1_000)
            if not self.page.locator("[hx-trigger*=every]").count():
                self.page.reload()

    def _first(self, found: Locator) -> Locator:
        return found.first


STEPS = {
    r"As \*\*(\w+)\*\*, open \*\*(.+?)\*\* in the menu\.": Desk.come,
    r"Follow \*\*(.+?)\*\*\.": Desk.follow,
    r"Press \*\*(.+?)\*\*\.": Desk.press,
    r"Press the key `(\w+)` (\d+) times\.": Desk.key,
    r"Write `(.+?)` into \*\*(.+?)\*\*\.": Desk.write,
    r"(?:Wait until you r|R)ead \*\*(.+?)\*\*\.": Desk.read,
}


@pytest.fixture
def clone(tmp_path):
    command = ["git", "clone", "-q", str(settings.BASE_DIR), str(tmp_path / "hub")]
    subprocess.run(command, check=True)
    return tmp_path / "hub"


def test_the_first_hour(clone, chromium):  # noqa: F811
    address = f"http://127.0.0.1:{free_port()}"
    shell, desk = Shell(clone, address), Desk(chromium, address)
    try:
        for commands, step in BLOCK.findall((settings.BASE_DIR / "docs" / "tutorial.md").read_text()):
            told = commands.replace(SAID, address)
            if step:
                desk.do(step)
            elif told.strip() == "make run":
                shell.stay(told)
            else:
                said = shell.run(told)
                desk.links |= dict(zip(re.findall(r"adduser (\w+)@", told), re.findall(r"http\S+", said), strict=False))
    finally:
        shell.end()

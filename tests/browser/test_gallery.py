"""Every page in light, dark and on a phone: it fits, follows the theme, breaks no rule of WCAG 2.2 AA that axe knows, and is pictured.

`make screenshots` writes the pictures into docs/screenshots; those that lie there are weighed in tests/test_architecture.py.
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from PIL import Image
from playwright.sync_api import Page, expect

from accounts.actions.invitation import invite
from tests import people
from tests.browser.queues import decided_without_network
from tests.factories.gallery import Gallery, gallery
from tests.pages import looking, text_of

pytestmark = pytest.mark.django_db(transaction=True)

AXE = settings.BASE_DIR / "static" / "vendor" / "axe.min.js"
VIOLATIONS = """([type, values]) => axe.run(document, {runOnly: {type, values}, resultTypes: ['violations']})
    .then(found => found.violations)"""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
COLOURS = ["color-contrast", "link-in-text-block"]
"""What the dark theme can break: it is the same page in other colours."""
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
LOOKS = {"light": (DESKTOP, "light"), "dark": (DESKTOP, "dark"), "phone": (PHONE, "light")}
"""Each page is opened once, and looked at in these ways: the width of the window, the theme of the system."""
MOST_BYTES = 150_000
REVIEWING = "[data-review][aria-busy=false] img:not([hidden])"
PICTURED = {
    "dark": {"home", "review", "review-boxes", "job", "rollout", "model"},
    "phone": {"home", "review", "review-plate", "rollout", "calendar", "samples"},
}
NOWHERE: dict[str, set[str]] = {look: set() for look in LOOKS}
"""For pages that are looked at by axe alone."""


@dataclass(frozen=True)
class Scene:
    """One page; `is_ready` is what shows that its script has done its work, `act` what is done on it before it is looked at."""

    name: str
    address: str
    is_ready: str = "main"
    act: Callable[[Page], None] = lambda _page: None


def scenes(made: Gallery) -> Iterator[Scene]:
    """Answer every page that a person logged in can open."""
    yield Scene("home", "/")
    yield Scene("review", "/review/meter_digits/", REVIEWING)
    yield Scene("review-boxes", "/review/vehicles/", REVIEWING)
    yield Scene("review-plate", "/review/street_plates/", REVIEWING)
    yield Scene("modules", "/modules/")
    yield Scene("module", f"/modules/{made.sample.module.slug}/")
    yield Scene("module-policy", f"/modules/{made.sample.module.slug}/policy/")
    yield Scene("module-schema", f"/modules/{made.sample.module.slug}/schema/")
    yield Scene("system", "/system/")
    yield Scene("cities", "/cities/")
    yield Scene("city", f"/cities/{made.deliveries.city.slug}/")
    yield Scene("calendar", "/batches/calendar/")
    yield Scene("figures", "/figures/")
    yield Scene("batch-verified", f"/batches/{made.deliveries.moving.pk}/")
    yield Scene("selection", f"/selections/{made.deliveries.chosen.pk}/")
    yield Scene("selection-done", f"/selections/{made.deliveries.done.pk}/")
    yield Scene("selections", "/selections/")
    yield Scene("batches", "/batches/")
    yield Scene("batch", f"/batches/{made.batch.pk}/")
    yield Scene("samples", "/samples/")
    yield Scene("sample", f"/samples/{made.sample.sample_id}/")
    yield from dataset_scenes(made)
    yield Scene("import-new", f"/datasets/{made.imports[0].dataset_id}/import/")
    yield Scene("import", f"/imports/{made.imports[0].pk}/")
    yield Scene("import-done", f"/imports/{made.imports[1].pk}/")
    yield Scene("exports", f"/datasets/{made.dataset_version.dataset.pk}/export/?version={made.dataset_version.pk}")
    yield Scene("version", f"/versions/{made.dataset_version.pk}/")
    yield Scene("version-compare", f"/versions/{made.later_version.pk}/compare/?with={made.dataset_version.pk}")
    yield Scene("run-again", f"/versions/{made.dataset_version.pk}/?again={made.failed.pk}")
    yield Scene("jobs", "/jobs/")
    yield Scene("job", f"/jobs/{made.running.pk}/")
    yield Scene("job-failed", f"/jobs/{made.failed.pk}/")
    yield from model_scenes(made)
    yield Scene("rollouts", "/rollouts/")
    yield Scene("rollout-new", f"/rollouts/new/?model={made.released.pk}")
    yield Scene("rollout", f"/rollouts/{made.rollout.pk}/")
    yield Scene("rollout-paused", f"/rollouts/{made.paused.pk}/")
    yield Scene("edges", "/edges/")
    yield Scene("edge-map", "/edges/map/")
    yield Scene("edge", f"/edges/{made.edge.pk}/")
    yield Scene("erasures", "/erasures/")
    yield Scene("erasure", f"/erasures/{made.erasure.pk}/")
    yield Scene("retention", "/retention/")
    yield Scene("components", "/components/")
    yield from account_scenes()
    yield Scene("not-found", "/not-found/")
    yield Scene("broken", "/broken/")


def account_scenes() -> Iterator[Scene]:
    """Answer the pages of the own account, and of those who log in."""
    yield Scene("account", "/accounts/")
    yield Scene("users", "/accounts/users/")
    yield Scene("user", f"/accounts/users/{people.ann().pk}/")
    yield Scene("user-invite", "/accounts/users/invite/")
    yield Scene("password", "/accounts/password/set/")
    yield Scene("two-factor", "/accounts/2fa/")
    yield Scene("two-factor-app", "/accounts/2fa/totp/activate/")
    yield Scene("passkey-add", "/accounts/2fa/webauthn/add/")


def model_scenes(made: Gallery) -> Iterator[Scene]:
    """Answer the pages of the registry."""
    yield Scene("models", "/models/")
    yield Scene("model", f"/models/{made.released.pk}/")
    yield Scene("model-to-approve", f"/models/{made.testing.pk}/")
    yield Scene("model-register", "/models/register/")
    yield Scene("model-registration", f"/models/register/{made.registration.pk}/")
    yield Scene("model-compare", f"/models/compare/?model={made.released.pk}&model={made.testing.pk}")
    yield Scene("model-field", f"/models/{made.released.pk}/field/")
    yield Scene("model-origin", f"/models/{made.released.pk}/origin/")
    yield Scene("model-gate", f"/models/gate/{made.sample.module.slug}/")
    yield Scene("signatures", "/signatures/")
    yield Scene("signing-request", f"/signatures/{made.asked.pk}/")


def dataset_scenes(made: Gallery) -> Iterator[Scene]:
    """Answer the pages on which datasets grow and are verified."""
    yield Scene("datasets", "/datasets/")
    yield Scene("dataset-new", "/datasets/new/")
    yield Scene("dataset", f"/datasets/{made.dataset_version.dataset.pk}/")
    yield Scene("dataset-grow", f"/datasets/{made.dataset_version.dataset.pk}/grow/")
    yield Scene("dataset-verify", f"/datasets/{made.dataset_version.dataset.pk}/verify/")


def brightness_of(page) -> int:
    """The mean of the page's own background, 0 black to 255 white."""
    colour = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    return sum(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(",")) // 3


def broken_rules(page, *, only: list[str] | None = None) -> list[str]:
    """Run axe on the page and answer what it finds: rule, element, and what is wrong; what passes stays in the browser."""
    if page.evaluate("typeof axe === 'undefined'"):
        page.add_script_tag(url=f"{settings.STATIC_URL}vendor/{AXE.name}")  # by address the browser keeps what it compiled
    found = page.evaluate(VIOLATIONS, ["rule", only] if only else ["tag", RULES])
    return [f"{v['id']}: {n['target']} {n['failureSummary']}" for v in found for n in v["nodes"]]


def picture(page, name: str, folder: Path | None, *, is_whole: bool) -> None:
    """Write a picture in 256 colours, which is what flat pages need; it must stay small. Nothing is written without a folder."""
    if folder is None:
        return
    image = Image.open(io.BytesIO(page.screenshot(full_page=is_whole))).convert("RGB")
    path = folder / f"{name}.png"
    image.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    assert path.stat().st_size < MOST_BYTES, path


def answering(body: str):
    """Answer a route handler that says `body`."""
    return lambda route: route.fulfill(content_type="text/html", body=body)


def wrong_with(page, scene: Scene, folder: Path | None, pictured: dict[str, set[str]]) -> list[str]:
    """Open a scene and answer what is wrong with it in any look: too wide, in the other theme, or closed to some people.

    It is pictured in each look, or where `pictured` names scenes for a look, if it is one of them.
    """
    page.goto(scene.address)
    page.locator(scene.is_ready).first.wait_for()
    scene.act(page)
    return looked_at(page, scene.name, folder, pictured)


def looked_at(page, name: str, folder: Path | None, pictured: dict[str, set[str]]) -> list[str]:
    """Answer what is wrong with the page as it stands, in any look, and picture it."""
    wrong = []
    for look in LOOKS:
        dress(page, look)
        wrong += [f"{name}, {look}: {fault}" for fault in faults(page, look)]
        if name in pictured.get(look, {name}):
            picture(page, name if look == "light" else f"{name}-{look}", folder, is_whole=look != "phone")
    dress(page, "light")
    return wrong


def dress(page, look: str) -> None:
    """Give the window the width and the theme of a look; what would move is there at once."""
    size, scheme = LOOKS[look]
    if page.viewport_size != size:  # to say it again has all laid out again
        page.set_viewport_size(size)
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")


def faults(page, look: str) -> Iterator[str]:
    if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
        yield "is wider than the screen"
    if (brightness_of(page) > 200) is (look == "dark"):
        yield "does not follow the theme"
    yield from broken_rules(page, only=COLOURS if look == "dark" else None)


@pytest.fixture(autouse=True)
def _axe():
    if not AXE.is_file():
        pytest.skip("axe-core is missing: install npm and run `make vendor`")


@pytest.mark.parametrize("half", [0, 1])
def test_every_page_fits_follows_the_theme_and_is_open_to_all(open_as, folder, half):
    made = gallery()
    page = open_as(people.ada(), "/")
    page.route("**/broken/", answering(render_to_string("500.html")))
    page.route(
        "**/not-found/", answering(text_of(looking(people.ada()).get("/nowhere/")))
    )  # a real one complains on the console
    wrong = []
    for scene in list(scenes(made))[half::2]:  # for two processes
        wrong += wrong_with(page, scene, folder, PICTURED)
    assert not wrong, "\n".join(wrong)


def test_what_opens_on_a_page_is_open_to_all(open_as):
    made = gallery()
    page = open_as(people.ada(), "/review/meter_digits/", routed=True, viewport=DESKTOP)
    page.locator(REVIEWING).wait_for()
    page.keyboard.press("r")
    page.get_by_role("heading", name="Why reject it?").wait_for()
    assert not broken_in_both_themes(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="Why reject it?")).to_be_hidden()
    decided_without_network(page, 3)  # two samples were leased ahead
    page.get_by_role("alert").wait_for()
    assert not broken_in_both_themes(page)
    page.goto(f"/rollouts/{made.paused.pk}/")
    page.get_by_role("button", name="Roll back").click()
    page.get_by_role("dialog").wait_for()
    assert not broken_in_both_themes(page)


def broken_in_both_themes(page) -> list[str]:
    """Run axe on the page as it stands, and on its colours in the dark."""
    found = broken_rules(page)
    dress(page, "dark")
    found += broken_rules(page, only=COLOURS)
    dress(page, "light")
    return found


def test_on_a_phone_the_acts_of_a_rollout_are_within_the_thumbs_reach(open_as):
    made = gallery()
    page = open_as(people.ada(), f"/rollouts/{made.rollout.pk}/", viewport=PHONE)
    for name in ("Pause", "Abort", "Roll back"):
        box = page.get_by_role("button", name=name, exact=True).first.bounding_box()
        assert box["y"] > PHONE["height"] * 3 / 4
        assert box["y"] + box["height"] <= PHONE["height"]
        assert box["height"] >= 44
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused: no further edge")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("Resumed.")).to_be_visible()


def test_log_in_and_invitation_are_open_to_all(chromium, hub, folder):
    invitation = invite(people.ann(), by=None).removeprefix(settings.PUBLIC_URL)
    for scheme in ("light", "dark"):
        context = chromium.new_context(base_url=hub, viewport=DESKTOP, color_scheme=scheme)
        page = context.new_page()
        for name, address in (("log-in", "/accounts/login/"), ("invitation", invitation)):
            page.goto(address)
            assert not broken_rules(page)
            if scheme == "light":
                picture(page, name, folder, is_whole=False)
        context.close()

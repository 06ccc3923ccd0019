"""A rollout from its plan to its way back, as one person drives it: at a desk, and on a phone at two in the morning."""

import pytest
from playwright.sync_api import expect

from deployments.actions import deployment as deployment_verbs
from deployments.actions import rollout as rollout_verbs
from deployments.models import EdgeSlot, Rollout, RolloutState
from tests import people
from tests.deployments.conftest import said
from tests.factories.deployments import EdgeServerFactory, released_version

pytestmark = pytest.mark.django_db(transaction=True)

SIZES = {"desk": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}


def install(edge, version):
    """Let an edge report that it took what it is assigned, and the hub decide at once, as it does each second."""
    slot = EdgeSlot.objects.select_related("desired_deployment__model_version").get(edge_server=edge)
    assert slot.desired_deployment.model_version == version
    deployment_verbs.report(slot.desired_deployment, [said("completed")], by=edge.user)
    rollout_verbs.advance(Rollout.objects.latest("created_at").pk)


@pytest.mark.parametrize("size", SIZES)
def test_plan_dry_run_start_watch_pause_resume_and_roll_back(open_as, folder, size):
    before = released_version(version="1.0.0")
    edges = [EdgeServerFactory(name=f"crossing-{number}") for number in range(4)]
    rollout_verbs.start(before, by=people.bo())
    for edge in edges:
        install(edge, before)
    version = released_version(version="2.0.0", module=before.module)

    page = open_as(people.bo(), f"/models/{version.pk}/", viewport=SIZES[size])

    def picture(name):
        if folder:
            page.screenshot(path=folder / f"rollout-{name}-{size}.png")

    page.get_by_role("link", name="Roll out").first.click()
    page.get_by_label("Soak, minutes").fill("0")
    page.get_by_label("Then, percent of all").fill("50")
    page.get_by_role("button", name="Dry run").click()
    expect(page.get_by_text("4 edges would get it.")).to_be_visible()
    expect(page.get_by_text("Back to 1.0.0")).to_be_visible()
    picture("plan")
    assert Rollout.objects.count() == 1  # a dry run starts nothing
    page.get_by_role("button", name="Start the rollout").click()
    expect(page.get_by_text("The rollout has begun")).to_be_visible()
    waves = page.locator(".waves li")
    expect(waves).to_have_count(3)

    canary, *others = sorted(edges, key=lambda edge: edge.pk)
    install(canary, version)  # the page learns of it by itself
    expect(waves.nth(0)).to_contain_text("1 of 1 have it")
    expect(waves.nth(1)).to_contain_text("open")
    picture("live")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused: no further edge")).to_be_visible()
    picture("paused")
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("Resumed.")).to_be_visible()
    install(others[0], version)
    expect(waves.nth(1)).to_contain_text("1 of 1 have it")

    page.get_by_role("button", name="Roll back").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Type roll back to confirm").fill("roll back")
    dialog.get_by_role("button", name="Roll back").click()
    expect(page.locator("#live")).to_contain_text("rolling back")
    for edge in edges:  # the last wave had opened: whoever was offered the version returns, whether it has it or not
        install(edge, before)
    expect(page.locator("#live")).to_contain_text("rolled back")
    picture("back")
    assert Rollout.objects.latest("created_at").state == RolloutState.ROLLED_BACK
    assert set(EdgeSlot.objects.values_list("active_version", flat=True)) == {"1.0.0"}

"""The guides: every command in them is run, in order and as it stands, against a hub; what they show must come out."""

import os
import re
import shutil
import subprocess

import pytest
from django.conf import settings as django_settings
from django.core.files.storage import storages

from accounts.actions import access_key, token
from deployments.actions import edge_server as edge_verbs
from deployments.actions import rollout as rollout_verbs
from deployments.models import EdgeSlot, ModelDeployment
from learning.models import UploadBatch
from tests import people
from tests.factories.accounts import OrganizationFactory
from tests.factories.deployments import EdgeServerFactory, released_version
from tests.factories.learning import picture, pune, vehicles
from tests.factories.world import world

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not shutil.which("jq"), reason="jq is not installed: the guides use it"),
]

GUIDES = django_settings.BASE_DIR / "docs" / "guides"
STEP = re.compile(r"^```sh\n(.*?)^```\n(?:```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
SAYS_ALL = "set -euo pipefail\n"


def followed(guide, folder, **names):
    """Run a guide's commands in one shell, each block after the other; answers what each said."""
    steps = STEP.findall((GUIDES / guide).read_text())
    assert len(steps) > 2
    script = SAYS_ALL + "".join(f"echo ---step---\n{commands}" for commands, _ in steps)
    environment = {**os.environ, "NO_PROXY": "*", **names}
    done = subprocess.run(
        ["bash", "-c", script],
        check=False,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    said = done.stdout.split("---step---\n")[1:]
    for (commands, shown), output in zip(steps, said, strict=True):
        pattern = ".*".join(re.escape(part) for part in shown.split("…"))
        assert re.fullmatch(pattern, output, re.DOTALL) or not shown, f"{commands}\nshows\n{shown}\nand said\n{output}"
    return said


@pytest.fixture
def hub(live_server, settings):
    """Answer where the hub is, from which a file store is served too."""
    objects = settings.STORAGES["objects"]
    if "location" in objects["OPTIONS"]:
        options = {**objects["OPTIONS"], "public_url": live_server.url}
        settings.STORAGES = {**settings.STORAGES, "objects": {**objects, "OPTIONS": options}}
        storages._storages = {}
    return live_server.url


def test_a_city_brings_a_sample(hub, tmp_path):
    module, city = vehicles(), pune()
    (tmp_path / "plate.jpg").write_bytes(picture(kind="JPEG"))
    key = access_key.issue(city.user, by=None)[1]
    followed("city.md", tmp_path, HUB=hub, KEY=key, CITY=city.slug, MODULE=module.slug)
    assert UploadBatch.objects.get().counts()["accepted"] == 1


def test_an_edge_server_takes_a_model(hub, tmp_path):
    version = released_version(organization=None)
    edge, code, root = edge_verbs.add("crossing-1", by=people.ada(), organization=people.acme(), modules=[version.module])
    rollout_verbs.start(version, by=people.bo(), edges=[edge])
    followed("edge.md", tmp_path, HUB=hub, CODE=code, ROOT=root)
    assert ModelDeployment.objects.get().status == "completed"
    assert edge.slots.get().active_version == version.version


def test_a_phone_reads_how_things_stand(hub, tmp_path):
    made = world(people.acme())
    world(OrganizationFactory(slug="rival"))
    EdgeServerFactory(name="edge-acme-2", organization=people.acme())
    EdgeSlot.objects.filter(edge_server=made.edge).update(active_version="0.9.0")
    _, text = token.issue(by=people.olga(), name="phone", days=90)
    followed("mobile.md", tmp_path, HUB=hub, TOKEN=text)

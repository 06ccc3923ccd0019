"""What came in of every real set that has photos, drawn by the page of its dataset in Chromium: SHOTS=folder keeps the pictures.

They are other people's: look at them, and commit none. Photos that say who took them or where lose that first, as `cc-edge` and
every other client would have it.
"""

import os
from pathlib import Path

import pytest

from learning.models import LearningSample
from learning.stripping import stripped
from tests import people
from tests.browser.conftest import chromium, hub, open_as
from tests.long.test_dataset_imports import brought, files_of
from tests.long.test_formats import SETS, needs
from training.formats.base import is_image

__all__ = ["chromium", "hub", "open_as"]
pytestmark = [pytest.mark.long, pytest.mark.django_db(transaction=True)]
SHOWN = 24
DRAWN = [(slug, folder) for slug, folder, *_ in SETS if slug != "class_folders"]


@pytest.fixture
def shots(tmp_path, settings) -> Path:
    """Where pictures go: SHOTS, else nowhere that lasts."""
    settings.VAR = tmp_path / "var"
    folder = Path(os.environ.get("SHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.mark.parametrize(("slug", "folder"), DRAWN)
def test_boxes_lie_where_they_were_drawn(open_as, shots, slug, folder):
    ada, files = people.ada(), files_of(needs(folder))
    files = {name: stripped(content) if is_image(name) else content for name, content in files.items()}
    dataset = brought(ada, slug, "drawn", files).dataset
    boxes = [
        len((sample.truth or {}).get("boxes", ()))
        for sample in LearningSample.objects.filter(module=dataset.module).order_by("-id")[:SHOWN]
    ]
    if not boxes:
        pytest.skip("No photo of this set is here.")
    page = open_as(ada, f"/datasets/{dataset.pk}/", viewport={"width": 1600, "height": 1000}, device_scale_factor=2)
    page.wait_for_function("[...document.querySelectorAll('#samples img')].every((image) => image.complete)")
    assert page.locator("#samples .thumb").count() == len(boxes)
    assert page.locator("#samples svg rect").count() == sum(boxes)
    page.locator("#samples .thumbs").screenshot(path=shots / f"{slug}-{folder.replace('/', '-')}.png")

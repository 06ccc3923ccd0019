"""A dataset grows by files that are chosen in a browser, in parts that go on after a reload, and is verified by keys."""

import io
import re
import zipfile

import pytest
from playwright.sync_api import expect

from tests import people
from tests.browser.test_gallery import broken_rules, picture
from tests.factories import learning as made
from tests.factories import training as rooms
from training.actions import dataset as dataset_verbs
from training.actions import growing, summing
from training.actions import upload as verbs
from training.models import DatasetGrowth, DatasetUpload, TrainingDataset, TrainingSample

pytestmark = pytest.mark.django_db(transaction=True)

THIRD_PART = re.compile(r"[?&]part(Number)?=3(&|$)")
"""Where it is put, into a folder of the hub's or into S3."""


def archive(padding: int) -> bytes:
    """Some pictures, and bytes that make it several parts long."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(3):
            archive.writestr(f"photos/{number}.png", made.picture(number, (64, 64)))
        archive.writestr("padding.bin", bytes(padding))
    return out.getvalue()


@pytest.mark.usefixtures("_store_knows_the_portal")
def test_files_are_brought_in_parts_and_go_on_after_a_reload(open_as, folder, tmp_path):
    ada = people.ada()
    dataset = dataset_verbs.add(by=ada, name="street", module=rooms.module(ada))
    page = open_as(ada, f"/datasets/{dataset.pk}/grow/", forgives=422)
    files = page.get_by_label("Files", exact=True)
    files.set_input_files([
        {"name": "one.png", "mimeType": "image/png", "buffer": made.picture(90, (64, 64))},
        {"name": "broken.png", "mimeType": "image/png", "buffer": b"no picture"},
        {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"text"},
    ])  # fmt: skip
    expect(page.get_by_text("taken", exact=True)).to_be_visible()
    expect(page.get_by_text("not taken:")).to_have_count(2)
    assert TrainingSample.objects.count() == 1

    content = tmp_path / "many.zip"
    content.write_bytes(archive(2 * verbs.SMALL_PART))
    page.route(THIRD_PART, lambda route: route.abort("internetdisconnected"))
    files.set_input_files(content)
    expect(page.get_by_text("no connection; it goes on by itself")).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    upload = DatasetUpload.objects.get()
    assert {part.number for part in verbs.arrived(upload)} < {1, 2, 3}
    page.unroute(THIRD_PART)
    page.once("dialog", lambda dialog: dialog.accept())
    page.reload()
    page.get_by_label("Files", exact=True).set_input_files(content)
    page.get_by_text("being put together").or_(page.get_by_text("stored; a worker takes it in")).first.wait_for()
    assert DatasetUpload.objects.count() == 1
    verbs.assemble(upload.pk)
    expect(page.get_by_text("stored; a worker takes it in")).to_be_visible()
    assert not broken_rules(page)
    growing.run(DatasetGrowth.objects.get().pk)
    page.reload()
    expect(page.get_by_role("cell", name="done")).to_be_visible()
    picture(page, "dataset-grow", folder, is_whole=True)
    assert TrainingSample.objects.count() == 4


def test_a_dataset_is_verified_by_keys_and_shows_what_it_holds(open_as, folder):
    ada = people.ada()
    rooms.samples(ada, 12)
    version = rooms.frozen(ada, rooms.dataset_of(ada, name="Evening meters"), seed=7)
    dataset = TrainingDataset.objects.get(pk=version.dataset_id)
    summing.count_changed()
    page = open_as(ada, f"/datasets/{dataset.pk}/")
    assert not broken_rules(page)
    picture(page, "dataset-held", folder, is_whole=True)
    page.get_by_role("link", name="Verify").click()
    expect(page.get_by_text("12 labeled samples wait.")).to_be_visible()
    picture(page, "dataset-verify", folder, is_whole=True)
    assert not broken_rules(page)
    page.keyboard.press("4")
    page.keyboard.press("a")
    expect(page.get_by_text("11 labeled samples wait.")).to_be_visible()
    page.keyboard.press("r")
    page.keyboard.type("wrong label")
    page.keyboard.press("Enter")
    expect(page.get_by_text("10 labeled samples wait.")).to_be_visible()
    page.keyboard.press("u")
    expect(page.get_by_text("11 labeled samples wait.")).to_be_visible()
    kept = dataset.samples.get(is_verified=True)
    assert (str(kept.quality_score), kept.verified_by) == ("0.800", ada)
    page.goto(f"/datasets/{dataset.pk}/?split=test&labeled=yes")
    shown = dataset.samples.filter(sample__in=version.members.filter(split="test").values("sample")).count()
    expect(page.locator("#samples .thumb")).to_have_count(shown)

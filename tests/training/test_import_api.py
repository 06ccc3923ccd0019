"""`training/datasets/:id/import` and the pages of an import: as each user meets them."""

import hashlib

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from core.storage import store
from tests import people
from tests.pages import looking, text_of
from tests.training.test_dataset_api import DATASETS, client_of
from tests.training.test_import import archive, counts, empty, pictures, street
from training.actions import importing
from training.actions import upload as upload_verbs
from training.models import DatasetImport, UploadState

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_way_of_a_file_from_its_form_to_what_was_refused(client):
    ada = people.ada()
    dataset, api = empty(ada), client_of(ada)
    here = f"{DATASETS}/{dataset.pk}"
    file = SimpleUploadedFile("street.zip", archive(street()), "application/zip")
    begun = api.post(f"{here}/import", {"file": file, "as": "truth", "map": '{"tree": null}'}, format="multipart")
    assert (begun.status_code, begun.json()["state"]) == (202, "checking")
    row = f"{here}/imports/{begun.json()['id']}"
    assert api.post(f"{row}/confirm", {}, format="json").status_code == 409
    importing.run(begun.json()["id"])
    found = api.get(row).json()
    assert (found["state"], found["format"], found["map"], found["undecided"]) == (
        "checked",
        "coco",
        {"Car": "car", "tree": None},
        [],
    )
    assert api.post(f"{row}/confirm", {"map": {"Car": "lorry"}}, format="json").status_code == 422
    assert api.post(f"{row}/confirm", {"map": {"Car": "bus"}}, format="json").status_code == 202
    importing.run(begun.json()["id"])
    done = api.get(row).json()
    assert (done["state"], done["counts"]["accepted"], done["counts"]["reasons"]) == ("done", 3, {"image_missing": 1})
    assert counts(dataset) == (3, 3)
    answer = api.post(f"{row}/errors")
    assert answer.status_code == 200
    if answer.json()["url"].startswith("http://testserver"):
        assert b"images/absent.png" in b"".join(client.get(answer.json()["url"]).streaming_content)
    assert api.post(f"{row}/cancel").status_code == 409
    assert len(api.get(f"{here}/imports").json()["results"]) == 1
    for person in (people.rhea(), people.cy()):
        assert client_of(person).post(f"{row}/confirm", {}, format="json").status_code in (403, 404)


def test_an_upload_in_parts_is_imported_once_it_is_stored():
    ada = people.ada()
    dataset, api = empty(ada), client_of(ada)
    content = archive(street())
    upload, _ = upload_verbs.begin(dataset, by=ada, purpose="import", file_name="big.zip", size=len(content))
    asked = {"upload": str(upload.pk), "as": "prediction"}
    assert api.post(f"{DATASETS}/{dataset.pk}/import", asked, format="json").status_code == 409
    kept = importing.stored_object.store_bytes(content, kind="export", media_type="application/zip", metadata={"a": "b"})
    type(upload).objects.filter(pk=upload.pk).update(
        state=UploadState.STORED, object=kept, sha256=hashlib.sha256(content).hexdigest()
    )
    begun = api.post(f"{DATASETS}/{dataset.pk}/import", asked, format="json")
    assert (begun.status_code, begun.json()["file_name"], begun.json()["as"]) == (202, "big.zip", "prediction")
    cancelled = api.post(f"{DATASETS}/{dataset.pk}/imports/{begun.json()['id']}/cancel")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    importing.run(begun.json()["id"])
    assert kept.name not in {listed.name for listed in store().listing()}
    for body in ({}, {"upload": "x"}, {"upload": str(upload.pk), "as": "gospel"}, {"upload": str(dataset.pk)}):
        assert api.post(f"{DATASETS}/{dataset.pk}/import", body, format="json").status_code in (400, 404, 422)


def test_the_pages_lead_from_a_file_to_a_mapping_to_what_came_of_it():
    ada = people.ada()
    dataset, browser = empty(ada), looking(people.ada())
    new = reverse("training:imports", args=[dataset.pk])
    assert "Nothing imported yet" in text_of(browser.get(new))
    assert browser.post(new, {"taken_as": "truth", "empty": "verified_empty"}).status_code == 422
    file = SimpleUploadedFile("street.zip", archive(street()), "application/zip")
    sent = browser.post(new, {"file": file, "taken_as": "truth", "empty": "verified_empty"})
    job = DatasetImport.objects.get()
    here = reverse("training:import", args=[job.pk])
    assert sent["Location"] == here
    assert "Waits for a worker" in text_of(browser.get(here))
    importing.run(job.pk)
    shown = browser.get(here)
    assert all(
        words in text_of(shown) for words in ("One category is not decided yet", "There is no such image", "Import 3 records")
    )
    assert shown.content.decode().count("<rect") >= len(pictures(2))
    confirm = reverse("training:import-confirm", args=[job.pk])
    browser.post(confirm, {"category-0": "=car", "category-1": ""})
    assert "Say for each category" in text_of(browser.get(here))
    browser.post(confirm, {"category-0": "=car", "category-1": "-"})
    importing.run(job.pk)
    done = text_of(browser.get(here, headers={"HX-Request": "true"}))
    assert "What came of it" in done
    assert "left out" in done
    assert browser.post(reverse("training:import-errors", args=[job.pk])).status_code == 302
    assert looking(people.rhea()).get(here).status_code in (403, 404)

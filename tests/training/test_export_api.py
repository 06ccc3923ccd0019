"""Exporting over HTTP and by the page: asked for, watched, fetched, taken back; and who may not."""

import json

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.actions import access_key, announcing
from accounts.models import Event, Notification, Role
from tests import people
from tests.factories import training as make
from tests.factories.accounts import MachineFactory, UserFactory
from tests.pages import looking, said, text_of
from training.actions import exporting
from training.models import DatasetExport

pytestmark = pytest.mark.django_db


def client_of(user):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {access_key.issue(user, by=None)[1]}")
    return client


def address(dataset, rest=""):
    return f"/api/v1/training/datasets/{dataset.pk}/export{rest}"


def test_the_way_from_asking_to_the_file(client):
    ada = people.ada()
    make.samples(ada, 3)
    version = make.frozen(ada)
    api, here = client_of(ada), address(version.dataset)
    asked = {"format": "coco", "version": "v1.0.0"}
    begun = [api.post(here, asked, format="json", HTTP_IDEMPOTENCY_KEY="k") for _ in range(2)]
    assert [answer.status_code for answer in begun] == [202, 202]
    assert begun[0].json() == begun[1].json()
    said_first = begun[0].json()
    assert (said_first["state"], said_first["version"], said_first["by_split"], said_first["file"]) == (
        "pending",
        "v1.0.0",
        True,
        None,
    )
    one = f"{here}s/{said_first['id']}"
    assert api.post(f"{one}/download").status_code == 409
    exporting.build(said_first["id"])
    done = api.get(one).json()
    assert (done["state"], done["done"], done["progress_percent"]) == ("done", 3, 100)
    assert done["file"]["name"] == "meter-digits-v1.0.0-coco.json"
    signed = api.post(f"{one}/download").json()
    if "/store/" in signed["url"]:  # the hub's own; S3 is another server
        answer = client.get(signed["url"])
        assert len(json.loads(b"".join(answer.streaming_content))["images"]) == 3
        assert answer["Content-Disposition"] == f'attachment; filename="{done["file"]["name"]}"'
    assert [row["id"] for row in api.get(f"{here}s").json()["results"]] == [done["id"]]
    assert api.post(f"{one}/cancel").status_code == 409
    live = api.post(here, {"format": "coco", "with_images": True}, format="json").json()
    assert live["version"] is None
    assert api.post(f"{here}s/{live['id']}/cancel").json()["state"] == "cancelled"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"format": "pdf"}, 422),
        ({"format": "coco", "version": "v9.0.0"}, 404),
        ({"format": "coco", "version": "\x00"}, 400),
        ({"format": "coco", "version": "one"}, 404),
        ({"format": "coco", "by_split": True}, 422),
        ({"format": "coco", "with_images": "perhaps"}, 400),
    ],
)
def test_what_makes_no_sense_is_refused(body, status):
    ada = people.ada()
    assert client_of(ada).post(address(make.dataset_of(ada)), body, format="json").status_code == status


def test_nobody_else_sees_or_fetches_an_export():
    ada = people.ada()
    make.samples(ada, 1)
    export = exporting.build(exporting.ask(make.dataset_of(ada), by=ada, format="coco").pk)
    one = f"{address(export.dataset)}s/{export.pk}"
    rival = UserFactory(name="Rita", role=Role.SUPER_ADMIN, organization=people.acme())
    others = [people.rhea(), people.ann(), people.olga(), rival, MachineFactory(role=Role.PIPELINE)]
    for other in others:
        api = client_of(other)
        for answer in (
            api.get(one),
            api.post(f"{one}/download"),
            api.post(f"{one}/cancel"),
            api.get(f"{address(export.dataset)}s"),
        ):
            assert answer.status_code in (403, 404), (other, answer.status_code)
        assert api.post(address(export.dataset), {"format": "coco"}, format="json").status_code in (403, 404)
    for other in others[:-1]:
        page = looking(other)
        assert page.get(reverse("training:exports", args=[export.dataset_id])).status_code in (403, 404)
        assert page.post(reverse("training:export-download", args=[export.pk])).status_code in (302, 403, 404)
    own = make.dataset_of(ada, name="of-acme", organization=people.acme())
    theirs = exporting.ask(own, by=ada, format="coco")
    assert client_of(rival).get(f"{address(own)}s/{theirs.pk}").status_code == 200
    petty = UserFactory(name="Rob", role=Role.SUPER_ADMIN, organization=people.petty())
    assert client_of(petty).get(f"{address(own)}s/{theirs.pk}").status_code == 404


def test_who_asked_is_told_when_it_can_be_fetched_and_led_to_it():
    ada, bo = people.ada(), people.bo()
    make.samples(ada, 1)
    export = exporting.build(exporting.ask(make.dataset_of(ada), by=ada, format="coco").pk)
    announcing.announce()
    told = Notification.objects.filter(topic="export.completed")
    assert [row.user_id for row in told] == [ada.pk]
    opened = looking(ada).post(reverse("accounts:notification-open", args=[told[0].pk]), follow=True)
    assert opened.redirect_chain[-1][0].endswith(f"/export/#export-{export.pk}")
    assert f'id="export-{export.pk}"' in text_of(opened)
    assert not bo.notifications.filter(topic="export.completed").exists()
    assert looking(people.ann()).get(reverse("training:export", args=[export.pk])).status_code in (403, 404)


def test_who_asked_is_told_that_it_failed():
    ada = people.ada()
    make.samples(ada, 1)
    export = exporting.ask(make.dataset_of(ada), by=ada, format="coco")
    DatasetExport.objects.filter(pk=export.pk).update(tries=exporting.MOST_TRIES)
    assert exporting.build(export.pk) is None
    announcing.announce()
    assert Event.objects.get(verb="fail").facts["asked_for_by"] == ada.pk
    assert ada.notifications.filter(topic="export.failed").count() == 1


def test_the_page_begins_shows_and_hands_over():
    ada = people.ada()
    make.samples(ada, 2)
    version = make.frozen(ada)
    browser, here = looking(ada), reverse("training:exports", args=[version.dataset_id])
    assert "Nothing exported yet" in text_of(browser.get(here))
    asked = {"format": "coco", "version": str(version.pk), "by_split": "on", "with_images": "on"}
    response = browser.post(here, asked, follow=True)
    assert said(response) == ["The export was begun; it stands first in the list."]
    assert "Waits for a worker." in text_of(response)
    assert 'hx-trigger="every 2s"' in text_of(response)
    export = DatasetExport.objects.get()
    exporting.build(export.pk)
    moved = text_of(browser.get(here, headers={"HX-Request": "true"}))
    assert "<html" not in moved
    assert "Download" in moved
    assert "hx-trigger" not in moved
    answer = browser.post(reverse("training:export-download", args=[export.pk]))
    assert "meter-digits-v1.0.0-coco.zip" in answer["Location"]
    assert "pdf is not one of the available choices" in text_of(browser.post(here, {"format": "pdf"}))
    second = exporting.ask(version.dataset, by=ada, format="coco")
    response = browser.post(reverse("training:export-cancel", args=[second.pk]), follow=True)
    assert said(response) == ["The export was taken back; nothing of it is kept."]

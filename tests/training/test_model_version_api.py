"""`/api/v1/training/models`."""

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from accounts.actions import access_key
from tests import people
from tests.factories.training_models import FrozenVersionFactory, ModelVersionFactory, ModuleFactory
from training import trust
from training.models import ModelStatus

pytestmark = pytest.mark.django_db
MODELS = "/api/v1/training/models"


def client_of(user):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {access_key.issue(user, by=None)[1]}")
    return client


def test_the_way_from_draft_to_release():
    version = ModelVersionFactory(dataset_version=FrozenVersionFactory())
    ada, bo, here = client_of(people.ada()), client_of(people.bo()), f"{MODELS}/{version.pk}"
    evaluated = ada.post(f"{here}/evaluate", {}, format="json")
    assert (evaluated.status_code, evaluated.json()["split"]) == (201, "test")
    refused = ada.post(f"{here}/approve", {"notes": "mine"}, format="json")
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:command-centre:four_eyes")
    assert "another person" in refused.json()["detail"]
    approved = bo.post(f"{here}/approve/", {"notes": "fine"}, format="json").json()
    assert (approved["status"], approved["approved_by"], approved["approval_notes"]) == ("approved", people.bo().pk, "fine")
    released = ada.post(f"{here}/release", {"release_notes": "first"}, format="json")
    assert (released.status_code, released.json()["status"], released.json()["is_active"]) == (200, "released", True)
    assert ada.post(f"{here}/release", {}, format="json").status_code == 409
    assert ada.post(f"{here}/activate", format="json").status_code == 409
    deprecated = ada.post(f"{here}/deprecate", {"reason": "2.0.0 is better"}, format="json").json()
    assert (deprecated["status"], deprecated["standing"]) == ("deprecated", "archived")


def test_a_release_that_awaits_its_signature_is_202():
    trust.init()
    (settings.TRUST_DIR / "keys" / "targets.pem").unlink()
    version = ModelVersionFactory(status=ModelStatus.APPROVED)
    answer = client_of(people.bo()).post(f"{MODELS}/{version.pk}/release", {}, format="json")
    assert (answer.status_code, answer.json()["awaiting_signatures"], answer.json()["status"]) == (202, "0/1", "approved")


def test_a_refusal_needs_a_reason():
    version = ModelVersionFactory(status=ModelStatus.TESTING)
    bo = client_of(people.bo())
    assert bo.post(f"{MODELS}/{version.pk}/refuse", {}, format="json").status_code == 422
    assert bo.post(f"{MODELS}/{version.pk}/refuse", {"reason": "misreads 7"}, format="json").json()["status"] == "draft"


def test_evaluating_on_a_named_version():
    version, frozen = ModelVersionFactory(), FrozenVersionFactory()
    ada = client_of(people.ada())
    named = {"dataset_id": frozen.dataset_id, "dataset_version": "v1.0.0", "split": "validation"}
    assert ada.post(f"{MODELS}/{version.pk}/evaluate", named, format="json").status_code == 201
    other = {**named, "dataset_version": "v9.0.0"}
    assert ada.post(f"{MODELS}/{version.pk}/evaluate", other, format="json").status_code == 404
    half = {"dataset_id": frozen.dataset_id}
    assert ada.post(f"{MODELS}/{version.pk}/evaluate", half, format="json").status_code == 400


def test_the_list_is_paged_and_filtered():
    versions = [ModelVersionFactory() for _ in range(3)]
    plates = ModelVersionFactory(module=ModuleFactory(slug="plates"), status=ModelStatus.RELEASED)
    ada = client_of(people.ada())
    first = ada.get(MODELS, {"page_size": 3, "ai_module": "meter_digits"}).json()
    assert [row["id"] for row in first["results"]] == [str(version.pk) for version in reversed(versions)]
    assert first["next"] is None
    page = ada.get(MODELS, {"page_size": 2}).json()
    rest = ada.get(f"{MODELS}/", {"page_size": 2, "cursor": page["next"]}).json()
    assert len({row["id"] for row in page["results"] + rest["results"]}) == 4
    assert [row["id"] for row in ada.get(MODELS, {"status": "released"}).json()["results"]] == [str(plates.pk)]
    assert ada.get(MODELS, {"status": "a\x00b"}).status_code == 404
    assert ada.get(MODELS, {"cursor": "bm8"}).status_code == 400


def test_the_list_takes_as_many_queries_for_many_as_for_one(django_assert_num_queries):
    ada = client_of(people.ada())
    for count in (1, 5):
        for _ in range(count):
            ModelVersionFactory()
        ada.get(MODELS)  # marks the key's use
        with django_assert_num_queries(2):
            ada.get(MODELS)


def test_an_organization_sees_its_own_and_global_versions_without_people_and_notes():
    shared = ModelVersionFactory(status=ModelStatus.APPROVED, approval_notes="secret")
    ModelVersionFactory(organization=people.petty())
    own = ModelVersionFactory(organization=people.acme())
    olga = client_of(people.olga())
    rows = olga.get(MODELS).json()["results"]
    assert {row["id"] for row in rows} == {str(shared.pk), str(own.pk)}
    assert not {"approved_by", "requested_by", "approval_notes", "notes"} & set(rows[0])
    assert olga.get(f"{MODELS}/{shared.pk}").json()["card"] == shared.card


def test_who_may_do_what():
    version = ModelVersionFactory(status=ModelStatus.TESTING)
    verbs = ["approve", "refuse", "release", "activate", "deprecate", "evaluate"]
    for who, reading in ((people.olga, 200), (people.rhea, 403), (people.ann, 403), (people.cy, 403), (people.pia, 403)):
        client = client_of(who())
        assert client.get(f"{MODELS}/{version.pk}").status_code == reading
        for verb in verbs:
            assert client.post(f"{MODELS}/{version.pk}/{verb}", {}, format="json").status_code == 403
    assert APIClient().get(MODELS).status_code == 401


@pytest.mark.parametrize("name", ["x", "00000000-0000-0000-0000-000000000000", "zzzzzzzz-0000-0000-0000-000000000000"])
def test_what_is_not_there_is_404(name):
    assert client_of(people.ada()).get(f"{MODELS}/{name}").status_code == 404


def test_the_active_model_is_the_own_organizations_before_everybodys():
    shared = ModelVersionFactory(status=ModelStatus.RELEASED, is_active=True, evaluation={"accuracy": 0.9})
    ada, olga = client_of(people.ada()), client_of(people.olga())
    where = {"ai_module": "meter_digits"}
    told = ada.get(f"{MODELS}/active", where).json()
    assert (told["id"], told["evaluation"], told["standing"]) == (str(shared.pk), {"accuracy": 0.9}, "active")
    assert told["supported_platforms"] == []
    assert olga.get(f"{MODELS}/active/", where).json()["id"] == str(shared.pk)
    own = ModelVersionFactory(status=ModelStatus.RELEASED, is_active=True, organization=people.acme())
    ModelVersionFactory(status=ModelStatus.RELEASED, is_active=True, organization=people.petty())
    assert olga.get(f"{MODELS}/active", where).json()["id"] == str(own.pk)
    assert ada.get(f"{MODELS}/active", where).json()["id"] == str(shared.pk)
    assert olga.get(f"{MODELS}/active", {**where, "user_id": "u-1"}).status_code == 404
    assert olga.get(f"{MODELS}/active").status_code == 400
    assert olga.get(f"{MODELS}/active", {"ai_module": "a\x00"}).status_code == 400
    assert client_of(people.ann()).get(f"{MODELS}/active", where).status_code == 403
    assert olga.put(f"{MODELS}/{own.pk}", {"name": "mine"}, format="json").status_code == 403
    assert ada.put(f"{MODELS}/{own.pk}", {"name": 7}, format="json").status_code == 400
    assert ada.delete(f"{MODELS}/{own.pk}").status_code == 405


def test_reading_a_version_is_one_statement(django_assert_num_queries):
    version, ada = ModelVersionFactory(), client_of(people.ada())
    ada.get(f"{MODELS}/{version.pk}")
    with django_assert_num_queries(2):  # the key's is the other one: it is not believed for a while in tests
        assert ada.get(f"{MODELS}/{version.pk}").json()["version"] == version.version

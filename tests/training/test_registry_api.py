"""What pages of the registry show is in the API too: lineage both ways, field figures, gates, signing requests."""

import pytest
from django.conf import settings
from django.utils import timezone

from tests import people
from tests.factories import training as factory
from tests.factories.training_models import FrozenVersionFactory, ModelVersionFactory
from tests.training.holders import Holder
from tests.training.test_model_version_api import MODELS, client_of
from training import trust
from training.actions import model_version, signing
from training.models import DatasetMember, ModelStatus, Split

pytestmark = pytest.mark.django_db
API = "/api/v1/training"


def test_lineage_goes_both_ways_and_names_what_was_erased():
    ada = people.ada()
    module = factory.module(ada)
    city, frozen = factory.city(ada), FrozenVersionFactory(dataset__module=module)
    samples = [factory.sample(module, city, number) for number in range(3)]
    for number, sample in enumerate(samples):
        erased = timezone.now() if number == 2 else None
        DatasetMember.objects.create(version=frozen, sample=sample, split=Split.TRAIN, erased_at=erased)
    first = ModelVersionFactory(module=module)
    second = ModelVersionFactory(module=module, base_version=first, dataset_version=frozen)
    third = ModelVersionFactory(module=module, base_version=second)
    told = client_of(ada).get(f"{MODELS}/{second.pk}/lineage", {"page_size": 2}).json()
    assert [row["id"] for row in told["forebears"]] == [str(first.pk)]
    assert [row["id"] for row in told["offspring"]] == [str(third.pk)]
    assert [row["sample_id"] for row in told["erased"]] == [samples[2].sample_id]
    assert (len(told["samples"]), told["origin"], told["dataset_version"]) == (2, {"kind": "training"}, str(frozen))
    rest = client_of(ada).get(f"{MODELS}/{second.pk}/lineage", {"page_size": 2, "cursor": told["next"]}).json()
    assert [row["sample_id"] for row in rest["samples"]] == [samples[2].sample_id]
    assert rest["next"] is None
    field = client_of(ada).get(f"{MODELS}/{second.pk}/field").json()
    assert (field["field"], field["version"]) == ([], second.version)


def test_a_gate_is_replaced_and_judges():
    version = ModelVersionFactory(status=ModelStatus.TESTING)
    ada, here = client_of(people.ada()), f"{API}/gates/{version.module.slug}"
    assert ada.get(here).json() == {"ai_module": "meter_digits", "rules": []}
    rules = [{"measure": "accuracy", "kind": "at_least", "value": 0.9}]
    assert ada.put(here, {"rules": rules}, format="json").json()["rules"] == rules
    refused = ada.put(here, {"rules": [{"measure": "luck", "kind": "at_least", "value": 1}]}, format="json")
    assert (refused.status_code, refused.json()["errors"]) == (422, {"rules.1": ["unknown measure"]})
    told = ada.get(f"{MODELS}/{version.pk}/gate").json()
    assert (told["is_green"], told["verdicts"][0]["is_green"], told["at_approval"]) == (False, False, None)
    assert ada.get(f"{API}/gates/nothing").status_code == 404


def test_signatures_are_asked_for_and_brought_by_the_api(tmp_path, monkeypatch):
    cleo = Holder(tmp_path, "Cleo", monkeypatch)
    public = trust.read_public(cleo.key("release"))
    trust.init()
    signing.rotate("targets", trust.Holders((public,)), by=None)
    (tmp_path / "asked.json").write_bytes(trust.request_file())
    cleo.sign(tmp_path / "asked.json", "release")
    model_version.admit_signature((cleo.folder / "signed.json").read_bytes(), by=None, signers=trust.at_hand())
    (settings.TRUST_DIR / "keys" / "targets.pem").unlink()
    version = ModelVersionFactory(status=ModelStatus.APPROVED)
    bo = client_of(people.bo())
    assert bo.post(f"{MODELS}/{version.pk}/release", {}, format="json").status_code == 202
    asked = bo.get(f"{API}/signing-requests").json()["results"][0]
    assert (asked["state"], asked["standing"], asked["wanted"][0]["able"]) == ("open", "0/1", ["Cleo's release key"])
    here = f"{API}/signing-requests/{asked['id']}"
    (tmp_path / "asked.json").write_bytes(bo.get(f"{here}/file").content)
    signed = cleo.sign(tmp_path / "asked.json", "release").read_bytes()
    assert bo.post(f"{here}/signatures", b"{}", content_type="application/json").status_code == 422
    done = bo.post(f"{here}/signatures/", signed, content_type="application/octet-stream").json()
    assert (done["state"], done["released"], done["wanted"]) == ("published", [str(version.pk)], [])
    assert bo.get(f"{here}/file").status_code == 409
    assert bo.get(f"{API}/signing-requests/999999").status_code == 404


def test_a_deprecated_version_is_withdrawn_for_a_reason():
    version = ModelVersionFactory(status=ModelStatus.APPROVED)
    bo = client_of(people.bo())
    bo.post(f"{MODELS}/{version.pk}/release", {}, format="json")
    assert bo.post(f"{MODELS}/{version.pk}/deprecate", {"reason": " "}, format="json").status_code == 422
    assert bo.post(f"{MODELS}/{version.pk}/deprecate", {"reason": "weak"}, format="json").json()["deprecation_reason"] == "weak"
    assert bo.post(f"{MODELS}/{version.pk}/withdraw", {"reason": "misreads 7"}, format="json").status_code == 200
    assert bo.post(f"{MODELS}/{version.pk}/withdraw", {"reason": "misreads 7"}, format="json").status_code == 409

"""A model that was trained elsewhere comes into the registry as a draft; what is refused leaves nothing but a sentence."""

import hashlib
import json
import sys
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from onnx import TensorProto, helper, numpy_helper

from accounts.models import Role
from core.errors import Conflict, Invalid, Refused
from core.storage import ObjectMissing, store
from learning.models import StoredObject
from tests import people
from tests.core.test_storage import Sender
from tests.edge import bundles
from tests.factories import training as factory
from tests.factories.accounts import OrganizationFactory, UserFactory
from tests.factories.training_models import FrozenVersionFactory
from tests.training.test_admission import constant, network
from training import admitting
from training.actions import model_version
from training.actions import registration as verbs
from training.models import ModelRegistration, ModelVersion, RegistrationState

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/api/v1/training/models/registrations"
FACTS = {"name": "Darkness", "source": "https://models.example/darkness", "licence": "CC BY 4.0"}
CONFIG = {"preprocessing": bundles.STEPS}


@pytest.fixture
def ada():
    return people.ada()


@pytest.fixture
def module(ada):
    return factory.module(ada, slug="digits", labels=("dark", "light"))


@pytest.fixture
def brought(ada, module, tmp_path):
    """Register some bytes as Ada does at the hub's command line; answers the row once it has ended."""

    def bring(content, *, config=CONFIG, **changes):
        path = tmp_path / "darkness.onnx"
        path.write_bytes(content)
        row = verbs.bring(module, path, by=ada, config=config, **{**FACTS, **changes})
        row.sent_as = row.object_name
        verbs.check(row.pk)
        row.refresh_from_db()
        return row

    return bring


@pytest.fixture
def api(client, ada, module):
    """Speaks to the registrations as Ada's page does."""
    client.force_login(ada)

    def speak(method, path="", body=None):
        answer = client.generic(method, f"{URL}{path}", *([json.dumps(body), "application/json"] if body is not None else []))
        return answer.status_code, answer.json() if answer.content else None

    return speak


def asked(content, **changes):
    md5 = hashlib.md5(content).hexdigest()
    return {
        "ai_module": "digits",
        "file_name": "d.onnx",
        "size": len(content),
        "md5": md5,
        **FACTS,
        "config": CONFIG,
        **changes,
    }


def is_gone(name) -> bool:
    """Tell whether the store has no such object; other tests' objects may lie beside it."""
    try:
        store().stat(name)
    except ObjectMissing:
        return True
    return False


def nothing_is_left(row) -> bool:
    """Tell whether neither a version nor an object, nor the file that came, is there."""
    return (
        not ModelVersion.objects.exists()
        and not StoredObject.objects.exists()
        and is_gone(row.sent_as)
        and row.object_name == ""
    )


def test_from_the_signed_upload_to_a_draft(api, client, ada):
    content = bundles.onnx_model()
    status, begun = api("POST", body=asked(content, version="2.3.1"))
    assert (status, begun["state"], begun["model_version"]) == (201, "open", None)
    assert api("POST", f"/{begun['id']}/complete")[0] == 409  # nothing has arrived
    upload = begun["upload"]
    assert Sender(client)(upload["method"], upload["url"], upload["headers"], content)[0] == 200
    status, checking = api("POST", f"/{begun['id']}/complete")
    assert (status, checking["state"], checking["upload"]) == (202, "checking", None)
    assert api("POST", f"/{begun['id']}/complete/")[0] == 202  # twice is success
    sent_as = ModelRegistration.objects.get().object_name
    made = verbs.check(begun["id"])
    status, done = api("GET", f"/{begun['id']}")
    assert (done["state"], done["model_version"]) == ("registered", str(made.pk))
    assert done["sha256"] == hashlib.sha256(content).hexdigest()
    assert {answer["label"] for answer in done["answers"]} <= {"dark", "light"}
    assert (made.status, made.version, made.name, made.requested_by, made.trainer_name) == (
        "draft",
        "2.3.1",
        "Darkness",
        ada,
        "external",
    )
    assert "CC BY 4.0" in made.card
    assert StoredObject.objects.filter(delete_at=None).count() == 2
    assert verbs.check(begun["id"]) is None
    assert is_gone(sent_as)  # as it came; what is kept is the bundle and its config
    assert api("GET")[1]["results"][0]["id"] == begun["id"]


def test_a_bundle_goes_the_usual_way_and_its_bringer_cannot_approve_it(brought, ada, tmp_path):
    row = brought(bundles.bundle_bytes(tmp_path), config=None)
    assert (row.state, row.error_message) == ("registered", "")
    version = row.model_version
    with pytest.raises(Invalid, match="name one to evaluate it on"):
        model_version.evaluate(version, by=ada)
    frozen = FrozenVersionFactory(dataset__module=row.module)
    assert model_version.evaluate(version, by=ada, dataset_version=frozen).evaluated_version == version
    version.refresh_from_db()
    assert version.status == "testing"
    with pytest.raises(Refused, match="another person"):
        model_version.approve(version, by=ada)
    model_version.approve(version, by=people.bo())
    assert model_version.release(version, by=ada).is_active


def test_what_the_file_holds_may_be_refused_and_leaves_nothing(brought):
    row = brought(constant([float("nan"), 1.0]))
    assert (row.state, row.error_message) == ("failed", "The model answers a sample with what is no number (NaN or infinity).")
    assert nothing_is_left(row)


def test_what_no_row_can_hold_is_a_sentence_and_not_tried_for_ever(brought, tmp_path):
    row = brought(bundles.bundle_bytes(tmp_path, card="# Card\0"), config=None)
    assert (row.state, row.error_message) == ("failed", "MODEL_CARD.md is text of 100,000 characters at most.")
    assert nothing_is_left(row)


def endless() -> bytes:
    """A network that counts for ever."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Sin", ["v"], ["w"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v", TensorProto.FLOAT, [1, 16]),
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("w", TensorProto.FLOAT, [1, 16]),
        ],
    )
    return network(
        ("Loop", ["", "", "x"], ["probabilities"], {"body": body}), answers=("probabilities", TensorProto.FLOAT, [1, 16])
    )


def greedy() -> bytes:
    """A network that asks for a tebibyte."""
    import numpy as np

    shape = numpy_helper.from_array(np.array([1 << 20, 1 << 18], dtype=np.int64), "shape")
    return network(
        ("ReduceMean", ["x"], ["mean"], {"keepdims": 1}),
        ("Expand", ["mean", "shape"], ["much"]),
        ("ReduceMean", ["much"], ["probabilities"], {"keepdims": 1}),
        weights=[shape],
        answers=("probabilities", TensorProto.FLOAT, [1, 1]),
    )


def test_a_network_that_does_not_end_is_stopped(brought, settings):
    settings.MODEL_CHECK_SECONDS = 2
    row = brought(endless())
    assert row.error_message == "Looking at the model was stopped. It took longer than its limit of 2 seconds."
    assert nothing_is_left(row)


def test_a_network_that_wants_too_much_memory_is_refused(brought):
    row = brought(greedy())
    assert row.error_message == "The model needs more memory than there is for looking at one."
    assert nothing_is_left(row)


def test_a_network_that_brings_its_program_down_is_refused(brought, monkeypatch):
    crash = (sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    monkeypatch.setattr(admitting, "COMMAND", crash)
    row = brought(bundles.onnx_model())
    assert row.error_message == "The model brought down the program that looked at it (signal 11)."
    assert nothing_is_left(row)


def test_a_worker_that_was_killed_leaves_it_to_the_next(api, ada, module, tmp_path):
    path = tmp_path / "d.onnx"
    path.write_bytes(bundles.onnx_model())
    row, same = (verbs.bring(module, path, by=ada, config=CONFIG, **FACTS) for _ in range(2))
    path.write_bytes(bundles.onnx_model(2))
    late = verbs.bring(module, path, by=ada, config=CONFIG, version="1.0.0", **FACTS)
    ModelRegistration.objects.filter(pk=row.pk).update(token="killed", beat_at=timezone.now())
    assert verbs.check(row.pk) is None  # it may be alive
    ModelRegistration.objects.filter(pk=row.pk).update(beat_at=timezone.now() - timedelta(minutes=2))
    assert verbs.check(row.pk).version == "1.0.0"
    assert [verbs.check(other.pk) for other in (same, late)] == [None, None]
    told = dict(ModelRegistration.objects.values_list("pk", "error_message"))
    assert told[same.pk] == "This very model is registered already, as digits 1.0.0."
    assert told[late.pk] == "There is a version 1.0.0 of digits already."
    assert api("POST", body=asked(b"x", version="1.0.0"))[0] == 409


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"size": 10**12}, 422, "has 1 to 209,715,200 bytes"),
        ({"source": " "}, 400, ""),
        ({"licence": ""}, 400, ""),
        ({"md5": "no"}, 400, ""),
        ({"version": "one"}, 422, "three numbers"),
        ({"user_id": "../x"}, 422, "A user_id is"),
        ({"config": {"script": "x"}}, 422, "config holds labels, output"),
        ({"config": [1]}, 422, "config holds labels, output"),
        ({"config": {"labels": ["purple"], "preprocessing": bundles.STEPS}}, 422, "no label 'purple'"),
        ({"ai_module": "nothing"}, 404, ""),
        ({"organization_id": 999_999}, 404, ""),
    ],
)
def test_what_cannot_be_begun_is_refused_with_a_sentence(api, changes, status, words):
    got, told = api("POST", body=asked(b"x", **changes))
    assert got == status
    assert words in told["detail"]
    assert not ModelRegistration.objects.exists()


def test_what_is_never_sent_expires_and_what_is_cancelled_is_over(api):
    kept, given_up = (api("POST", body=asked(b"x"))[1]["id"] for _ in range(2))
    assert api("DELETE", f"/{given_up}")[0] == 204
    assert api("DELETE", f"/{given_up}")[0] == 204
    assert api("POST", f"/{given_up}/complete")[0] == 409
    ModelRegistration.objects.filter(pk=kept).update(expires_at=timezone.now() - timedelta(seconds=1))
    verbs.sweep()
    states = dict(ModelRegistration.objects.values_list("pk", "state"))
    assert set(states.values()) == {RegistrationState.CANCELLED, RegistrationState.EXPIRED}
    verbs.sweep()
    assert set(ModelRegistration.objects.values_list("object_name", flat=True)) == {""}


def test_a_customer_on_the_professional_plan_has_no_models_of_its_own(ada, module):
    facts = {**FACTS, "file_name": "d.onnx", "size": 1, "md5": 32 * "0"}
    with pytest.raises(Refused, match="no models of its own"):
        verbs.begin(module, by=ada, organization=people.petty(), **facts)
    own = verbs.begin(module, by=ada, organization=people.acme(), **facts)
    assert own.organization == people.acme()
    for _ in range(verbs.MOST_OPEN - 1):
        verbs.begin(module, by=ada, **facts)
    with pytest.raises(Conflict, match="wait for their file"):
        verbs.begin(module, by=ada, **facts)


@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.SUPER_ADMIN, Role.CITY, Role.EDGE, Role.PIPELINE)])
def test_only_a_super_admin_registers(client, role, ada, module):
    made = verbs.begin(module, by=ada, file_name="d.onnx", size=1, md5=32 * "0", **FACTS)
    own = OrganizationFactory(slug="acme") if role in (Role.ORGANIZATION_ADMIN, Role.MEMBER) else None
    client.force_login(UserFactory(name="Somebody", role=role, organization=own))
    for method, path in (
        ("GET", ""),
        ("POST", ""),
        ("GET", f"/{made.pk}"),
        ("DELETE", f"/{made.pk}"),
        ("POST", f"/{made.pk}/complete"),
    ):
        assert client.generic(method, f"{URL}{path}").status_code == 403


def test_the_command_prints_the_version_or_the_sentence(ada, module, tmp_path, capsys):
    path, config = tmp_path / "d.onnx", tmp_path / "config.json"
    path.write_bytes(bundles.onnx_model())
    config.write_text(json.dumps(CONFIG))
    told = ["--module", "digits", "--by", ada.email, "--source", "a friend", "--licence", "MIT"]
    call_command("registermodel", path, *told, "--config", config, "--json")
    assert json.loads(capsys.readouterr().out)["state"] == "registered"
    config.write_text("{")
    with pytest.raises(CommandError, match="no JSON file"):
        call_command("registermodel", path, *told, "--config", config)
    with pytest.raises(CommandError, match="There is no file"):
        call_command("registermodel", tmp_path / "nothing", *told)
    with pytest.raises(CommandError, match="nobody with the address"):
        call_command("registermodel", path, "--module", "digits", "--by", "x@y", "--source", "a", "--licence", "b")

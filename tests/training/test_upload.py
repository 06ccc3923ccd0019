"""A large file comes in parts, straight into the store; what is interrupted anywhere goes on, and what is never completed goes."""

import hashlib
import json
from datetime import timedelta

import pytest
from django.utils import timezone

from core.storage import ObjectMissing, reading, store
from learning.models import ObjectKind
from tests import people
from tests.core.test_storage import Sender
from tests.factories import training as factory
from training.actions import dataset as dataset_verbs
from training.actions import upload as verbs
from training.models import DatasetUpload, UploadState

pytestmark = pytest.mark.django_db(transaction=True)

CONTENT = bytes(range(256)) * (verbs.SMALL_PART // 256) + b"and the rest"
JSON = "application/json"


@pytest.fixture
def ada():
    return people.ada()


@pytest.fixture
def dataset(ada):
    return dataset_verbs.add(by=ada, name="digits", module=factory.module(ada))


@pytest.fixture
def api(client, ada, dataset):
    """Speaks to the uploads of the dataset as Ada does in her browser."""
    client.force_login(ada)
    base = f"/api/v1/training/datasets/{dataset.pk}/uploads"

    def speak(method, path="", body=None):
        answer = client.generic(method, f"{base}{path}", *([json.dumps(body), JSON] if body is not None else []))
        return answer.status_code, answer.json() if answer.content else None

    return speak


def part_of(number: int) -> bytes:
    return CONTENT[(number - 1) * verbs.SMALL_PART : number * verbs.SMALL_PART]


def begun(api, **changes):
    facts = {"purpose": "import", "file_name": "boxes.zip", "size": len(CONTENT), "client_key": "boxes.zip:1", **changes}
    return api("POST", body=facts)


def sent(api, client, upload: str, number: int, content: bytes | None = None) -> int:
    content = part_of(number) if content is None else content
    asked = {"parts": [{"number": number, "md5": hashlib.md5(content).hexdigest()}]}
    status, signed = api("POST", f"/{upload}/parts", asked)
    assert status == 200
    request = signed["results"][0]["upload"]
    return Sender(client)("PUT", request["url"], request["headers"], content)[0]


def test_a_file_in_parts_goes_on_after_a_reload_and_becomes_one_object(api, client, ada):
    status, made = begun(api)
    assert (status, made["parts"], made["arrived"]) == (201, 2, [])
    assert sent(api, client, made["id"], 2) == 200
    status, refusal = api("POST", f"/{made['id']}/complete", {})
    assert (status, refusal["type"], refusal["missing"]) == (409, "urn:command-centre:parts_missing", [1])

    status, again = begun(api)  # the page was loaded anew
    assert (status, again["id"]) == (200, made["id"])
    assert [part["number"] for part in again["arrived"]] == [2]
    assert begun(api, size=7)[0] == 409
    assert sent(api, client, made["id"], 1) == 200
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    for _ in range(2):
        status, done = api("POST", f"/{made['id']}/complete", {"sha256": sha256})
        assert (status, done["state"]) == (202, "assembling")
    status, again = begun(api)  # chosen once more while it is put together
    assert (status, again["id"], again["state"]) == (200, made["id"], "assembling")

    row = verbs.assemble(made["id"])
    assert row is not None
    assert verbs.assemble(made["id"]) is None
    assert (row.state, row.object.sha256, row.object.size, row.object.kind) == (
        "stored",
        sha256,
        len(CONTENT),
        ObjectKind.EXPORT,
    )
    with reading(row.object.name) as stream:
        assert stream.read() == CONTENT
    assert api("POST", f"/{made['id']}/complete", {})[1]["object_id"] == str(row.object_id)
    assert api("DELETE", f"/{made['id']}")[0] == 409
    assert begun(api)[0] == 201  # the same file once more is another upload


def test_a_worker_that_was_killed_after_joining_is_followed_by_another(api, client):
    upload = begun(api, size=4)[1]["id"]
    sent(api, client, upload, 1, b"tiny")
    api("POST", f"/{upload}/complete", {})
    killed = verbs._claim(upload)
    verbs._joined(killed)
    assert verbs.assemble(upload) is None  # it may be alive
    DatasetUpload.objects.filter(pk=upload).update(beat_at=timezone.now() - timedelta(minutes=2))
    assert verbs.assemble(upload).state == UploadState.STORED
    with pytest.raises(verbs.LostUpload):
        verbs._seal(killed, "0" * 64, "")


def test_another_file_than_was_said_is_not_kept(api, client):
    upload = begun(api, size=4)[1]["id"]
    sent(api, client, upload, 1, b"tiny")
    api("POST", f"/{upload}/complete", {"sha256": "0" * 64})
    assert verbs.assemble(upload) is None
    row = DatasetUpload.objects.get(pk=upload)
    assert (row.state, "SHA-256" in row.error_message) == (UploadState.FAILED, True)
    verbs.sweep()
    with pytest.raises(ObjectMissing):
        store().stat(row.object_name)


def test_what_was_never_completed_expires_and_its_parts_go(api, client):
    left, given_up = begun(api)[1]["id"], begun(api, client_key="")[1]["id"]
    sent(api, client, left, 1)
    assert [api("DELETE", f"/{given_up}")[0] for _ in range(2)] == [204, 204]
    DatasetUpload.objects.filter(pk=left).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert api("POST", f"/{left}/parts", {"parts": [{"number": 1, "md5": "0" * 32}]})[0] == 409
    rows = {str(row.pk): (row.object_name, row.store_upload) for row in DatasetUpload.objects.all()}
    verbs.sweep()
    for name, upload in rows.values():
        with pytest.raises(ObjectMissing):
            store().parts_of(name, upload)
    assert {row.state for row in DatasetUpload.objects.filter(store_upload="")} == {"expired", "aborted"}


def test_bounds_and_strangers(api, client, ada, settings):
    assert begun(api, size=settings.UPLOAD_MAX_ARCHIVE_BYTES + 1)[0] == 422
    assert begun(api, purpose="video")[0] == 422
    assert begun(api, file_name="\n")[0] in (400, 422)
    upload = begun(api)[1]["id"]
    for asked in ([], [{"number": 3, "md5": "0" * 32}], [{"number": 1, "md5": "x"}]):
        assert api("POST", f"/{upload}/parts", {"parts": asked})[0] in (400, 422)
    for number in range(verbs.MOST_OPEN - 1):
        assert begun(api, client_key=str(number))[0] == 201
    assert begun(api, client_key="one more")[1]["type"].endswith("too_many_open")
    client.force_login(people.olga())
    assert api("GET", f"/{upload}")[0] in (403, 404)
    assert api("POST", f"/{upload}/complete", {})[0] in (403, 404)

"""The pages of signatures: the file out, the file back, and who may see them."""

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from core.errors import Invalid
from tests import people
from tests.factories.training_models import ModelVersionFactory
from tests.pages import looking, text_of
from tests.training.holders import Holder
from training import trust
from training.actions import model_version, signing
from training.models import ModelStatus, TrustDocument

pytestmark = pytest.mark.django_db


@pytest.fixture
def holder(tmp_path, monkeypatch):
    """The one who holds the release key, in a folder of her own."""
    cleo = Holder(tmp_path, "Cleo", monkeypatch)
    public = trust.read_public(cleo.key("release"))
    trust.init()
    signing.rotate("targets", trust.Holders((public,)), by=None)
    cleo.sign(write(tmp_path, trust.request_file()), "release")
    model_version.admit_signature((cleo.folder / "signed.json").read_bytes(), by=None, signers=trust.at_hand())
    (settings.TRUST_DIR / "keys" / "targets.pem").unlink()
    return cleo


def write(folder, content):
    (folder / "asked.json").write_bytes(content)
    return folder / "asked.json"


def bring(person, asked, content):
    sent = {"file": SimpleUploadedFile("signed.json", content)} if content is not None else {}
    return text_of(looking(person).post(reverse("training:signing-admit", args=[asked.pk]), sent, follow=True))


def test_a_file_goes_out_and_comes_back_signed(holder, tmp_path):
    bo = people.bo()
    version = ModelVersionFactory(status=ModelStatus.APPROVED)
    model_version.release(version, by=bo)
    asked = trust.opened()
    assert "Signatures awaited" in text_of(looking(bo).get("/"))
    assert "0/1" in text_of(looking(bo).get(reverse("training:signing-requests")))
    page = text_of(looking(bo).get(reverse("training:signing-request", args=[asked.pk])))
    assert version.file_name in page
    assert version.bundle.sha256 in page
    assert "Cleo" in page
    file = looking(bo).get(reverse("training:signing-file", args=[asked.pk]))
    assert "attachment" in file["Content-Disposition"]

    for content, sentence in ((None, "choose the signed file"), (b"{}", "no file that"), (file.content, "no new signature")):
        assert sentence in bring(bo, asked, content)
    signed = holder.sign(write(tmp_path, file.content), "release").read_bytes()
    assert "Complete: it is in force now. Released: Meter Digits" in bring(bo, asked, signed)
    version.refresh_from_db()
    assert version.status == ModelStatus.RELEASED
    assert "Nothing awaits" in bring(bo, asked, signed)
    assert looking(bo).get(reverse("training:signing-file", args=[asked.pk])).status_code == 409
    assert "Cleo" in text_of(looking(bo).get(reverse("training:signing-request", args=[asked.pk])))


def test_who_may_not_release_sees_no_signatures(holder):
    model_version.release(ModelVersionFactory(status=ModelStatus.APPROVED), by=people.bo())
    pk = trust.opened().pk
    for person in (people.ann(), people.rhea(), people.olga(), people.pia()):
        for name, args in (("signing-requests", []), ("signing-request", [pk]), ("signing-file", [pk])):
            assert looking(person).get(reverse(f"training:{name}", args=args)).status_code == 403
        assert looking(person).post(reverse("training:signing-admit", args=[pk])).status_code == 403
    assert looking(people.bo()).get(reverse("training:signing-request", args=[pk + 99])).status_code == 404


def test_what_was_not_renewed_in_time_stands_on_the_first_page(holder):
    def card():
        cards = looking(people.bo()).get("/").context["cards"]
        return next(card["value"] for card in cards if card["label"] == "Signed documents about to expire")

    assert card() == "0"
    TrustDocument.objects.filter(role="timestamp").update(expires_at="2026-01-01T00:00:00Z")
    assert card() == "1"
    assert "expired" in text_of(looking(people.bo()).get(reverse("training:signing-requests")))


def test_a_file_that_is_too_long_is_refused(holder):
    model_version.release(ModelVersionFactory(status=ModelStatus.APPROVED), by=people.bo())
    with pytest.raises(Invalid, match="at most"):
        trust.admit(b" " * (trust.MOST_BYTES + 1), trust.at_hand())

"""The trust repository: made once, renewed in time, and nothing released without the release key."""

import json
import stat
import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F
from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import UnsignedMetadataError
from tuf.api.metadata import Metadata, Root, Targets

from core.errors import Conflict, Invalid, Missing, Refused, Unavailable
from training import trust
from training.models import TrustDocument, TrustRole

FILE = trust.File("ab" * 32, 1234)


def published(role, version=None):
    return Metadata.from_bytes(trust.metadata(role, version))


def age(role, left):
    """Make the newest document of a role one that has only `left` to live."""
    newest = TrustDocument.objects.filter(role=role).latest("version")
    TrustDocument.objects.filter(pk=newest.pk).update(expires_at=datetime.now(UTC) + left)


@pytest.mark.django_db
def test_init_makes_every_document_and_each_is_signed_by_its_own_key():
    trust.init()
    root = published("root").signed
    assert isinstance(root, Root)
    assert root.consistent_snapshot
    for role in ("root", "targets", "snapshot", "timestamp"):
        document = published(role)
        root.verify_delegate(role, document.signed_bytes, document.signatures)
    assert len({keyid for role in root.roles.values() for keyid in role.keyids}) == 4
    assignments = published("assignments")
    published("targets").signed.verify_delegate("assignments", assignments.signed_bytes, assignments.signatures)


@pytest.mark.django_db
def test_no_file_is_ever_looked_up_through_the_online_key():
    trust.init()
    delegations = published("targets").signed.delegations
    assert [*delegations.get_roles_for_target("all/meter_digits/1.0.0.zip")] == []


@pytest.mark.django_db
def test_keys_are_private_and_marked_as_embedded():
    trust.init()
    files = list((settings.TRUST_DIR / "keys").iterdir())
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert trust.are_embedded()
    assert [path.name for path in settings.TRUST_DIR.iterdir()] == ["keys"]


@pytest.mark.django_db
def test_init_twice_changes_nothing():
    trust.init()
    before = trust.metadata("root")
    trust.init()
    assert trust.metadata("root") == before
    assert TrustDocument.objects.count() == 5


@pytest.mark.django_db
def test_expiries_are_those_of_the_house():
    trust.init()
    for role in TrustRole:
        left = published(role).signed.expires - datetime.now(UTC)
        assert abs(left - trust.LIFE[role]) < timedelta(minutes=1)


@pytest.mark.django_db
def test_a_repository_is_not_made_with_half_the_keys():
    trust.init()
    TrustDocument.objects.all().delete()
    (settings.TRUST_DIR / "keys" / "root.pem").unlink()
    with pytest.raises(Unavailable, match="root"):
        trust.init()


@pytest.mark.django_db(transaction=True)
def test_many_processes_may_start_at_once():
    failures = []
    gate = threading.Barrier(8)

    def start():
        try:
            gate.wait()
            trust.init()
        except Exception as error:  # noqa: BLE001  # the test names whatever a thread raised
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert TrustDocument.objects.count() == 5
    root = published("root").signed
    assert {signer.public_key.keyid for role, signer in trust.at_hand().items() if role != "assignments"} == set(root.keys)


@pytest.mark.django_db
def test_a_proposal_is_not_served_until_it_is_signed():
    trust.init()
    trust.propose({"all/m/1.0.0.zip": FILE})
    assert published("targets").signed.version == 1
    with pytest.raises(Missing):
        trust.metadata("targets", 2)
    assert str(trust.standing()) == "0/1"


@pytest.mark.django_db
def test_a_signature_of_the_release_key_publishes_targets_snapshot_and_timestamp():
    trust.init()
    trust.propose({"all/m/1.0.0.zip": FILE})
    signers = trust.at_hand()
    assert trust.sign_with(signers["targets"], signers).is_complete
    assert published("targets").signed.targets["all/m/1.0.0.zip"].hashes == {"sha256": FILE.sha256}
    assert published("snapshot").signed.meta["targets.json"].version == 2
    assert published("timestamp").signed.snapshot_meta.version == published("snapshot").signed.version
    assert not trust.is_open()


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["snapshot", "timestamp", "assignments", "root"])
def test_a_signature_of_any_other_key_is_refused(role):
    trust.init()
    trust.propose({"all/m/1.0.0.zip": FILE})
    signers = trust.at_hand()
    with pytest.raises(Refused):
        trust.sign_with(signers[role], signers)
    assert published("targets").signed.version == 1


@pytest.mark.django_db
def test_a_signature_over_another_document_is_refused():
    trust.init()
    trust.propose({"all/m/1.0.0.zip": FILE})
    signers = trust.at_hand()
    other = json.loads(trust.request_file())
    targets = Metadata.from_dict(other["documents"]["targets"])
    targets.signed.targets["all/m/evil.zip"] = targets.signed.targets["all/m/1.0.0.zip"]
    targets.sign(signers["targets"])
    other["documents"]["targets"] = targets.to_dict()
    with pytest.raises(Refused, match="another document"):
        trust.admit(json.dumps(other).encode(), signers)
    other["documents"] = {"timestamp": json.loads(trust.metadata("timestamp"))}
    with pytest.raises(Refused, match="another document"):
        trust.admit(json.dumps(other).encode(), signers)
    for content in (b"{}", b"no json", b"[" * 50_000, trust.metadata("timestamp")):
        with pytest.raises(Invalid):
            trust.admit(content, signers)
    assert trust.opened().signed == []


@pytest.mark.django_db
def test_a_released_path_keeps_its_content_for_ever():
    trust.init()
    signers = trust.at_hand()
    trust.propose({"all/m/1.0.0.zip": FILE})
    trust.sign_with(signers["targets"], signers)
    with pytest.raises(Conflict, match="never changed"):
        trust.propose({"all/m/1.0.0.zip": trust.File("cd" * 32, 1234)})


@pytest.mark.django_db
def test_nothing_to_add_withdraws_the_proposal():
    trust.init()
    trust.propose({"all/m/1.0.0.zip": FILE})
    trust.propose({})
    with pytest.raises(Conflict, match="Nothing awaits"):
        trust.standing()


@pytest.mark.django_db
def test_refresh_leaves_the_young_alone():
    trust.init()
    assert trust.refresh() == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("role", "renewed"),
    [
        ("timestamp", ["timestamp"]),
        ("snapshot", ["snapshot", "timestamp"]),
        ("assignments", ["assignments", "snapshot", "timestamp"]),
        ("targets", ["targets", "snapshot", "timestamp"]),
    ],
)
def test_refresh_signs_again_what_has_lived_half_its_life(role, renewed):
    trust.init()
    before = published(role).signed.version
    age(role, trust.LIFE[role] / 2 - timedelta(minutes=1))
    assert trust.refresh() == renewed
    # key holders' lists are counted, what the hub signs by itself goes by the clock
    assert published(role).signed.version == 2 if role == "targets" else published(role).signed.version > before
    assert published("timestamp").signed.snapshot_meta.version == published("snapshot").signed.version
    assert trust.refresh() == []


@pytest.mark.django_db
def test_what_the_hub_signs_goes_forward_although_its_database_went_back():
    trust.init()
    trust.sign_to_carry(trust.at_hand(), 1)
    online = TrustDocument.objects.filter(role__in=["snapshot", "timestamp"])
    online.update(version=F("version") - 3600)  # an hour ago
    seen = {role: trust.newest(role).version for role in ("snapshot", "timestamp")}
    for role in seen:
        online.filter(role=role).latest("version").delete()
    assert trust.raise_versions()
    assert all(published(role).signed.version > version for role, version in seen.items())
    assert published("targets").signed.version > 1_700_000_000, "every list too, for a newer one may have been seen"
    assert published("root").signed.version == 1, "a root follows the one before, or nobody believes it"


@pytest.mark.django_db
def test_refresh_waits_for_a_key_holder_where_the_release_key_is_elsewhere():
    trust.init()
    (settings.TRUST_DIR / "keys" / "targets.pem").unlink()
    age("targets", timedelta(days=1))
    assert trust.refresh() == []
    assert published("targets").signed.version == 1
    assert (trust.opened().asks[0]["act"], str(trust.standing())) == ("renew", "0/1")
    asked = trust.opened()
    assert trust.refresh() == []
    assert trust.opened() == asked


@pytest.mark.django_db
def test_a_forged_document_is_told_from_ours():
    trust.init()
    targets = published("targets")
    targets.signed.version = 9
    targets.sign(CryptoSigner.generate_ed25519())
    with pytest.raises(UnsignedMetadataError):
        published("root").signed.verify_delegate("targets", targets.signed_bytes, targets.signatures)
    assert isinstance(targets.signed, Targets)


@pytest.mark.django_db
def test_the_command_makes_and_shows_the_repository(capsys):
    call_command("trust", "init")
    printed = capsys.readouterr().out
    assert trust.root_sha256() in printed
    assert "embedded" in printed
    age("timestamp", timedelta(seconds=-1))
    call_command("trust", "status")
    assert "EXPIRED" in capsys.readouterr().out


@pytest.mark.django_db
def test_the_command_refuses_to_sign_nothing():
    trust.init()
    with pytest.raises(CommandError, match="Nothing awaits"):
        call_command("trust", "sign")

"""Two of three key holders, each with a folder of their own and no network: the root, releases, rotation, withdrawal."""

import json

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat, load_pem_private_key
from django.conf import settings
from django.core.management import CommandError, call_command
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, TargetFile

from accounts.models import Event
from core.errors import Conflict, Invalid, Refused
from tests import people
from tests.factories.training_models import ModelVersionFactory
from tests.training.holders import Holder, client, command
from training import trust
from training.actions import model_version, signing, withdrawal
from training.models import ModelStatus, SigningRequest, TrustDocument

pytestmark = pytest.mark.django_db


@pytest.fixture
def holders(tmp_path, monkeypatch):
    return [Holder(tmp_path / "holders", name, monkeypatch) for name in ("Ada", "Bo", "Cy")]


@pytest.fixture
def hub(holders, tmp_path, capsys):
    """A hub whose root and release keys are with three holders, two of whom are needed; answers its first root."""
    roots, releases = ([holder.key(purpose) for holder in holders] for purpose in ("root", "release"))
    call_command("trust", "init", root_keys=roots, root_threshold=2, release_keys=releases, release_threshold=2)
    assert "0/2" in capsys.readouterr().out
    ask(tmp_path, holders[:2], "root", "release")
    assert not any(name in trust.at_hand() for name in ("root", "targets"))
    return trust.metadata("root")


def asked_file(tmp_path):
    path = tmp_path / "asked.json"
    call_command("trust", "request", path)
    return path


def ask(tmp_path, holders, *purposes):
    """Carry one file from holder to holder, and back to the hub."""
    path = asked_file(tmp_path)
    for holder in holders:
        for purpose in purposes:
            path = holder.sign(path, purpose).replace(tmp_path / "carried.json")
    call_command("trust", "admit", path)


def listed(role="targets"):
    return set(Metadata.from_bytes(trust.metadata(role)).signed.targets)


def test_a_release_waits_for_two_of_three_and_then_takes_effect(hub, holders, tmp_path, capsys):
    version = ModelVersionFactory(status=ModelStatus.APPROVED, organization=people.acme())
    model_version.release(version, by=people.bo())
    version.refresh_from_db()
    assert (version.status, str(trust.standing())) == (ModelStatus.APPROVED, "0/2")
    file = asked_file(tmp_path)
    ada, bo, cy = holders

    signed = ada.sign(file, "release")
    assert f"ADDS {version.file_name}" in capsys.readouterr().err
    assert command(capsys, "admit", signed) == {"signatures": "1/2", "released": "nothing"}
    assert trust.opened().signed[0]["name"] == "Ada's release key"
    with pytest.raises(CommandError, match="no new signature"):
        call_command("trust", "admit", signed)
    with pytest.raises(CommandError, match="no new signature"):
        call_command("trust", "admit", file)
    cy.sign(file, "root", code=1)
    assert "none of those that are asked" in capsys.readouterr().err
    assert "Bo's release key" in command(capsys, "status")["  targets"]

    assert command(capsys, "admit", bo.sign(file, "release"))["released"] == version.file_name
    version.refresh_from_db()
    assert (version.status, version.is_active) == (ModelStatus.RELEASED, True)
    assert client(tmp_path / "edge", hub).get_targetinfo(version.file_name).length == version.bundle.size
    assert (listed(), listed(trust.role_of(people.acme().pk))) == (set(), {version.file_name})
    assert list(Event.objects.filter(verb="sign").values_list("facts__standing", flat=True)) == ["2/2", "1/2", "2/2"]
    with pytest.raises(CommandError, match="Nothing awaits"):
        call_command("trust", "admit", signed)


def test_what_is_asked_anew_needs_new_signatures_and_the_old_file_is_refused(hub, holders, tmp_path, capsys):
    versions = [ModelVersionFactory(status=ModelStatus.APPROVED) for _ in range(2)]
    model_version.release(versions[0], by=people.bo())
    first, old = trust.opened(), asked_file(tmp_path).rename(tmp_path / "old.json")
    command(capsys, "admit", holders[0].sign(old, "release"))
    model_version.release(versions[1], by=people.bo())
    first.refresh_from_db()
    assert (first.state, str(trust.standing())) == ("superseded", "0/2")
    with pytest.raises(CommandError, match="another document"):
        call_command("trust", "admit", holders[1].sign(old, "release"))
    ask(tmp_path, holders[1:], "release")
    assert listed() == {version.file_name for version in versions}
    assert trust.is_open() is False


def test_every_key_can_be_changed_and_clients_follow(hub, holders, tmp_path, monkeypatch, capsys):
    version = ModelVersionFactory(status=ModelStatus.APPROVED, organization=people.acme())
    model_version.release(version, by=people.bo())
    ask(tmp_path, holders[:2], "release")
    assert client(tmp_path / "old edge", hub).get_targetinfo(version.file_name)
    ada, bo, _ = holders
    dan = Holder(tmp_path / "holders", "Dan", monkeypatch)
    public = {
        (holder.name, purpose): holder.folder / f"{purpose}.pem.pub" for holder in (ada, bo) for purpose in ("root", "release")
    }

    # the root's own keys: Cy goes, Dan comes; old and new keys must agree
    command(capsys, "rotate", "root", keys=[public["Ada", "root"], public["Bo", "root"], dan.key("root")], threshold=2)
    file = asked_file(tmp_path)
    assert command(capsys, "admit", dan.sign(file, "root"))["signatures"] == "0/2"
    assert command(capsys, "admit", ada.sign(file, "root"))["signatures"] == "1/2"
    assert command(capsys, "admit", bo.sign(file, "root"))["signatures"] == "complete"
    # the release keys: the lists are signed anew by the next ones, in the same request
    command(capsys, "rotate", "targets", keys=[public["Bo", "release"], dan.key("release")], threshold=2)
    assert {one.role for one in trust.wanted_signatures()} == {"root", "targets", trust.role_of(people.acme().pk)}
    ask(tmp_path, [bo, dan], "root", "release")
    # the online keys: made by the hub, named by the next root, or by the list
    for role, purpose in (("timestamp", "root"), ("snapshot", "root"), ("assignments", "release")):
        before = Metadata.from_bytes(trust.metadata(role)).signatures.keys()
        command(capsys, "rotate", role)
        assert f"{role}-" in command(capsys, "status")["keys_here"]
        ask(tmp_path, [bo, dan], purpose)
        assert Metadata.from_bytes(trust.metadata(role)).signatures.keys().isdisjoint(before)
    for folder in ("old edge", "new edge"):
        assert client(tmp_path / folder, hub).get_targetinfo(version.file_name)
    assert TrustDocument.objects.published().filter(role="root").count() == 5
    with pytest.raises(Conflict, match="already"):
        signing.rotate(
            "targets",
            trust.Holders(tuple(map(trust.read_public, [public["Bo", "release"], dan.folder / "release.pem.pub"])), 2),
            by=None,
        )


def test_a_withdrawn_version_leaves_the_list_with_the_signatures(hub, holders, tmp_path):
    kept, gone = (ModelVersionFactory(status=ModelStatus.APPROVED) for _ in range(2))
    for version in (kept, gone):
        model_version.release(version, by=people.bo())
    ask(tmp_path, holders[:2], "release")
    with pytest.raises(Conflict, match="deprecated"):
        withdrawal.withdraw(gone, by=people.ada(), reason="It misreads 7.")
    gone.refresh_from_db()
    model_version.deprecate(gone, by=people.ada(), reason="It misreads 7.")
    assert not trust.is_open()  # offers stopped at once, without a key
    with pytest.raises(Invalid, match="why"):
        withdrawal.withdraw(gone, by=people.ada(), reason=" ")
    for stranger in (people.olga(), people.ann()):
        with pytest.raises(Refused):
            withdrawal.withdraw(gone, by=stranger, reason="It misreads 7.")
    withdrawal.withdraw(gone, by=people.ada(), reason="It misreads 7.")
    assert [ask["act"] for ask in trust.opened().asks] == ["remove"]
    with pytest.raises(Conflict, match="already"):
        withdrawal.withdraw(gone, by=people.ada(), reason="Again.")
    ask(tmp_path, holders[1:], "release")
    gone.refresh_from_db()
    assert (listed(), gone.withdrawn_at is not None) == ({kept.file_name}, True)
    assert client(tmp_path / "edge", hub).get_targetinfo(gone.file_name) is None


def test_lists_and_root_are_asked_for_again_in_time_and_keep_their_signatures(hub, holders, tmp_path):
    TrustDocument.objects.filter(role__in=["root", "targets"]).update(expires_at="2026-01-01T00:00:00Z")
    assert trust.refresh() == []
    asked = trust.opened()
    assert [row["act"] for row in asked.asks] == ["renew", "renew"]
    file = asked_file(tmp_path)
    call_command("trust", "admit", holders[0].sign(file, "root"))
    assert trust.refresh() == []
    assert trust.opened() == asked  # asked once
    model_version.release(ModelVersionFactory(status=ModelStatus.APPROVED), by=people.bo())
    assert [(one.role, len(one.signed)) for one in trust.wanted_signatures()] == [("root", 1), ("targets", 0)]
    ask(tmp_path, holders[1:], "root", "release")
    assert Metadata.from_bytes(trust.metadata("root")).signed.version == 2


def test_after_a_restore_holders_sign_lists_above_all_that_was_seen_and_a_release_meanwhile_keeps_the_number(
    hub, holders, tmp_path
):
    assert not trust.raise_versions()
    raised = Metadata.from_bytes(TrustDocument.objects.awaiting_signatures().get(role="targets").body).signed.version
    assert raised > 1_700_000_000
    model_version.release(ModelVersionFactory(status=ModelStatus.APPROVED), by=people.bo())
    ask(tmp_path, holders[1:], "release")
    assert Metadata.from_bytes(trust.metadata("targets")).signed.version == raised
    assert not trust.is_open()
    assert client(tmp_path / "edge", hub)
    assert trust.refresh() == []


def test_a_hub_that_lies_to_a_key_holder_is_refused(hub, holders, tmp_path, capsys):
    version = ModelVersionFactory(status=ModelStatus.APPROVED)
    model_version.release(version, by=people.bo())
    file, ada = asked_file(tmp_path), holders[0]
    honest = json.loads(file.read_text())

    def bent(bend):
        facts = json.loads(json.dumps(honest))
        bend(facts)
        path = tmp_path / "bent.json"
        path.write_text(json.dumps(facts))
        ada.sign(path, "release", code=1)
        return capsys.readouterr().err

    def targets(facts, when="documents"):
        return facts[when]["targets"]["signed"]

    evil = {"all/m/6.6.6.zip": {"length": 1, "hashes": {"sha256": "ab" * 32}}}
    assert "do not belong together" in bent(lambda facts: targets(facts, "before")["targets"].update(evil))
    assert "does not follow" in bent(lambda facts: targets(facts).update(version=9))
    assert "longer than the house" in bent(lambda facts: targets(facts).update(expires="2096-01-01T00:00:00Z"))
    assert "no place" in bent(lambda facts: targets(facts)["targets"].update({"org-9/m/1.0.0.zip": evil["all/m/6.6.6.zip"]}))
    online = {"paths": ["*"]}
    assert "never signed" in bent(lambda facts: targets(facts)["delegations"]["roles"][0].update(online))
    assert "no file to sign" in bent(lambda facts: facts.update(format="another"))

    def forge(facts):
        """Put a root of the liar's own in place of ours, under which a file of the liar's is listed already."""
        liar = CryptoSigner.generate_ed25519()
        root, lists = Metadata.from_dict(facts["roots"][0]), Metadata.from_dict(facts["before"]["targets"])
        for role in ("root", "targets"):
            root.signed.add_key(liar.public_key, role)
            root.signed.roles[role].threshold = 1
        lists.signed.targets |= {path: TargetFile.from_dict(dict(one), path) for path, one in evil.items()}
        for document in (root, lists):
            document.sign(liar)
        facts["roots"], facts["before"]["targets"] = [root.to_dict()], lists.to_dict()
        targets(facts)["targets"].update(evil)

    assert "another root of trust than the one this key knows" in bent(forge)
    ada.sign(file, "release")


def encrypted(path, password):
    """Write a key anew, encrypted as openssl does it."""
    key = load_pem_private_key(path.read_bytes(), None)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password)))


def test_a_key_with_a_password_signs_only_with_it(hub, holders, tmp_path, capsys, settings):
    ada, bo, _ = holders
    for holder in (ada, bo):
        encrypted(holder.folder / "release.pem", b"a long sentence")
    (tmp_path / "right").write_bytes(b"a long sentence\n")
    (tmp_path / "wrong").write_bytes(b"another one")
    version = ModelVersionFactory(status=ModelStatus.APPROVED)
    model_version.release(version, by=people.bo())
    file, key = asked_file(tmp_path), ada.folder / "release.pem"
    for words in ([], ["--password-file", tmp_path / "wrong"]):
        assert ada.run("sign", file, "--key", key, "--yes", "--out", tmp_path / "signed.json", *words) != 0
        assert "holds no private key that can be read" in capsys.readouterr().err
    assert ada.run("sign", file, "--key", key, "--yes", "--out", file, "--password-file", tmp_path / "right") == 0
    call_command("trust", "admit", file)
    assert str(trust.standing()) == "1/2"
    with pytest.raises(CommandError, match="holds no private key"):
        call_command("trust", "sign", key=bo.folder / "release.pem")
    call_command("trust", "sign", key=bo.folder / "release.pem", password_file=tmp_path / "right")
    version.refresh_from_db()
    assert version.is_released
    # the hub's own, by the environment
    encrypted(settings.TRUST_DIR / "keys" / "timestamp.pem", b"of the hub")
    with pytest.raises(Invalid):
        trust.at_hand()
    settings.TRUST_KEY_PASSWORD = "of the hub"
    assert "timestamp" in trust.at_hand()


def test_keys_and_holders_are_checked(hub, holders, tmp_path, capsys):
    ada, private = holders[0], holders[0].folder / "release.pem"
    assert ada.run("key", private, "--name", "Ada") == 6  # never written over
    with pytest.raises(Conflict, match="never leaves"):
        trust.read_public(private)
    (tmp_path / "text.pub").write_text("{}")
    with pytest.raises(Invalid, match="no public key"):
        trust.read_public(tmp_path / "text.pub")
    key = trust.read_public(private.with_name("release.pem.pub"))
    for keys, threshold in (((key, key), 1), ((key,), 2), ((), 1), ((key,), 0)):
        with pytest.raises(Invalid):
            trust.Holders(keys, threshold)
    with pytest.raises(Invalid, match="its key is made here"):
        signing.rotate("timestamp", trust.Holders((key,)), by=None)
    with pytest.raises(Invalid, match="no role"):
        signing.rotate("captain", None, by=None)
    with pytest.raises(CommandError, match="already"):
        call_command("trust", "init", root_keys=[private.with_name("root.pem.pub")])
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("trust", "admit", tmp_path / "nowhere.json")
    assert SigningRequest.objects.filter(state="open").count() == 0
    assert (settings.TRUST_DIR / "keys" / "EMBEDDED").exists() is False

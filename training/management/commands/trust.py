"""The trust repository from the command line: make it, look at it, sign what awaits a signature."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from accounts.management.base import VerbCommand
from core.errors import Missing
from training import trust
from training.actions import model_version
from training.models import TrustDocument, TrustRole


class Command(VerbCommand):
    """`trust init`, `trust status`, `trust sign [--key FILE]`."""

    help = "Make the trust repository, show its state, or sign the release that awaits a signature."

    def arguments(self, parser: CommandParser) -> None:
        """Take what to do, and for signing another key file than TRUST_DIR/keys/targets.pem."""
        parser.add_argument("what", choices=["init", "status", "sign"])
        parser.add_argument("--key", type=Path, default=None, help="a private key in PEM, for sign")

    def call(self, **options: Any) -> dict[str, Any]:
        """Do it; prints the state, or what was released."""
        if options["what"] == "sign":
            return _sign(options["key"])
        if options["what"] == "init":
            trust.init()
        return _status()


def _status() -> dict[str, Any]:
    answer: dict[str, Any] = {"root_sha256": trust.root_sha256(), "keys": "embedded" if trust.are_embedded() else "provisioned"}
    answer["keys_here"] = ", ".join(sorted(trust.at_hand())) or "none"
    now = timezone.now()
    for role in TrustRole.values:
        newest = TrustDocument.objects.published().filter(role=role).latest("version")
        state = "EXPIRED" if newest.expires_at <= now else "expires"
        answer[role] = f"version {newest.version}, {state} {newest.expires_at:%Y-%m-%d %H:%M} UTC"
    answer["awaiting_signatures"] = str(trust.standing()) if trust.proposal() else "nothing"
    return answer


def _sign(path: Path | None) -> dict[str, Any]:
    signers = trust.at_hand()
    signer = trust.read(path) if path else signers.get(TrustRole.TARGETS)
    if signer is None:
        raise Missing("The release key is not on this machine; name its file with --key.")
    released = model_version.admit_signature(trust.sign_proposal(signer), by=None, signers=signers)
    standing = "complete" if released else str(trust.standing())
    return {"signatures": standing, "released": ", ".join(version.file_name for version in released) or "nothing yet"}

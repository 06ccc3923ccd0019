"""The trust repository from the command line: make it, look at it, have it signed, change whose keys count."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from accounts.management.base import VerbCommand
from core.errors import Invalid, Missing
from deployments.actions import stick
from deployments.models import EdgeServer
from training import trust
from training.actions import model_version, signing
from training.models import TrustDocument


class Command(VerbCommand):
    """`trust init|status|request|sign|admit|rotate|export-usb`."""

    help = "Make the trust repository, show its state, sign or bring signatures, change whose keys count."

    def arguments(self, parser: CommandParser) -> None:
        """Take what to do, and what that needs."""
        parser.add_argument("what", choices=["init", "status", "request", "sign", "admit", "rotate", "export-usb"])
        parser.add_argument(
            "file", nargs="?", help="request, export-usb: where to write it; admit: what was signed; rotate: the role"
        )
        parser.add_argument("--key", type=Path, default=None, help="sign: a private key in PEM that lies elsewhere")
        parser.add_argument("--password-file", type=Path, default=None, help="sign: where that key's password stands")
        parser.add_argument("--keys", type=Path, nargs="+", default=[], help="rotate: public keys of the role's holders")
        parser.add_argument("--threshold", type=int, default=1, help="rotate: how many of them must sign")
        parser.add_argument("--edge", nargs="+", default=[], help="export-usb: names of edge servers")
        parser.add_argument(
            "--days", type=int, default=stick.MOST_DAYS, help="export-usb: how long the stick may be on its way"
        )
        parser.add_argument("--root-keys", type=Path, nargs="+", default=[], help="init: public keys of the root's holders")
        parser.add_argument("--root-threshold", type=int, default=1)
        parser.add_argument(
            "--release-keys", type=Path, nargs="+", default=[], help="init: public keys of the releases' holders"
        )
        parser.add_argument("--release-threshold", type=int, default=1)

    def call(self, **options: Any) -> dict[str, Any]:
        """Do it; prints the state, or what took effect."""
        what = options["what"]
        if what in {"request", "admit", "rotate", "export-usb"} and not options["file"]:
            raise Invalid(f"Say which: trust {what} {'ROLE' if what == 'rotate' else 'FILE'}.")
        return DOES[what](options)


def _init(options: dict[str, Any]) -> dict[str, Any]:
    trust.init(
        _holders(options["root_keys"], options["root_threshold"]),
        _holders(options["release_keys"], options["release_threshold"]),
    )
    return _status(options)


def _holders(paths: list[Path], threshold: int) -> trust.Holders | None:
    return trust.Holders(tuple(trust.read_public(path) for path in paths), threshold) if paths else None


def _status(options: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {"keys": "embedded" if trust.are_embedded() else "provisioned"}
    answer["keys_here"] = ", ".join(sorted(trust.at_hand())) or "none"
    if trust.is_published():
        answer["root_sha256"] = trust.root_sha256()
    now = timezone.now()
    for newest in TrustDocument.objects.newest().order_by("role"):
        days = (newest.expires_at - now).days
        state = "EXPIRED" if newest.expires_at <= now else f"{days} days left, expires"
        answer[newest.role] = f"version {newest.version}, {state} {newest.expires_at:%Y-%m-%d %H:%M} UTC"
    if not trust.is_open():
        return {**answer, "awaiting_signatures": "nothing"}
    answer["awaiting_signatures"] = f"{trust.opened()}: {trust.standing()}"
    for wanted in trust.wanted_signatures():
        which = "today's keys of root" if wanted.as_before else wanted.role
        lacking = ", ".join(trust.name_of(key) for keyid, key in wanted.keys.items() if keyid not in wanted.signed)
        answer[f"  {which}"] = f"{len(wanted.signed)}/{wanted.threshold}" + ("" if wanted.is_met else f", of {lacking}")
    return answer


def _request(options: dict[str, Any]) -> dict[str, Any]:
    path, content = Path(options["file"]), trust.request_file()
    path.write_bytes(content)
    return {"request": trust.opened().pk, "file": str(path), "signatures": str(trust.standing())}


def _sign(options: dict[str, Any]) -> dict[str, Any]:
    signers, path = trust.at_hand(), options["key"]
    trust.opened()
    if path is None:
        released = model_version.sign_at_hand(by=None, signers=signers)
    else:
        released = signing.sign_with(trust.read(path, _password(options["password_file"])), by=None, signers=signers)
    return _standing(released)


def _password(path: Path | None) -> bytes:
    try:
        return path.read_bytes().strip() if path else b""
    except OSError as error:
        raise Missing(f"{path} cannot be read: {error.strerror}.") from error


def _admit(options: dict[str, Any]) -> dict[str, Any]:
    try:
        content = Path(options["file"]).read_bytes()
    except OSError as error:
        raise Missing(f"{options['file']} cannot be read: {error.strerror}.") from error
    released = model_version.admit_signature(content, by=None, signers=trust.at_hand())
    return _standing(released)


def _rotate(options: dict[str, Any]) -> dict[str, Any]:
    request = signing.rotate(options["file"], _holders(options["keys"], options["threshold"]), by=None)
    return {"request": request.pk, **_standing([])}


def _standing(released: list[Any]) -> dict[str, Any]:
    standing = str(trust.standing()) if trust.is_open() else "complete"
    return {"signatures": standing, "released": ", ".join(version.file_name for version in released) or "nothing"}


def _export(options: dict[str, Any]) -> dict[str, Any]:
    edges = list(EdgeServer.objects.in_service().filter(name__in=options["edge"]))
    if unknown := set(options["edge"]) - {edge.name for edge in edges}:
        raise Missing(f"There is no edge server {', '.join(sorted(unknown))}.")
    return {"folder": options["file"], **stick.export(Path(options["file"]), edges, by=None, days=options["days"])}


DOES = {
    "init": _init,
    "status": _status,
    "request": _request,
    "sign": _sign,
    "admit": _admit,
    "rotate": _rotate,
    "export-usb": _export,
}

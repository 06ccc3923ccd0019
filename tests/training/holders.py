"""Key holders with a folder each and no network, and a client of The Update Framework that reads the hub's own rows."""

import json
import socket
from pathlib import Path

from django.core.management import call_command
from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import FetcherInterface, Updater

from cc_edge.cli import main
from core.errors import Missing
from training import trust


class Holder:
    """A person's folder on another machine; what goes in and out are files."""

    def __init__(self, folder: Path, name: str, monkeypatch) -> None:
        self.folder, self.name, self.monkeypatch = folder / name, name, monkeypatch
        self.folder.mkdir(parents=True)

    def key(self, purpose: str) -> Path:
        """Make a key; answers its public half."""
        assert self.run("key", self.folder / f"{purpose}.pem", "--name", f"{self.name}'s {purpose} key") == 0
        return self.folder / f"{purpose}.pem.pub"

    def sign(self, file: Path, purpose: str, *, code: int = 0) -> Path:
        """Sign what came as a file; answers the file that goes back."""
        out = self.folder / "signed.json"
        assert self.run("sign", file, "--key", self.folder / f"{purpose}.pem", "--yes", "--out", out) == code
        return out

    def run(self, *arguments: object) -> int:
        """Run cc-edge where no connection can be made."""

        def no_network(*_):
            raise AssertionError("A key holder's machine has no network.")

        with self.monkeypatch.context() as here:
            here.setattr(socket.socket, "connect", no_network)
            return main([str(argument) for argument in arguments])


def command(capsys, *arguments: object, **options) -> dict:
    """Run `manage.py trust`, and answer what it prints."""
    capsys.readouterr()
    call_command("trust", *map(str, arguments), json=True, **options)
    return json.loads(capsys.readouterr().out)


class Rows(FetcherInterface):
    """The repository without a web server."""

    def _fetch(self, url: str):
        number, _, role = url.rpartition("/")[2].removesuffix(".json").rpartition(".")
        try:
            yield trust.metadata(role, int(number) if number else None)
        except Missing as missing:
            raise DownloadHTTPError("There is none.", 404) from missing


def client(folder: Path, root: bytes) -> Updater:
    """A client that knows one root, and what it saw before in `folder`."""
    folder.mkdir(exist_ok=True)
    return Updater(str(folder), "http://rows/", fetcher=Rows(), bootstrap=root)

"""`cc-edge`: what a city's cron and an edge server's systemd call."""

import argparse
import hashlib
import json
import logging
import os
import signal
import sqlite3
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from cc_edge import __version__
from cc_edge.errors import EdgeError, Misconfigured, SomeRejected, Unreachable
from cc_edge.hub import Hub
from cc_edge.journal import Journal
from cc_edge.lock import only_one
from cc_edge.settings import Settings, chosen

if TYPE_CHECKING:
    from cc_edge.hooks import Hooks
    from cc_edge.samples import Source
    from cc_edge.upload import Upload

HUB_TRIES = 7


class Parser(argparse.ArgumentParser):
    """A parser whose refusal is the exit code of a wrong configuration."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(Misconfigured.exit_code, f"cc-edge: {message}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and answer its exit code; what goes wrong is one sentence on stderr."""
    options = _parser().parse_args(argv)
    try:
        return int(options.command(options))
    except EdgeError as error:
        print(f"cc-edge: {error}", file=sys.stderr)
        return error.exit_code
    except (OSError, sqlite3.Error) as error:  # a full disk, a folder that went away
        print(f"cc-edge: this machine cannot go on: {error}", file=sys.stderr)
        return EdgeError.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="cc-edge", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_upload(commands)
    _add_agent(commands)
    _add_check(commands)
    _add_pull(commands)
    _add_signing(commands)
    return parser


def _add_upload(commands: Any) -> None:
    upload = commands.add_parser("upload", help="bring samples to the hub; safe to run again")
    upload.add_argument("source", type=Path, nargs="?", help="a folder with samples.jsonl and its images, or a CSV")
    upload.add_argument("--from-command", help="a command that prints samples as JSON lines, instead of a source")
    upload.add_argument("--images", type=Path, help="where images lie (default: in the source; the working folder)")
    _add_hub(upload)
    upload.add_argument("--city", help="the city's slug (or CC_CITY)")
    upload.add_argument("--day", type=_day, help="the batch's day, YYYY-MM-DD (default: today)")
    upload.add_argument("--min-quality", type=float, help="leave out images below this quality, 0 to 1")
    upload.add_argument("--max-minutes", type=float, help="stop after so long; run again to go on")
    upload.add_argument("--dry-run", action="store_true", help="say what would be sent, and send nothing")
    upload.add_argument("--state", type=Path, help="folder for lock and journal (default: ~/.local/state/cc-edge)")
    upload.add_argument("--no-wait", action="store_true", help="do not wait until the hub has verified the images")
    upload.set_defaults(command=_upload)


def _add_hub(parser: Any) -> None:
    parser.add_argument("--config", type=Path, help="cc-edge.toml (default: the one in the working folder)")
    parser.add_argument("--hub", help="address of the hub (or CC_HUB)")
    parser.add_argument("--key-file", type=Path, help="file with the key (or CC_KEY with the key itself)")


def _add_pull(commands: Any) -> None:
    pull = commands.add_parser("pull", help="fetch a frozen dataset version; safe to run again, fetches nothing twice")
    pull.add_argument("version", metavar="DATASET@VERSION", help="a dataset's id or name, and its version: plates@v1.0.0")
    pull.add_argument("folder", type=Path, metavar="DIR", help="where members.jsonl and objects/ are put")
    _add_hub(pull)
    pull.add_argument("--split", choices=("train", "validation", "test"), help="fetch the objects of one split only")
    pull.add_argument("--cache", type=Path, default=Path("~/.cache/cc-edge/objects"), help="objects kept between pulls")
    pull.add_argument("--threads", type=int, default=8, choices=range(1, 65), metavar="N", help="downloads at once (8)")
    pull.set_defaults(command=_pull)


def _add_agent(commands: Any) -> None:
    folder = argparse.ArgumentParser(add_help=False)
    folder.add_argument("--dir", type=Path, required=True, help="the agent's folder")
    enrol = commands.add_parser("enrol", parents=[folder], help="make this machine an edge server, with a one-time code")
    enrol.add_argument("--hub", required=True, help="address of the hub")
    enrol.add_argument("--code", required=True, help="the code that `addedge` printed")
    enrol.add_argument("--root-sha256", required=True, help="the hash of the root of trust that `addedge` printed")
    enrol.add_argument("--name", required=True, help="this edge server's name")
    enrol.set_defaults(command=_enrol)
    run = commands.add_parser("run", parents=[folder], help="follow the hub's assignments until told to stop")
    run.add_argument("--once", action="store_true", help="do one round and end; 1 where something was refused")
    run.add_argument("--poll", type=float, help="seconds between two rounds (default: what the hub says)")
    managed = run.add_argument_group("managed", "a program of your own that answers, in any language (edge/examples/managed)")
    managed.add_argument(
        "--managed", action="store_true", help="do not count a model as installed before the program does well with it"
    )
    managed.add_argument(
        "--activate", default="", metavar="COMMAND", help="run after `current` was turned: load the model anew"
    )
    managed.add_argument(
        "--probe", default="", metavar="COMMAND", help="run in each round of the probation: 0 where all is well"
    )
    managed.add_argument("--probation", type=float, default=60.0, metavar="SECONDS", help="how long it must do well (60)")
    run.set_defaults(command=_run)
    status = commands.add_parser("status", parents=[folder], help="say as JSON what this edge runs")
    status.set_defaults(command=_status)
    bring = commands.add_parser("import", parents=[folder], help="install from a stick what the hub assigns, without a network")
    bring.add_argument("stick", type=Path, help="the folder that `manage.py trust export-usb` wrote")
    bring.set_defaults(command=_import)
    back = commands.add_parser(
        "rollback", parents=[folder], help="go back to the model that ran before, without asking the hub"
    )
    back.add_argument("--module", required=True)
    back.set_defaults(command=_rollback)
    infer = commands.add_parser("infer", parents=[folder], help="answer images with the model in use, one JSON line each")
    infer.add_argument("--module", required=True)
    infer.add_argument("images", nargs="+", type=Path, metavar="IMAGE")
    infer.set_defaults(command=_infer)


def _add_check(commands: Any) -> None:
    check = commands.add_parser("check", help="test the way to hub and store, and name what the firewall must let through")
    check.add_argument("--dir", type=Path, help="an agent's folder, instead of hub and key")
    _add_hub(check)
    check.set_defaults(command=_check)


def _add_signing(commands: Any) -> None:
    key = commands.add_parser("key", help="make a key of the root's or of releases, on its holder's machine")
    key.add_argument("file", type=Path, help="where the private key is written; the public one goes beside it, as FILE.pub")
    key.add_argument("--name", required=True, help="whose key it is, for those who read signatures")
    key.set_defaults(command=_make_key)
    sign = commands.add_parser("sign", help="see what a hub asks to have signed, and sign it; needs no network")
    sign.add_argument("file", type=Path, help="the file to sign, as the hub gave it or with others' signatures")
    sign.add_argument("--key", type=Path, help="the private key; without it the file is only shown")
    sign.add_argument("--password-file", type=Path, help="where the key's password stands, if it has one")
    sign.add_argument("--out", type=Path, help="where the signed file is written (default: FILE.signed)")
    sign.add_argument("--yes", action="store_true", help="sign without being asked")
    sign.set_defaults(command=_sign)


def _upload(options: argparse.Namespace) -> int:
    from cc_edge.upload import Plan, Upload, city_day

    settings, stop = Settings.find(options.config), _asked_to_stop()
    hub_url, city = chosen(options.hub, "CC_HUB", settings.hub), chosen(options.city, "CC_CITY", settings.city)
    if not hub_url or not city:
        raise Misconfigured("Say which hub (--hub) and which city (--city).")
    settings.images = options.images or settings.images
    if options.min_quality is not None:
        settings.filter.min_quality = options.min_quality
    source = _source(options, settings, stop)
    plan = Plan(city, options.day or city_day(), settings.filter, wait=not options.no_wait)
    key = "" if options.dry_run else _key(options.key_file or settings.key_file)
    name = hashlib.sha256(f"{hub_url} {city}".encode()).hexdigest()[:16]
    folder = (options.state or settings.state or Path("~/.local/state/cc-edge")).expanduser()
    with (
        Hub(hub_url, key, tries=HUB_TRIES, stop=stop) as hub,
        _no_longer_than(options.max_minutes or settings.max_minutes, stop),
    ):
        if options.dry_run:
            with Journal(Path(":memory:")) as journal:
                return _summed_up(Upload(hub, source, journal, plan), rehearse=True)
        with only_one(folder / f"{name}.lock"), Journal(folder / f"{name}.sqlite3") as journal:
            return _summed_up(Upload(hub, source, journal, plan))


def _summed_up(upload: "Upload", *, rehearse: bool = False) -> int:
    """Run it and print its one JSON line, also where it has to be run again."""
    try:
        summary = upload.rehearse() if rehearse else upload.run()
    except Unreachable:
        print(json.dumps(vars(upload.summary)), flush=True)
        raise
    print(json.dumps(vars(summary)), flush=True)
    return SomeRejected.exit_code if summary.rejected else 0


def _source(options: argparse.Namespace, settings: Settings, stop: threading.Event) -> "Source":
    from cc_edge.samples import Folder
    from cc_edge.tables import Command, Table

    if options.source and options.from_command:
        raise Misconfigured("Give a source or --from-command, not both.")
    command = options.from_command or ("" if options.source else settings.from_command)
    path = options.source or settings.source
    if command:
        return Command(command, settings, stop)
    if path is None:
        raise Misconfigured("Say where the samples are: a folder, a CSV, or --from-command.")
    return Folder(path, settings.defaults) if path.is_dir() or not path.suffix else Table(path, settings)


@contextmanager
def _no_longer_than(minutes: float | None, stop: threading.Event) -> Iterator[None]:
    """Ask to stop after so many minutes."""
    timer = threading.Timer((minutes or 0) * 60, stop.set)
    timer.daemon = True
    if minutes is not None:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _pull(options: argparse.Namespace) -> int:
    from cc_edge.pull import Pull

    settings, stop = Settings.find(options.config), _asked_to_stop()
    hub_url = chosen(options.hub, "CC_HUB", settings.hub)
    if not hub_url:
        raise Misconfigured("Say which hub (--hub).")
    with Hub(hub_url, _key(options.key_file or settings.key_file), tries=HUB_TRIES, stop=stop) as hub:
        pull = Pull(hub, options.version, options.folder, cache=options.cache.expanduser(), split=options.split or "")
        with only_one(options.folder / ".pull.lock"):
            summary = pull.run(threads=options.threads)
    print(json.dumps(vars(summary)), flush=True)
    if not summary.proven:
        print(f"cc-edge: not the members that were frozen; {summary.withdrawn} were withdrawn since.", file=sys.stderr)
    return 0 if summary.proven else SomeRejected.exit_code


def _enrol(options: argparse.Namespace) -> int:
    from cc_edge.enrolment import enrol
    from cc_edge.home import Home

    home = Home(options.dir)
    with only_one(home.lock), Hub(options.hub, tries=HUB_TRIES) as hub:
        number = enrol(home, hub, code=options.code, root_sha256=options.root_sha256, name=options.name)
    print(json.dumps({"edge_server_id": number, "dir": str(home.folder)}), flush=True)
    return 0


def _hooks(options: argparse.Namespace) -> "Hooks":
    from cc_edge.hooks import Hooks

    if not options.managed and (options.activate or options.probe):
        raise Misconfigured("--activate and --probe are for --managed.")
    return Hooks(options.activate, options.probe, options.probation) if options.managed else Hooks()


def _run(options: argparse.Namespace) -> int:
    from cc_edge.agent import Agent, store_client
    from cc_edge.home import Home
    from cc_edge.state import State

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("cc-edge").setLevel(logging.INFO)
    home, stop = Home(options.dir), _asked_to_stop()
    identity = home.identity()
    home.prepare()
    with (
        only_one(home.lock),
        State(home.database) as state,
        Hub(identity["hub"], home.key(), tries=HUB_TRIES if options.once else 1, stop=stop) as hub,
        store_client() as store,
    ):
        agent = Agent(home, state, hub, store, _hooks(options))
        if options.once:
            return 1 if agent.round().refused else 0
        agent.run(poll=options.poll, stop=stop)
    return 0


def _import(options: argparse.Namespace) -> int:
    from cc_edge.home import Home
    from cc_edge.stick import install_from

    home = Home(options.dir)
    with only_one(home.lock):
        refused = install_from(options.stick, home, stop=_asked_to_stop())
    print(json.dumps({"refused": refused, "installed": not refused}), flush=True)
    return 1 if refused else 0


def _status(options: argparse.Namespace) -> int:
    from cc_edge.home import Home
    from cc_edge.status import status

    print(json.dumps(status(Home(options.dir))), flush=True)
    return 0


def _rollback(options: argparse.Namespace) -> int:
    from cc_edge.home import Home
    from cc_edge.rollback import go_back

    print(json.dumps(go_back(Home(options.dir), options.module)), flush=True)
    return 0


def _check(options: argparse.Namespace) -> int:
    from cc_edge.check import check
    from cc_edge.home import Home

    if options.dir:
        home = Home(options.dir)
        url, key = home.identity()["hub"], home.key()
    else:
        settings = Settings.find(options.config)
        url, key = chosen(options.hub, "CC_HUB", settings.hub), _key(options.key_file or settings.key_file)
    if not url:
        raise Misconfigured("Say which hub (--hub), or which agent's folder (--dir).")
    found = check(url, key)
    for line in found.lines():
        print(line, file=sys.stderr)
    print(json.dumps(found.summary()), flush=True)
    return found.exit_code


def _make_key(options: argparse.Namespace) -> int:
    from cc_edge.signing import make_key

    print(json.dumps(make_key(options.file, options.name)), flush=True)
    return 0


def _sign(options: argparse.Namespace) -> int:
    from cc_edge.home import write_durably
    from cc_edge.signing import knows_root, read_request, root_sha256, sentences, sign, standing

    asked = read_request(options.file)
    print(f"Signing request {asked.number} asks that", *sentences(asked), sep="\n  ", file=sys.stderr)
    if options.key is None:
        print(json.dumps({"request": asked.number, "signatures": standing(asked)}), flush=True)
        return 0
    if not knows_root(options.key) and (root := root_sha256(asked)):
        print(f"This key signs for the first time. Is {root} what the hub's trust status prints?", file=sys.stderr)
    if not options.yes:
        print("Sign this? Type yes: ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip() != "yes":
            raise Misconfigured("Nothing was signed.")
    password = options.password_file.read_bytes().strip() if options.password_file else None
    answer = sign(asked, options.key, password=password)
    out = options.out or options.file.with_name(f"{options.file.name}.signed")
    write_durably(out, json.dumps(asked.facts, indent=1).encode())
    print(json.dumps({**answer, "file": str(out)}), flush=True)
    return 0


def _infer(options: argparse.Namespace) -> int:
    from cc_edge.home import Home
    from cc_edge.inference import infer

    return SomeRejected.exit_code if infer(Home(options.dir), options.module, options.images) else 0


def _asked_to_stop() -> threading.Event:
    """Answer an event that SIGTERM and SIGINT set, for commands that end at the next safe place."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _key(file: Path | None) -> str:
    try:
        key = file.read_text().strip() if file else os.environ.get("CC_KEY", "").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"The key file {file} cannot be read.") from error
    if not key:
        raise Misconfigured("Give a key: --key-file FILE, or CC_KEY in the environment.")
    return key


def _day(text: str) -> str:
    return date.fromisoformat(text).isoformat()

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
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

from cc_edge import __version__
from cc_edge.errors import EdgeError, Misconfigured, SomeRejected
from cc_edge.hub import Hub
from cc_edge.lock import only_one

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
    return parser


def _add_upload(commands: Any) -> None:
    upload = commands.add_parser("upload", help="bring a folder of samples to the hub; safe to run again")
    upload.add_argument("source", type=Path, help="a folder with samples.jsonl and the images it names")
    upload.add_argument("--hub", default=os.environ.get("CC_HUB"), help="address of the hub (or CC_HUB)")
    upload.add_argument("--city", default=os.environ.get("CC_CITY"), help="the city's slug (or CC_CITY)")
    upload.add_argument("--key-file", type=Path, help="file with the key (or CC_KEY with the key itself)")
    upload.add_argument("--day", type=_day, help="the batch's day, YYYY-MM-DD (default: today)")
    upload.add_argument("--min-quality", type=float, help="leave out images below this quality, 0 to 1")
    upload.add_argument("--state", type=Path, default=Path("~/.local/state/cc-edge"), help="folder for lock and journal")
    upload.add_argument("--no-wait", action="store_true", help="do not wait until the hub has verified the images")
    upload.set_defaults(command=_upload)


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
    run.set_defaults(command=_run)
    status = commands.add_parser("status", parents=[folder], help="say as JSON what this edge runs")
    status.set_defaults(command=_status)
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
    check.add_argument("--hub", default=os.environ.get("CC_HUB"), help="address of the hub (or CC_HUB)")
    check.add_argument("--key-file", type=Path, help="file with the key (or CC_KEY with the key itself)")
    check.set_defaults(command=_check)


def _upload(options: argparse.Namespace) -> int:
    from cc_edge.journal import Journal
    from cc_edge.samples import Source
    from cc_edge.upload import Plan, Upload, city_day

    if not options.hub or not options.city:
        raise Misconfigured("Say which hub (--hub) and which city (--city).")
    source = Source(options.source)
    plan = Plan(options.city, options.day or city_day(), options.min_quality, wait=not options.no_wait)
    name = hashlib.sha256(f"{options.hub} {options.city}".encode()).hexdigest()[:16]
    folder = options.state.expanduser()
    with (
        Hub(options.hub, _key(options.key_file), tries=HUB_TRIES, stop=_asked_to_stop()) as hub,
        only_one(folder / f"{name}.lock"),
        Journal(folder / f"{name}.sqlite3") as journal,
    ):
        summary = Upload(hub, source, journal, plan).run()
    print(json.dumps(vars(summary)), flush=True)
    return SomeRejected.exit_code if summary.rejected else 0


def _enrol(options: argparse.Namespace) -> int:
    from cc_edge.enrolment import enrol
    from cc_edge.home import Home

    home = Home(options.dir)
    with only_one(home.lock), Hub(options.hub, tries=HUB_TRIES) as hub:
        number = enrol(home, hub, code=options.code, root_sha256=options.root_sha256, name=options.name)
    print(json.dumps({"edge_server_id": number, "dir": str(home.folder)}), flush=True)
    return 0


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
        agent = Agent(home, state, hub, store)
        if options.once:
            return 1 if agent.round().refused else 0
        agent.run(poll=options.poll, stop=stop)
    return 0


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
        url, key = options.hub, _key(options.key_file)
    if not url:
        raise Misconfigured("Say which hub (--hub), or which agent's folder (--dir).")
    found = check(url, key)
    for line in found.lines():
        print(line, file=sys.stderr)
    print(json.dumps(found.summary()), flush=True)
    return found.exit_code


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

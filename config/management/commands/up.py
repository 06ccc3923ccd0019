"""Migrate, then run the web and two workers until told to stop."""

import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config import opening
from config.processes import Processes, alone
from core.errors import Conflict, Refusal
from learning.actions import store
from training import trust


class Command(BaseCommand):
    """`up [--bind 127.0.0.1:8000]`: what `make run` does."""

    help = "Migrate, then run the web and two workers."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the address to listen on."""
        parser.add_argument("--bind", default=settings.PUBLIC_URL.partition("://")[2])

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until SIGTERM or Ctrl-C; a process that dies is started again."""
        try:
            with alone():
                self._run(options["bind"])
        except Conflict as refusal:
            raise CommandError(refusal.detail) from refusal

    def _run(self, bind: str) -> None:
        call_command("migrate", verbosity=0)
        if opening.is_closed():
            raise CommandError(opening.SENTENCE)
        trust.refresh()  # makes it on the first run; after a long rest its timestamp has expired
        try:
            store.require_open()
        except Refusal as refusal:  # all else works; the uploads' refusal says the same
            self.stderr.write(refusal.detail)
        ended = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ended.set())
        processes = Processes(bind, settings.VAR / "log", {"PUBLIC_URL": settings.PUBLIC_URL})
        processes.start()
        try:
            processes.wait_ready()
            self.stdout.write(f"Command Centre answers at {processes.url} (logs in {processes.logs}); Ctrl-C ends it.")
            while not ended.wait(1):
                for name in processes.restart_dead():
                    self.stderr.write(f"{name} had ended and was started again; its log says why.")
        finally:
            processes.stop()

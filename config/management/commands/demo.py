"""Play the whole loop on real data, and leave the portal up."""

import json
import signal
import threading
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.demo import leftovers
from config.demo.ground import prepare
from config.demo.story import Story
from config.processes import Processes, alone, free_port
from core.errors import Refusal


class Command(BaseCommand):
    """`demo [--no-serve]`: exit status 0 only when every step came out as it should."""

    help = "Play the whole loop on real data."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take --no-serve."""
        parser.add_argument("--no-serve", action="store_true", help="end instead of leaving the portal up")

    def handle(self, *args: Any, **options: Any) -> None:
        """Prepare, start the hub's processes, play, print the table, and stay."""
        bind = f"127.0.0.1:{free_port()}"
        settings.PUBLIC_URL = f"http://{bind}"
        processes = Processes(bind, settings.VAR / "log", {"PUBLIC_URL": settings.PUBLIC_URL})
        try:
            with alone():
                prepare()
                self._play(processes, serve=not options["no_serve"])
        except Refusal as refusal:
            raise CommandError(refusal.detail) from refusal
        finally:
            processes.stop()

    def _play(self, processes: Processes, *, serve: bool) -> None:
        story = Story(processes, say=self.stdout.write)
        try:
            self._tell(processes, story, serve=serve)
        finally:
            story.end_agent()

    def _tell(self, processes: Processes, story: Story, *, serve: bool) -> None:
        facts = story.play()
        said = settings.VAR / "demo.json"
        said.write_text(json.dumps(facts, indent=2) + "\n")
        width = max(map(len, facts))
        self.stdout.write("\n" + "\n".join(f"  {name.ljust(width)}  {value}" for name, value in facts.items()))
        if serve:
            self._stay(processes, story, said)

    def _stay(self, processes: Processes, story: Story, said: Path) -> None:
        """Leave work in every queue, print the links, and keep the hub and the agent up until told to end."""
        story.start_agent()
        links = story.leave_work()
        leftovers.write(said, story.facts, links)
        self.stdout.write(f"\nThe portal is at {processes.url}; each link works once, as the right person:")
        for purpose, link in links.items():
            self.stdout.write(f"  {purpose.ljust(24)}  {link}")
        self.stdout.write("Ctrl-C ends it.")
        ended = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ended.set())
        while not ended.wait(1):
            processes.restart_dead()

"""Doing one thing from many threads at the same moment."""

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection

from core.errors import Refusal


def race(act: Callable[[int], Any], threads: int = 8) -> tuple[list[Any], list[Refusal]]:
    """Call `act(i)` from each thread at once; answer what came back and what was refused. Any other error is raised."""
    answers: list[Any] = []
    refusals: list[Refusal] = []
    failures: list[BaseException] = []
    gate = threading.Barrier(threads)

    def run(index: int) -> None:
        try:
            gate.wait()
            answers.append(act(index))
        except Refusal as refusal:
            refusals.append(refusal)
        except BaseException as error:  # noqa: BLE001  # raised again in the test's own thread
            failures.append(error)
        finally:
            connection.close()

    running = [threading.Thread(target=run, args=(index,)) for index in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    if failures:
        raise failures[0]
    return answers, refusals

"""`cc-edge` with a power cut built in: `python -m tests.long.mortal_agent WHEN ARGUMENTS` is kill -9 at a line of the agent's own code.

WHEN is {"kept": PATH} to write down each line as an update passes it (file:function), or {"line": N, "after_ms": X}: SIGKILL so long
after the N-th of them, which also hits what is between two lines: SQLite, fsync, the network, ONNX Runtime. An update begins where the
agent follows an entry of its assignment; what came before is the same on every poll.
"""

import json
import os
import signal
import sys
import threading
import types
from pathlib import Path
from typing import Any

import cc_edge
from cc_edge.cli import main

HOME = str(Path(cc_edge.__file__).parent)
BEGINS = "_follow"


class Watch:
    """Counts lines of the agent's own code."""

    def __init__(self, when: dict[str, Any]) -> None:
        self.line, self.after = when.get("line", 0), when.get("after_ms", 0.0) / 1_000
        self.kept = when.get("kept")
        self.lines: list[str] = []
        self.passed, self.has_begun = 0, False

    def called(self, frame: types.FrameType, event: str, argument: object) -> Any:
        code = frame.f_code
        if not code.co_filename.startswith(HOME):
            return None
        self.has_begun = self.has_begun or code.co_name == BEGINS
        return self.went if self.has_begun else None

    def went(self, frame: types.FrameType, event: str, argument: object) -> Any:
        if event == "line":
            self.passed += 1
            self.lines.append(f"{Path(frame.f_code.co_filename).stem}:{frame.f_code.co_name}")
            if self.passed == self.line:
                self.die()
        return self.went

    def die(self) -> None:
        if not self.after:
            os.kill(os.getpid(), signal.SIGKILL)
        threading.Timer(self.after, os.kill, (os.getpid(), signal.SIGKILL)).start()


if __name__ == "__main__":
    watch = Watch(json.loads(sys.argv[1]))
    sys.settrace(watch.called)
    code = main(sys.argv[2:])
    if watch.kept:
        Path(watch.kept).write_text("\n".join(watch.lines))
    sys.exit(code)

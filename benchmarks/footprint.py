"""[footprint] what a default install takes: MB on disk, seconds until the web answers, and MB of a web worker at rest.

What a worker holds after bulk uploads is in [register] (`rss_mb`); what the demo takes is `make demo SERVE=0`, timed here too with DEMO=1.
The reference is what MLflow's server takes (docs/figures.md).
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks._hub import load, own_hub, resident_mb

RUNS = 5
MLFLOW_MB = 1_003


def main() -> None:
    figures: dict[str, Any] = {"ours": _installed_mb(), "unit": "MB, a default install"}
    figures |= {"reference": "MLflow 3.17.2 installed, MB", "reference_value": MLFLOW_MB}
    figures["ratio"] = round(figures["ours"] / MLFLOW_MB, 2)
    figures |= _web()
    if os.environ.get("DEMO"):
        figures["demo_s"] = _demo()
    print(json.dumps({"name": "footprint", **figures, **load()}))


def _installed_mb() -> int:
    """Install what a hub needs, and nothing of development, into a folder of its own; answers its MB."""
    with tempfile.TemporaryDirectory(prefix="command-centre-install-") as folder:
        place = Path(folder) / "venv"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
        install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--link-mode", "copy", "--require-hashes"]
        subprocess.run([*install, "--python", str(place / "bin" / "python"), "-r", "requirements.txt"], check=True)
        used = subprocess.run(["du", "-sm", folder], check=True, stdout=subprocess.PIPE, text=True).stdout
        return int(used.split()[0])


def _web() -> dict[str, Any]:
    with own_hub() as folder:
        from config.processes import Processes, free_port

        took, rest = [], 0
        for _ in range(RUNS):
            hub = Processes(f"127.0.0.1:{free_port()}", folder / "logs", web_workers=2)
            began = time.perf_counter()
            hub.start("web")
            try:
                hub.wait_ready()
                took.append(time.perf_counter() - began)
                rest = max(rest, resident_mb(hub.running["web"].pid))
            finally:
                hub.stop()
        return {"start_s": round(sorted(took)[RUNS // 2], 2), "rest_mb": rest, "seconds": round(sum(took), 2), "rows": RUNS}


def _demo() -> float:
    with tempfile.TemporaryDirectory(prefix="command-centre-demo-") as folder:
        began = time.perf_counter()
        environment = {
            name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL", "STORE_URL")
        }
        subprocess.run(
            [sys.executable, "manage.py", "demo", "--no-serve"], check=True, env={**environment, "VAR_DIR": folder}, stdout=2
        )
        return round(time.perf_counter() - began, 1)


if __name__ == "__main__":
    main()

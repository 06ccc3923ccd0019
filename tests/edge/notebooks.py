"""Notebooks of docs/ as programs: their code cells, one after the other, in a process of its own."""

import json
import os
import subprocess
import sys

from django.conf import settings

NOTEBOOKS = settings.BASE_DIR / "docs" / "notebooks"


def cells_of(name: str) -> list[dict]:
    notebook = json.loads((NOTEBOOKS / name).read_text())
    assert (notebook["nbformat"], notebook["metadata"]["language_info"]["name"]) == (4, "python")
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def run_notebook(name: str, then: str, *, with_torch: bool, **environment: str) -> dict:
    """Run the cells, without those that need PyTorch where it is not wanted, `then` one more, and answer the JSON it prints."""
    cells = [cell for cell in cells_of(name) if with_torch or "torch" not in cell["metadata"].get("tags", ())]
    program = "\n".join("".join(cell["source"]) for cell in cells)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{program}\n{then}"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])

"""Begin a trainer of one's own: a package with an entry point, the example to change, and a test that passes."""

import re
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from accounts.management.base import VerbCommand
from training.trainers.registry import GROUP, trainers

NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")
EXAMPLE = Path("docs", "own-trainer", "nearest_mean.py")
PROJECT = """[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"

[project]
name = "{dashed}"
version = "0.1.0"
description = "A trainer for Command Centre."
requires-python = ">=3.11"
dependencies = ["numpy>=2", "onnx>=1.17", "pillow>=11"]

[project.entry-points."{group}"]
{name} = "{name}:TRAINER"

[tool.hatch.build.targets.wheel]
only-include = ["{name}.py"]
"""
TEST = '''"""A folder as a worker makes it goes in, a bundle comes out: `python -m pytest`, or `python test_{name}.py`."""

import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from PIL import Image

HERE = Path(__file__).parent


def test_it_learns_light_from_dark():
    with tempfile.TemporaryDirectory() as held:
        folder = Path(held)
        (folder / "objects").mkdir()
        lines = []
        for number in range(20):
            label, split = ("dark", "light")[number % 2], "test" if number >= 16 else "train"
            Image.new("L", (8, 8), 200 * (number % 2) + number).save(folder / "objects" / str(number), "PNG")
            truth = {{"label": label}}
            line = {{"sample_id": str(number), "split": split, "file": str(number), "truth": truth, "weight": 1.0}}
            lines.append(json.dumps(line))
        (folder / "manifest.jsonl").write_text("\\n".join(lines))
        job = {{
            "format": 1, "kind": "train", "name": "try", "trainer": "{name}", "seed": 1, "module": "light", "task": "classification",
            "hyperparameters": {{"side": 8, "sharpness": 1.0}}, "labels": [{{"id": 1, "name": "dark"}}, {{"id": 2, "name": "light"}}],
            "schema_revision": 1, "dataset_version": "light@v1.0.0", "fingerprint": "",
        }}
        (folder / "job.json").write_text(json.dumps(job))
        program = [sys.executable, str(HERE / "{name}.py"), str(folder)]
        with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
            said = [json.loads(line) for line in running.stdout]
        assert running.returncode == 0
        assert said[-1]["event"] == "done" and said[-1]["metrics"]["accuracy"] == 1.0
        with zipfile.ZipFile(folder / "artifact" / "bundle.zip") as bundle:
            assert sorted(bundle.namelist()) == ["MODEL_CARD.md", "config.json", "golden.json", "model.onnx"]


if __name__ == "__main__":
    test_it_learns_light_from_dark()
'''


class Command(VerbCommand):
    """`newtrainer NAME [--in FOLDER]`."""

    help = "Write a package with a trainer of your own, that imports nothing of ours, and a test that passes."

    def arguments(self, parser: CommandParser) -> None:
        """Take the name, and where the package is to lie."""
        parser.add_argument("name", help="small letters, digits and _")
        parser.add_argument("--in", type=Path, dest="parent", default=Path(), help="the folder in which it is made (here)")

    def call(self, **options: Any) -> dict[str, Any]:
        """Write the files; refuses a name that is taken."""
        name, folder = options["name"], options["parent"] / options["name"]
        if not NAME.fullmatch(name):
            raise CommandError("A trainer's name is 2 to 40 small letters, digits and _, a letter first.")
        if name in trainers() or folder.exists():
            raise CommandError(f"There is a trainer or a folder {name} already.")
        folder.mkdir(parents=True)
        program = (settings.BASE_DIR / EXAMPLE).read_text().replace("nearest_mean.py", f"{name}.py")
        program = program.replace("Nearest mean image (an example)", name.replace("_", " ").capitalize())
        files = {
            "pyproject.toml": PROJECT.format(name=name, dashed=name.replace("_", "-"), group=GROUP),
            f"{name}.py": program,
            f"test_{name}.py": TEST.format(name=name),
        }
        for file, content in files.items():
            (folder / file).write_text(content)
        return {"folder": str(folder), "try": f"python {folder / f'test_{name}.py'}", "install": f"pip install {folder}"}

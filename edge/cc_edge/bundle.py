"""A bundle as it arrives: a stored ZIP of exactly four files, looked at from outside before anything of it is used."""

import json
import platform
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cc_edge import __version__, outputs, preprocessing
from cc_edge.errors import Unfit
from cc_edge.onnx_graph import refuse_external_data

FORMAT = 1
NAMES = {"MODEL_CARD.md", "config.json", "golden.json", "model.onnx"}
MOST_BYTES = 1 << 30
MOST_JSON_BYTES = 32 << 20
CONFIG = {"module": str, "labels": list, "output": str, "input_shape": list, "min_edge_version": str, "platforms": list}


class BadBundle(Unfit):
    """The file is no bundle that this agent may run; the sentence says why."""


@dataclass(frozen=True)
class Bundle:
    """The content of a bundle, checked; `golden` are inputs with the outputs they must give."""

    model: bytes
    config: dict[str, Any]
    golden: list[dict[str, Any]]

    @property
    def labels(self) -> list[str]:
        """The label of each output, in order."""
        return [label["name"] for label in self.config["labels"]]


def unpack(archive: Path, folder: Path) -> None:
    """Write the files of a bundle into `folder`, which is there and empty; raises BadBundle before anything is written."""
    try:
        with zipfile.ZipFile(archive) as opened:
            _check_entries(opened.infolist())
            files = {entry.filename: opened.read(entry) for entry in opened.infolist()}
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise BadBundle(f"The bundle is not a whole ZIP file: {error}") from error
    _parse(files)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def load(folder: Path) -> Bundle:
    """Read an unpacked bundle and check it again; raises BadBundle, FileNotFoundError."""
    return _parse({name: (folder / name).read_bytes() for name in NAMES})


def refuse_unfit_platform(config: Mapping[str, Any]) -> None:
    """Raise BadBundle where the model needs a newer agent or another kind of machine."""
    if _numbers(config["min_edge_version"]) > _numbers(__version__):
        raise BadBundle(f"The model needs cc-edge {config['min_edge_version']} or newer; this is {__version__}.")
    here = this_platform()
    if config["platforms"] and here not in config["platforms"]:
        raise BadBundle(f"The model was not made for {here}.")


def this_platform() -> str:
    """Spell this machine as bundles do: linux/x86_64."""
    return f"{platform.system().lower()}/{platform.machine().lower()}"


def _check_entries(entries: list[zipfile.ZipInfo]) -> None:
    names = [entry.filename for entry in entries]
    if sorted(names) != sorted(NAMES):
        strange = next((name for name in names if name not in NAMES or names.count(name) > 1), "")
        raise BadBundle(f"A bundle holds exactly {', '.join(sorted(NAMES))}; found {strange[:80]!r}.")
    if any(entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1 for entry in entries):
        raise BadBundle("The files of a bundle are stored as they are, neither compressed nor encrypted.")
    if sum(entry.file_size for entry in entries) > MOST_BYTES:
        raise BadBundle(f"A bundle may have {MOST_BYTES} bytes at most.")
    if any(entry.file_size > MOST_JSON_BYTES for entry in entries if entry.filename.endswith(".json")):
        raise BadBundle(f"The JSON files of a bundle may have {MOST_JSON_BYTES} bytes at most.")


def _parse(files: Mapping[str, bytes]) -> Bundle:
    try:
        config, golden = json.loads(files["config.json"]), json.loads(files["golden.json"])
    except (ValueError, RecursionError) as error:
        raise BadBundle("The bundle's JSON cannot be read.") from error
    _check_config(config)
    if not isinstance(golden, list) or not golden or not all(isinstance(entry, dict) for entry in golden):
        raise BadBundle("The bundle has no golden inputs.")
    refuse_external_data(files["model.onnx"])
    return Bundle(files["model.onnx"], config, golden)


def _check_config(config: Any) -> None:
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise BadBundle(f"This agent knows bundles of format {FORMAT} only.")
    for key, kind in CONFIG.items():
        if not isinstance(config.get(key), kind):
            raise BadBundle(f"config.json says nothing usable of {key}.")
    outputs.check(config["output"], config.get("output_options", {}))
    labels = config["labels"]
    if (not labels and config["output"] != "ctc_text") or not all(
        isinstance(label, dict) and isinstance(label.get("name"), str) for label in labels
    ):
        raise BadBundle("config.json must name its labels.")
    preprocessing.check(config.get("preprocessing"))
    if config["input_shape"] != preprocessing.input_shape(config["preprocessing"]):
        raise BadBundle("The input shape is not what the preprocessing gives.")


def _numbers(version: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in version.split("-", maxsplit=1)[0].split("."))
    except ValueError as error:
        raise BadBundle(f"{version[:40]!r} is no version number.") from error

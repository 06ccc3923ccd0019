"""The bundle: what an edge installs. A stored ZIP of four files, the same bytes for the same content; nothing executable.

- model.onnx: the network, all of its weights inside;
- config.json: how a file becomes its input (training/preprocessing.py), and its output an answer (training/outputs.py);
- golden.json: synthetic inputs with the outputs they must give on any machine;
- MODEL_CARD.md: for people.

Knows files and JSON, neither the database nor Django.
"""

import base64
import hashlib
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training import outputs, preprocessing

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

NAMES = ("MODEL_CARD.md", "config.json", "golden.json", "model.onnx")
MAX_BYTES = 1 << 30
MOST_CARD = 100_000
EPOCH = (1980, 1, 1, 0, 0, 0)
FORMAT = 1
CONFIG_KEYS = frozenset(
    {
        "format",
        "module",
        "task",
        "labels",
        "schema_revision",
        "preprocessing",
        "output",
        "input_shape",
        "opset",
        "ir_version",
        "min_edge_version",
        "platforms",
    }
)
TOLERANCE = 1e-4
FIRST_EDGE, SECOND_EDGE = "0.1.0", "0.2.0"
"""The first agents know labels of pictures only; the second ones know texts, boxes and features too."""
PLATFORMS = ("linux/aarch64", "linux/x86_64")


class BadBundle(ValueError):
    """The file is no bundle of ours, and this sentence says why."""


@dataclass(frozen=True)
class Bundle:
    """A bundle's content, read whole and checked."""

    model: bytes
    config: dict[str, Any]
    golden: list[dict[str, Any]]
    card: str

    @property
    def config_bytes(self) -> bytes:
        """Spell config.json as it lies in the ZIP."""
        return _json_bytes(self.config)


def write_bundle(path: Path, bundle: Bundle) -> None:
    """Write the ZIP: entries stored, sorted by name, times zeroed. Raises BadBundle for a content we would not read."""
    _check(bundle.config, bundle.golden)
    files = {
        "MODEL_CARD.md": bundle.card.encode(),
        "config.json": bundle.config_bytes,
        "golden.json": _json_bytes(bundle.golden),
        "model.onnx": bundle.model,
    }
    with zipfile.ZipFile(path, "x", zipfile.ZIP_STORED) as archive:
        for name in NAMES:
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = 0o644 << 16
            entry.create_system = 3
            archive.writestr(entry, files[name])


def read_bundle(path: Path) -> Bundle:
    """Read and check a bundle; raises BadBundle."""
    try:
        with zipfile.ZipFile(path) as archive:
            _check_entries(archive.infolist())
            files = {name: archive.read(name) for name in NAMES}
        config, golden = json.loads(files["config.json"]), json.loads(files["golden.json"])
        card = files["MODEL_CARD.md"].decode()
    except (OSError, zipfile.BadZipFile, ValueError, RuntimeError) as error:  # encrypted, or nested without end
        raise BadBundle(f"The bundle cannot be read: {error}") from error
    if len(card) > MOST_CARD or "\0" in card:
        raise BadBundle(f"MODEL_CARD.md is text of {MOST_CARD:,} characters at most.")
    _check(config, golden)
    return Bundle(files["model.onnx"], config, golden, card)


def oldest_edge(output: str, steps: Sequence[Mapping[str, Any]]) -> str:
    """Answer the version of the oldest agent that knows this output and these steps."""
    return FIRST_EDGE if output == "softmax_labels" and steps[0]["step"] == "decode" else SECOND_EDGE


def golden_entry(
    given: "npt.NDArray[np.float32]", output: "npt.NDArray[np.float32]", final: Mapping[str, Any]
) -> dict[str, Any]:
    """Describe one golden input (a batch of one): its bytes, and what must come out, `final` being the answer's value.

    `input` is base64 of little-endian float32 with its shape; `input_sha256` is over those bytes.
    """
    raw = given.astype("<f4").tobytes()
    return {
        "input_sha256": hashlib.sha256(raw).hexdigest(),
        "input": {"shape": list(given.shape), "float32": base64.b64encode(raw).decode()},
        "output": [float(value) for value in output.reshape(-1)],
        "final": dict(final),
        "tolerance": TOLERANCE,
    }


def _check_entries(entries: Sequence[zipfile.ZipInfo]) -> None:
    if sorted(entry.filename for entry in entries) != sorted(NAMES):
        raise BadBundle(f"A bundle holds exactly {', '.join(NAMES)}.")
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise BadBundle("The files of a bundle are stored, not compressed.")
    if sum(entry.file_size for entry in entries) > MAX_BYTES:
        raise BadBundle(f"A bundle may have {MAX_BYTES} bytes at most.")


def _check(config: Any, golden: Any) -> None:
    if not isinstance(config, Mapping) or config.get("format") != FORMAT:
        raise BadBundle(f"config.json must be an object of format {FORMAT}.")
    if missing := sorted(CONFIG_KEYS - set(config)):
        raise BadBundle(f"config.json lacks {', '.join(missing)}.")
    try:
        outputs.check(config["output"], config.get("output_options", {}))
    except (outputs.UnknownOutput, TypeError) as error:
        raise BadBundle(f"config.json: {error}") from error
    labels = config["labels"]
    if (
        not isinstance(labels, list)
        or (not labels and config["output"] != "ctc_text")
        or not all(isinstance(label, Mapping) and "name" in label for label in labels)
    ):
        raise BadBundle("config.json must list its labels.")
    try:
        preprocessing.check(config["preprocessing"])
    except (preprocessing.UnknownStep, AttributeError, TypeError) as error:
        raise BadBundle(f"config.json: {error}") from error
    if config["input_shape"] != preprocessing.input_shape(config["preprocessing"]):
        raise BadBundle("The input shape is not what the preprocessing gives.")
    if not isinstance(golden, list) or not golden:
        raise BadBundle("A bundle needs golden inputs.")


def _json_bytes(value: Any) -> bytes:
    return (json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()

"""`python -m training.admission FOLDER`: looks at a model that was trained elsewhere, in a process of its own.

Knows no database and no Django. The folder holds the file as it came (`model`) and request.json: the module with its labels,
`config` for a bare ONNX file, and the limits. It leaves `bundle.zip`, in our own writing, and admitted.json; or refused.json
with a sentence. Whoever reads neither knows that the network brought this process down.
"""

import base64
import json
import resource
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training import outputs
from training.admission.config import Unadmitted, config_of
from training.admission.names import ADMITTED_NAME, MODEL_NAME, REFUSED_NAME, REQUEST_NAME
from training.admission.network import answering_as, answering_output, check_input, opened, parsed, said
from training.bundle import BadBundle, Bundle, golden_entry, read_bundle, write_bundle
from training.trainers.work import BUNDLE_NAME

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

GOLDEN, MOST_GOLDEN = 4, 64
GOLDEN_TOLERANCE = 1e-3
CPU_SLACK_SECONDS = 30  # the supervisor, who has a sentence for it, comes first
MEBIBYTE = 1 << 20


def admit(folder: Path) -> dict[str, Any]:
    """Look at the model of a folder and write its bundle; answers what is to be remembered of it. Raises Unadmitted."""
    request = json.loads((folder / REQUEST_NAME).read_text())
    told, content, golden, card = _read(folder / MODEL_NAME, request)
    config = config_of(told, request)
    model = parsed(content)
    session = opened(content)
    check_input(session, config["input_shape"])
    given = [_tensor(entry, config) for entry in golden] or _synthetic(config)
    name = answering_output(session, given[0], config)
    answered = [said(session, name, tensor, config) for tensor in given]
    _compare(golden, answered)
    versions = {entry.domain: entry.version for entry in model.opset_import}
    config |= {"opset": max(versions.get("", 0), versions.get("ai.onnx", 0)), "ir_version": model.ir_version}
    answers = [_decoded(config, output, tensor) for tensor, output in zip(given, answered, strict=True)]
    rows = zip(given, answered, answers, strict=True)
    entries = [golden_entry(tensor, output, answer.value) for tensor, output, answer in rows]
    wanted = outputs.NAMES[config["output"]]
    write_bundle(folder / BUNDLE_NAME, Bundle(answering_as(model, name, wanted, content), config, entries, card))
    told_answers = [{**answer.value, "confidence": round(answer.confidence, 6)} for answer in answers[:GOLDEN]]
    return {"opset": config["opset"], "ir_version": config["ir_version"], "output_was": name, "answers": told_answers}


def _read(path: Path, request: Mapping[str, Any]) -> tuple[Mapping[str, Any], bytes, list[dict[str, Any]], str]:
    """Answer what is told of the model, the network, golden inputs, and the card."""
    with path.open("rb") as stream:
        is_zip = stream.read(4) == b"PK\x03\x04"
    if request["config"]:
        if is_zip:
            raise Unadmitted("The file is a ZIP: a bundle brings its own config; send it without one, or send the ONNX file.")
        return request["config"], path.read_bytes(), [], request["card"]
    if not is_zip:
        raise Unadmitted("The file is no bundle. Of a bare ONNX file say how it is used: send its config along.")
    try:
        bundle = read_bundle(path)
    except BadBundle as error:
        raise Unadmitted(str(error)) from error
    if bundle.config["module"] != request["module"] or bundle.config["task"] != request["task"]:
        raise Unadmitted(f"The bundle is for the module {str(bundle.config['module'])[:80]!r}, not for {request['module']}.")
    if len(bundle.golden) > MOST_GOLDEN:
        raise Unadmitted(f"The bundle has {len(bundle.golden):,} golden inputs; {MOST_GOLDEN} are looked at.")
    return bundle.config, bundle.model, bundle.golden, bundle.card


def _tensor(entry: Mapping[str, Any], config: Mapping[str, Any]) -> "Floats":
    """Read one golden input of a bundle; raises Unadmitted."""
    import numpy as np

    try:
        raw = base64.b64decode(entry["input"]["float32"], validate=True)
        tensor: Floats = np.frombuffer(raw, dtype="<f4").reshape(config["input_shape"]).astype(np.float32)
        wanted = np.asarray(entry["output"], dtype=np.float32)
    except (KeyError, TypeError, ValueError) as error:
        raise Unadmitted("A golden input of the bundle cannot be read, or has another shape than the model's input.") from error
    if not (np.isfinite(tensor).all() and np.isfinite(wanted).all()):
        raise Unadmitted("A golden input or output of the bundle is no number (NaN or infinity).")
    return tensor


def _synthetic(config: Mapping[str, Any]) -> "list[Floats]":
    """Answer inputs as files would give them: drawn with a fixed seed, spread as the step `scale` spreads them."""
    import numpy as np

    scale, random = config["preprocessing"][2], np.random.default_rng(7)
    most = 1.0 if config["preprocessing"][0]["step"] == "features" else 255.0
    drawn = [random.random(config["input_shape"], dtype=np.float32) * np.float32(most) for _ in range(GOLDEN)]
    return [one * np.float32(scale["multiply"]) + np.float32(scale["add"]) for one in drawn]


def _compare(golden: Sequence[Mapping[str, Any]], said: "Sequence[Floats]") -> None:
    """Raise Unadmitted where a bundle's golden inputs give other outputs here than it says."""
    import numpy as np

    for number, (entry, output) in enumerate(zip(golden, said, strict=False), start=1):
        wanted = np.asarray(entry["output"], dtype=np.float32).reshape(-1)
        if wanted.size != output.size or not np.allclose(wanted, output.reshape(-1), rtol=0, atol=GOLDEN_TOLERANCE):
            raise Unadmitted(f"Golden input {number} gives another output here than the bundle says.")


def _decoded(config: Mapping[str, Any], output: "Floats", tensor: "Floats") -> outputs.Answer:
    names, options = [label["name"] for label in config["labels"]], config.get("output_options") or {}
    return outputs.decode(config["output"], options, names, output, outputs.golden_size(tensor.shape))


def _confine(limits: Mapping[str, int]) -> None:
    """Have the kernel keep this process within its limits, whatever a network does; its supervisor looks on as well."""
    import onnx  # noqa: F401  what is loaded before is not the network's
    import onnxruntime  # noqa: F401

    Path("/proc/self/oom_score_adj").write_text("1000")  # of all processes this one is missed least
    for kind, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, limits["seconds"] + CPU_SLACK_SECONDS),
        (resource.RLIMIT_DATA, limits["memory_mb"] * MEBIBYTE),
        (resource.RLIMIT_FSIZE, limits["file_mb"] * MEBIBYTE),
    ):
        resource.setrlimit(kind, (most, most))


def main(arguments: Sequence[str]) -> int:
    """Do it for one folder; answers the exit status."""
    folder = Path(arguments[0])
    _confine(json.loads((folder / REQUEST_NAME).read_text())["limits"])
    try:
        name, document = ADMITTED_NAME, admit(folder)
    except Unadmitted as refusal:
        name, document = REFUSED_NAME, {"sentence": str(refusal)}
    except MemoryError:
        name, document = REFUSED_NAME, {"sentence": "The model needs more memory than there is for looking at one."}
    (folder / name).write_text(json.dumps(document))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

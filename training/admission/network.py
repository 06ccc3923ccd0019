"""An ONNX network of unknown origin: what may be wrong with it is found here, within a process that it cannot leave."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from training import outputs
from training.admission.config import Unadmitted

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from onnx import ModelProto
    from onnxruntime import InferenceSession

    Floats = npt.NDArray[np.float32]

MOST_OPSETS = {"": 26, "ai.onnx": 26, "ai.onnx.ml": 5}
"""What onnxruntime 1.31 runs, the oldest that an agent may have (edge/pyproject.toml); a test holds them against it."""
MOST_IR = 13
SUM_TOLERANCE = 1e-3
SHORT_OF_MEMORY = ("bad_alloc", "Failed to allocate", "bad allocation")


def parsed(content: bytes) -> "ModelProto":
    """Read an ONNX file that is whole, keeps no data elsewhere, and asks for no more than agents have; raises Unadmitted."""
    import onnx

    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:  # protobuf's own, of either of its two implementations
        raise Unadmitted("The file is not an ONNX model, or it was cut off.") from error
    if not model.ir_version or not model.graph.node:
        raise Unadmitted("The file is not an ONNX model, or it was cut off.")
    if _has_data_elsewhere(model):
        raise Unadmitted("The model keeps weights in another file (external data); save it with all of them inside.")
    _check_versions(model)
    try:
        onnx.checker.check_model(model)
    except Exception as error:
        raise Unadmitted(f"The ONNX model is not sound: {_first_line(error)}") from error
    return model


def opened(content: bytes) -> "InferenceSession":
    """Open a network to run on one thread; raises Unadmitted."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the library raises a class of its own for each kind of refusal
        raise _not_run("ONNX Runtime does not load the model", error) from error


def check_input(session: "InferenceSession", shape: Sequence[int]) -> None:
    """Raise Unadmitted unless it takes one input of floats, of this shape."""
    inputs = session.get_inputs()
    if len(inputs) != 1:
        raise Unadmitted(f"The model takes {len(inputs)} inputs; agents give exactly one.")
    given = inputs[0]
    if given.type != "tensor(float)":
        raise Unadmitted(f"The model's input is {given.type}; agents give float32.")
    fits = len(given.shape) == len(shape) and all(
        not isinstance(its, int) or its == ours for its, ours in zip(given.shape, shape, strict=True)
    )
    if not fits:
        raise Unadmitted(f"The model takes an input of {_spelled(given.shape)}; its preprocessing gives {_spelled(shape)}.")


def answering_output(session: "InferenceSession", tensor: "Floats", config: Mapping[str, Any]) -> str:
    """Answer the name of the output that is what the config says: the one of our name, else the first that fits."""
    tensors = [one.name for one in session.get_outputs() if one.type.startswith("tensor")]
    shapes: dict[str, tuple[int, ...]] = {name: _run(session, name, tensor).shape for name in tensors}
    wanted = outputs.NAMES[config["output"]]
    for name in sorted(shapes, key=lambda name: name != wanted):
        if _fits(shapes[name], config):
            return name
    needs = {
        "softmax_labels": f"[1, {len(config['labels'])}]: a probability for each label",
        "ctc_text": f"[1, steps, {1 + len((config.get('output_options') or {}).get('alphabet', ()))}]: none, and each character",
        "boxes": f"[1, n, {4 + len(config['labels'])}]: four sides, and a score for each label",
    }[config["output"]]
    found = ", ".join(_spelled(shape) for shape in shapes.values()) or "no tensor"
    raise Unadmitted(f"The model answers {found}; the module needs {needs}.")


def _fits(shape: Sequence[int], config: Mapping[str, Any]) -> bool:
    labels, options = len(config["labels"]), config.get("output_options") or {}
    if config["output"] == "softmax_labels":
        return tuple(shape) == (1, labels)
    last = 1 + len(options["alphabet"]) if config["output"] == "ctc_text" else 4 + labels
    return len(shape) == 3 and shape[0] == 1 and shape[2] == last and shape[1] > 0


def _run(session: "InferenceSession", name: str, tensor: "Floats") -> Any:
    try:
        return session.run([name], {session.get_inputs()[0].name: tensor})[0]
    except Exception as error:
        raise _not_run("The model does not run", error) from error


def said(session: "InferenceSession", name: str, tensor: "Floats", config: Mapping[str, Any]) -> "Floats":
    """Answer the output for one input; raises Unadmitted where it is not what this kind of output is."""
    import numpy as np

    output = _run(session, name, tensor)
    if output.dtype != np.float32:
        raise Unadmitted(f"The model answers {output.dtype}; agents read float32.")
    if not np.isfinite(output).all():
        raise Unadmitted("The model answers a sample with what is no number (NaN or infinity).")
    scores = output[..., 4:] if config["output"] == "boxes" else output
    sums = np.ones(1) if config["output"] == "boxes" else scores.sum(axis=-1)
    if scores.min() < -SUM_TOLERANCE or scores.max() > 1 + SUM_TOLERANCE or abs(sums - 1).max() > SUM_TOLERANCE:
        raise Unadmitted("The model does not answer with probabilities of 0 to 1 (that sum to 1): end it with a softmax.")
    answer: Floats = output
    return answer


def answering_as(model: "ModelProto", name: str, wanted: str, content: bytes) -> bytes:
    """Answer the network with its output under the name that scoring and agents ask for; the same bytes where it has it."""
    if name == wanted:
        return content
    from onnx import helper

    for kept in [one for one in model.graph.output if one.name != name]:
        model.graph.output.remove(kept)
    if any(wanted in (*node.output, *node.input) for node in model.graph.node):
        raise Unadmitted(f"The model calls something else {wanted!r}; call its output so.")
    model.graph.node.append(helper.make_node("Identity", [name], [wanted]))
    model.graph.output[0].name = wanted
    return bytes(model.SerializeToString())


def _has_data_elsewhere(message: Any) -> bool:
    """Tell whether any tensor, however deep, names a file: all messages are walked, so that no new field is forgotten."""
    waiting = [message]
    while waiting:
        one = waiting.pop()
        if one.DESCRIPTOR.name == "TensorProto" and (one.data_location or one.external_data):
            return True
        for field, value in one.ListFields():
            if field.message_type is not None:
                waiting.extend(value if field.is_repeated else [value])
    return False


def _check_versions(model: "ModelProto") -> None:
    own = {function.domain for function in model.functions}
    for entry in model.opset_import:
        if entry.domain in own:
            continue
        most = MOST_OPSETS.get(entry.domain)
        if most is None:
            raise Unadmitted(f"The model uses operators of {entry.domain[:60]!r}; agents know those of ONNX alone.")
        if entry.version > most:
            name = f"opset {entry.version}" + (f" of {entry.domain}" if entry.domain else "")
            raise Unadmitted(f"The model needs {name}; agents run up to {most}. Export it with an older opset.")
    if model.ir_version > MOST_IR:
        raise Unadmitted(f"The model is written in IR version {model.ir_version}; agents read up to {MOST_IR}.")


def _not_run(words: str, error: Exception) -> Unadmitted:
    text = _first_line(error)
    if isinstance(error, MemoryError) or any(sign in str(error) for sign in SHORT_OF_MEMORY):
        return Unadmitted("The model needs more memory than there is for looking at one.")
    return Unadmitted(f"{words}: {text}")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _spelled(shape: Sequence[Any]) -> str:
    return f"[{', '.join('?' if not isinstance(side, int) else str(side) for side in shape)}]"

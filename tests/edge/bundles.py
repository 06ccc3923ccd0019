"""Small real models for the edge's tests: one linear layer and a softmax over sixteen pixels."""

import io
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from cc_edge.bundle import this_platform
from training.bundle import Bundle, golden_entry, write_bundle

LABELS = ["dark", "light"]
CARD = "# A test model\n"
STEPS = [
    {"step": "decode", "mode": "L"},
    {"step": "resize", "width": 4, "height": 4, "filter": "box"},
    {"step": "scale", "multiply": 1 / 255, "add": 0.0},
    {"step": "layout", "order": "flat"},
]


def weights(kind: int = 1) -> np.ndarray:
    """A light image makes the second label likely; a negative kind turns that round."""
    return np.stack([np.full(16, -kind), np.full(16, kind)], axis=1).astype(np.float32)


def onnx_model(kind: int = 1) -> bytes:
    half = numpy_helper.from_array(np.array(0.5, dtype=np.float32), "half")
    matrix = numpy_helper.from_array(weights(kind), "w")
    graph = helper.make_graph(
        [
            helper.make_node("Sub", ["x", "half"], ["centred"]),
            helper.make_node("MatMul", ["centred", "w"], ["z"]),
            helper.make_node("Softmax", ["z"], ["p"]),
        ],
        "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 16])],
        [helper.make_tensor_value_info("p", TensorProto.FLOAT, [1, 2])],
        [half, matrix],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def slow_model(kind: int = 1, side: int = 1_500) -> bytes:
    """The same answers, after a product of two large matrices that changes nothing and that no optimizer can leave out."""
    model = onnx.load_from_string(onnx_model(kind))
    graph = model.graph
    graph.initializer.append(numpy_helper.from_array(np.array([side, side], dtype=np.int64), "square"))
    graph.initializer.append(numpy_helper.from_array(np.array(0, dtype=np.float32), "nought"))
    work = [
        helper.make_node("ReduceMean", ["x"], ["mean"], keepdims=0),
        helper.make_node("Expand", ["mean", "square"], ["large"]),
        helper.make_node("MatMul", ["large", "large"], ["product"]),
        helper.make_node("ReduceMean", ["product"], ["told"], keepdims=0),
        helper.make_node("Mul", ["told", "nought"], ["nothing"]),
        helper.make_node("Add", ["quick", "nothing"], ["p"]),
    ]
    graph.node[-1].output[0] = "quick"
    graph.node.extend(work)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def config(**changes) -> dict:
    return {
        "format": 1,
        "module": "digits",
        "task": "classification",
        "labels": [{"id": number, "name": name} for number, name in enumerate(LABELS)],
        "schema_revision": 1,
        "preprocessing": STEPS,
        "output": "softmax_labels",
        "input_shape": [1, 16],
        "opset": 21,
        "ir_version": 10,
        "min_edge_version": "0.1.0",
        "platforms": [this_platform()],
        **changes,
    }


def golden(kind: int = 1) -> list[dict]:
    given = np.random.default_rng(5).random((3, 1, 16), dtype=np.float32)
    entries = []
    for one in given:
        z = (one - np.float32(0.5)) @ weights(kind)
        p = np.exp(z) / np.exp(z).sum()
        entries.append(golden_entry(one, p.astype(np.float32), {"label": LABELS[int(p.argmax())]}))
    return entries


def bundle_bytes(
    folder: Path, *, kind: int = 1, golden_of: int | None = None, card: str = CARD, slow=False, **changes
) -> bytes:
    """The stored ZIP; `golden_of` another kind makes a bundle whose golden check fails, a long `card` a larger one."""
    path = folder / f"made-{len(list(folder.glob('made-*')))}.zip"
    goldens = golden(kind if golden_of is None else golden_of)
    write_bundle(path, Bundle((slow_model if slow else onnx_model)(kind), config(**changes), goldens, card))
    return path.read_bytes()


def image(level: int) -> bytes:
    out = io.BytesIO()
    Image.new("L", (8, 8), level).save(out, "PNG")
    return out.getvalue()

"""What the program that looks at models of unknown origin admits, and with which sentence it refuses the rest."""

import io
import json
import zipfile

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from cc_edge import bundle as edge_bundle
from cc_edge.model import Model
from tests.edge import bundles
from training.admission.__main__ import admit
from training.admission.config import Unadmitted
from training.admission.names import MODEL_NAME, REQUEST_NAME
from training.admission.network import MOST_IR, MOST_OPSETS
from training.bundle import read_bundle

FLOAT = TensorProto.FLOAT
CONFIG = {"preprocessing": bundles.STEPS}
REQUEST = {
    "module": "digits",
    "task": "classification",
    "dims": None,
    "labels": [{"id": 0, "names": ["dark"]}, {"id": 1, "names": ["bright", "light"]}],
    "schema_revision": 3,
    "card": "# From elsewhere\n",
}


@pytest.fixture
def look(tmp_path):
    """Have a file looked at; answers what was admitted, or the sentence of the refusal."""

    def look(content, *, config=CONFIG, **changes):
        (tmp_path / MODEL_NAME).write_bytes(content)
        (tmp_path / REQUEST_NAME).write_text(json.dumps({**REQUEST, "config": config, **changes}))
        try:
            return admit(tmp_path)
        except Unadmitted as refusal:
            return str(refusal)

    return look


def network(
    *nodes, given=("x", FLOAT, [1, 16]), answers=("probabilities", FLOAT, [1, 2]), weights=(), opset=21, ir=10, domain=""
):
    graph = helper.make_graph(
        [helper.make_node(*node[:3], **(node[3] if len(node) > 3 else {})) for node in nodes],
        "g",
        [helper.make_tensor_value_info(*given)],
        [helper.make_tensor_value_info(*answers)],
        list(weights),
    )
    versions = [helper.make_opsetid("", 21 if domain else opset)]
    versions += [helper.make_opsetid(domain, opset)] if domain else []
    return helper.make_model(graph, opset_imports=versions, ir_version=ir).SerializeToString()


def constant(values):
    """A network that answers the same whatever it is given."""
    array = np.array([values], dtype=np.float32)
    return network(
        ("ReduceMean", ["x"], ["mean"], {"keepdims": 1}),
        ("Mul", ["mean", "none"], ["zero"]),
        ("Add", ["zero", "said"], ["probabilities"]),
        weights=[numpy_helper.from_array(array, "said"), numpy_helper.from_array(np.zeros(1, np.float32), "none")],
        answers=("probabilities", FLOAT, [1, len(values)]),
    )


def elsewhere():
    """A network one of whose weights lies in another file, hidden in an attribute of a node."""
    model = onnx.load_from_string(constant([0.5, 0.5]))
    tensor = numpy_helper.from_array(np.zeros(4, np.float32), "far")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    model.graph.node.append(helper.make_node("Constant", [], ["unused"], value=tensor))
    return model.SerializeToString()


def test_a_bare_network_becomes_a_bundle_that_an_agent_runs(look, tmp_path):
    told = look(bundles.onnx_model())
    assert (told["opset"], told["output_was"], len(told["answers"])) == (21, "p", 4)
    assert {answer["label"] for answer in told["answers"]} <= {"dark", "bright"}
    made = read_bundle(tmp_path / "bundle.zip")
    assert made.config["labels"] == [{"id": 0, "name": "dark"}, {"id": 1, "name": "bright"}]
    assert (made.config["min_edge_version"], made.card) == ("0.1.0", "# From elsewhere\n")
    (tmp_path / "edge").mkdir()
    edge_bundle.unpack(tmp_path / "bundle.zip", tmp_path / "edge")
    Model(edge_bundle.load(tmp_path / "edge")).check_golden()


def test_a_network_whose_output_has_our_name_keeps_its_bytes(look, tmp_path):
    content = constant([0.25, 0.75])
    assert look(content)["answers"][0] == {"label": "bright", "confidence": 0.75}
    assert read_bundle(tmp_path / "bundle.zip").model == content


def test_labels_may_be_named_by_id_by_name_or_by_a_former_name_in_any_order(look, tmp_path):
    assert look(constant([0.25, 0.75]), config={**CONFIG, "labels": ["light", 0]})["answers"][0]["label"] == "dark"
    names = [label["name"] for label in read_bundle(tmp_path / "bundle.zip").config["labels"]]
    assert names == ["bright", "dark"]


def test_a_bundle_is_taken_with_its_golden_inputs(look, tmp_path):
    told = look(bundles.bundle_bytes(tmp_path), config={})
    assert told["answers"][0]["confidence"] <= 1
    made = read_bundle(tmp_path / "bundle.zip")
    assert (len(made.golden), made.card) == (3, "# A test model\n")
    assert made.config["labels"][1] == {"id": 1, "name": "bright"}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(64), "not an ONNX model"),
        (b"", "not an ONNX model"),
        (b"hello, I am text", "not an ONNX model"),
        (bundles.onnx_model()[:-9], "cut off"),
        (elsewhere(), "weights in another file"),
        (network(("Softmax", ["x"], ["probabilities"]), opset=27), "opset 27; agents run up to 26"),
        (network(("Softmax", ["x"], ["probabilities"]), opset=9, domain="ai.onnx.ml"), "opset 9 of ai.onnx.ml; agents run up to 5"),
        (network(("Softmax", ["x"], ["probabilities"]), opset=1, domain="com.hostile"), "operators of 'com.hostile'"),
        (network(("Softmax", ["x"], ["probabilities"]), ir=14), "IR version 14; agents read up to 13"),
        (network(("Gemm", ["x", "nowhere"], ["probabilities"])), "not sound"),
        (network(("Softmax", ["x"], ["probabilities"]), given=("x", FLOAT, [1, 784])), "an input of [1, 784]; its preprocessing gives [1, 16]"),
        (network(("Cast", ["x"], ["probabilities"], {"to": FLOAT}), given=("x", TensorProto.INT64, [1, 16])), "input is tensor(int64)"),
        (network(("Softmax", ["x"], ["probabilities"]), answers=("probabilities", FLOAT, [1, 16])), "answers [1, 16]; the module needs [1, 2]"),
        (constant([float("nan"), 1.0]), "no number (NaN or infinity)"),
        (constant([7.5, -3.0]), "end it with a softmax"),
        (constant([0.9, 0.9]), "end it with a softmax"),
    ],
)  # fmt: skip
def test_a_network_that_cannot_be_registered_is_refused_with_a_sentence(look, tmp_path, content, sentence):
    assert sentence in look(content)
    assert not (tmp_path / "bundle.zip").exists()


@pytest.mark.parametrize(
    ("config", "request_", "sentence"),
    [
        ({**CONFIG, "labels": ["dark", "purple"]}, {}, "has no label 'purple'; it has dark, bright"),
        ({**CONFIG, "labels": ["dark", "dark"]}, {}, "named twice"),
        ({**CONFIG, "labels": "dark"}, {}, "labels are a list"),
        ({**CONFIG, "output": "boxes"}, {}, "needs the output softmax_labels"),
        ({"labels": ["dark"]}, {}, "say the preprocessing"),
        ({"preprocessing": [{"step": "exec"}]}, {}, "The steps must be decode"),
        (CONFIG, {"task": "features", "dims": 4}, "does not begin with the step decode"),
        (CONFIG, {"task": "text"}, "The output, or one of its options"),
    ],
)
def test_a_config_that_does_not_fit_the_module_is_refused(look, config, request_, sentence):
    assert sentence in look(bundles.onnx_model(), config=config, **request_)


def test_bundles_that_cannot_be_registered(look, tmp_path):
    assert "brings its own config" in look(bundles.bundle_bytes(tmp_path))
    assert "for the module 'meters', not for digits" in look(bundles.bundle_bytes(tmp_path, module="meters"), config={})
    assert "Golden input 1 gives another output" in look(bundles.bundle_bytes(tmp_path, golden_of=-1), config={})
    assert "cannot be read" in look(bundles.bundle_bytes(tmp_path)[:-30], config={})
    assert "is no bundle" in look(bundles.onnx_model(), config={})
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("evil.py", "import os")
    assert "A bundle holds exactly" in look(packed.getvalue(), config={})


def test_the_bounds_are_those_of_the_runtime_that_agents_have():
    quiet = onnxruntime.SessionOptions()
    quiet.log_severity_level = 4

    def runs(**changes):
        try:
            onnxruntime.InferenceSession(network(("Softmax", ["x"], ["probabilities"]), **changes), quiet)
        except Exception:  # noqa: BLE001  the library raises a class of its own for each kind of refusal
            return False
        return True

    for domain, most in (("", MOST_OPSETS[""]), ("ai.onnx.ml", MOST_OPSETS["ai.onnx.ml"])):
        assert (runs(opset=most, domain=domain), runs(opset=most + 1, domain=domain)) == (True, False)
    assert (runs(ir=MOST_IR), runs(ir=MOST_IR + 1)) == (True, False)

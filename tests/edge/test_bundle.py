"""A bundle is looked at from outside before anything of it is used."""

import io
import json
import zipfile

import onnx
import pytest
from onnx import TensorProto, helper

from cc_edge.bundle import BadBundle, load, refuse_unfit_platform, unpack
from cc_edge.errors import Unfit
from cc_edge.model import Model
from cc_edge.onnx_graph import refuse_external_data
from tests.edge.bundles import bundle_bytes, config, golden, image, onnx_model


def zipped(files: dict[str, bytes] | None = None, *, compression=zipfile.ZIP_STORED, **changes) -> bytes:
    content = {
        "MODEL_CARD.md": b"# card",
        "config.json": json.dumps(config()).encode(),
        "golden.json": json.dumps(golden()).encode(),
        "model.onnx": onnx_model(),
        **(files or {}),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, body in content.items():
            if body is not None:
                archive.writestr(name, body)
    return out.getvalue()


def unpacked(tmp_path, content: bytes):
    (tmp_path / "b.zip").write_bytes(content)
    folder = tmp_path / "out"
    folder.mkdir()
    unpack(tmp_path / "b.zip", folder)
    return folder


def test_what_the_hub_writes_is_unpacked_loaded_and_answers(tmp_path):
    folder = unpacked(tmp_path, bundle_bytes(tmp_path))
    model = Model(load(folder))
    model.check_golden()
    assert model.answer(image(250)).value == {"label": "light"}
    assert model.answer(image(5)).value == {"label": "dark"}
    assert model.answer(image(250)).confidence > 0.9


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "not a whole ZIP"),
        (zipped()[:-30], "not a whole ZIP"),
        (zipped({"../../evil.sh": b"x"}), "exactly"),
        (zipped({"/etc/passwd": b"x"}), "exactly"),
        (zipped({"setup.py": b"x"}), "exactly"),
        (zipped({"weights.bin": b"x"}), "exactly"),
        (zipped({"golden.json": None}), "exactly"),
        (zipped(compression=zipfile.ZIP_DEFLATED), "neither compressed"),
        (zipped({"config.json": b"{"}), "cannot be read"),
        (zipped({"config.json": b"[" * 100_000}), "cannot be read"),
        (zipped({"golden.json": b"[]"}), "golden"),
        (zipped({"config.json": json.dumps(config(format=2)).encode()}), "format 1"),
        (zipped({"config.json": json.dumps(config(output="python")).encode()}), "output"),
        (zipped({"config.json": json.dumps(config(labels=[])).encode()}), "labels"),
        (zipped({"config.json": json.dumps(config(input_shape=[1, 17])).encode()}), "shape"),
        (zipped({"config.json": json.dumps(config(preprocessing=[{"step": "exec"}])).encode()}), "preprocessing"),
        (zipped({"model.onnx": b"\xff\xff"}), "ONNX"),
    ],
)
def test_a_bad_bundle_is_refused_and_nothing_of_it_is_written(tmp_path, content, sentence):
    with pytest.raises(Unfit, match=sentence):
        unpacked(tmp_path, content)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_file_named_twice_is_refused(tmp_path):
    out = io.BytesIO(zipped())
    with zipfile.ZipFile(out, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("model.onnx", b"another")
    with pytest.raises(BadBundle):
        unpacked(tmp_path, out.getvalue())


@pytest.mark.parametrize("place", ["initializer", "attribute", "subgraph", "sparse"])
def test_weights_outside_the_file_are_found_wherever_they_hide(place):
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    graph = helper.make_graph([], "g", [], [])
    if place == "initializer":
        graph.initializer.append(tensor)
    elif place == "attribute":
        graph.node.append(helper.make_node("Constant", [], ["c"]))
        graph.node[0].attribute.append(onnx.AttributeProto(name="value", t=tensor, type=onnx.AttributeProto.TENSOR))
    elif place == "sparse":
        graph.sparse_initializer.append(onnx.SparseTensorProto(values=tensor))
    else:
        inner = helper.make_graph([], "inner", [], [], initializer=[tensor])
        graph.node.append(helper.make_node("If", ["x"], ["y"], then_branch=inner))
    model = helper.make_model(graph).SerializeToString()
    with pytest.raises(Unfit, match="outside its own file"):
        refuse_external_data(model)


def test_a_model_with_its_weights_inside_passes():
    refuse_external_data(onnx_model())


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"min_edge_version": "99.0.0"}, "newer"),
        ({"platforms": ["vax/780"]}, "not made for"),
        ({"min_edge_version": "x"}, "version"),
    ],
)
def test_a_model_for_another_machine_or_a_newer_agent_is_refused(changes, sentence):
    with pytest.raises(BadBundle, match=sentence):
        refuse_unfit_platform(config(**changes))


def test_golden_inputs_must_give_what_they_gave(tmp_path):
    folder = unpacked(tmp_path, bundle_bytes(tmp_path, kind=1, golden_of=-1))
    with pytest.raises(BadBundle, match="another output"):
        Model(load(folder)).check_golden()


def test_a_model_that_the_runtime_does_not_load_is_refused(tmp_path):
    graph = helper.make_graph([helper.make_node("NoSuchThing", ["x"], ["y"], domain="evil")], "g", [], [])
    folder = unpacked(tmp_path, zipped({"model.onnx": helper.make_model(graph).SerializeToString()}))
    with pytest.raises(BadBundle, match="does not load"):
        Model(load(folder))

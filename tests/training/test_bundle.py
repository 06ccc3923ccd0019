"""The bundle: the same bytes for the same content, and refused where it is not ours."""

import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from training.bundle import BadBundle, Bundle, golden_entry, read_bundle, write_bundle
from training.preprocessing import input_shape

STEPS = [
    {"step": "decode", "mode": "L"},
    {"step": "resize", "width": 8, "height": 8, "filter": "box"},
    {"step": "scale", "multiply": 1 / 255, "add": 0.0},
    {"step": "layout", "order": "flat"},
]
CONFIG = {
    "format": 1,
    "module": "meter_digits",
    "task": "classification",
    "labels": [{"id": 1, "name": "0"}, {"id": 2, "name": "1"}],
    "schema_revision": 1,
    "preprocessing": STEPS,
    "output": "softmax_labels",
    "input_shape": input_shape(STEPS),
    "opset": 21,
    "ir_version": 10,
    "min_edge_version": "0.1.0",
    "platforms": ["linux/x86_64"],
}
GOLDEN = [golden_entry(np.zeros((1, 64), dtype=np.float32), np.array([[0.25, 0.75]], dtype=np.float32), {"label": "1"})]


def bundle(**config):
    return Bundle(b"onnx", {**CONFIG, **config}, GOLDEN, "# Card\n")


def test_the_same_content_is_the_same_bytes(tmp_path):
    write_bundle(tmp_path / "a.zip", bundle())
    write_bundle(tmp_path / "b.zip", bundle())
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert read_bundle(tmp_path / "a.zip") == bundle()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        names = [entry.filename for entry in archive.infolist()]
        assert names == sorted(names)
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}


def test_a_golden_entry_says_what_must_come_out():
    assert GOLDEN[0]["final"] == {"label": "1"}
    assert GOLDEN[0]["output"] == [0.25, 0.75]
    assert GOLDEN[0]["input"]["shape"] == [1, 64]


@pytest.mark.parametrize(
    "config",
    [
        {"format": 2},
        {"output": "pickle"},
        {"output": "ctc_text", "output_options": {"alphabet": ["a", "\0"]}},
        {"output": "ctc_text", "output_options": {"alphabet": ["a", "\ud800"]}},
        {"labels": []},
        {"labels": ["0"]},
        {"input_shape": [1, 65]},
        {"preprocessing": []},
        {"preprocessing": [{"step": "exec", "code": "…"}]},
        {"preprocessing": [*STEPS[:3], {"step": "layout", "order": "nhwc"}]},
        {"preprocessing": [STEPS[0], {**STEPS[1], "width": 10**6}, *STEPS[2:]]},
        {"preprocessing": "decode"},
    ],
)
def test_a_config_we_do_not_know_is_refused(config, tmp_path):
    with pytest.raises(BadBundle):
        write_bundle(tmp_path / "a.zip", bundle(**config))


@pytest.mark.parametrize(
    ("names", "method"),
    [
        (("MODEL_CARD.md", "config.json", "golden.json", "model.onnx", "run.py"), zipfile.ZIP_STORED),
        (("config.json", "model.onnx"), zipfile.ZIP_STORED),
        (("MODEL_CARD.md", "config.json", "golden.json", "model.onnx"), zipfile.ZIP_DEFLATED),
        (("MODEL_CARD.md", "config.json", "golden.json", "../model.onnx"), zipfile.ZIP_STORED),
    ],
)
def test_other_files_are_refused(names, method, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as archive:
        for name in names:
            archive.writestr(name, json.dumps(CONFIG))
    with pytest.raises(BadBundle):
        read_bundle(tmp_path / "a.zip")


def test_what_is_no_zip_is_refused(tmp_path):
    for content in (b"", b"PK\x03\x04 broken"):
        (tmp_path / "a.zip").write_bytes(content)
        with pytest.raises(BadBundle):
            read_bundle(tmp_path / "a.zip")
    with pytest.raises(BadBundle):
        read_bundle(tmp_path / "none.zip")


@pytest.mark.parametrize("card", ["# Card\0", "x" * 100_001])
def test_a_card_that_no_row_holds_is_refused(card, tmp_path):
    write_bundle(tmp_path / "a.zip", replace(bundle(), card=card))
    with pytest.raises(BadBundle, match=r"MODEL_CARD\.md"):
        read_bundle(tmp_path / "a.zip")


def test_golden_inputs_nested_without_end_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("MODEL_CARD.md", "config.json", "golden.json", "model.onnx"):
            archive.writestr(name, "[" * 100_000)
    with pytest.raises(BadBundle, match="cannot be read"):
        read_bundle(tmp_path / "a.zip")

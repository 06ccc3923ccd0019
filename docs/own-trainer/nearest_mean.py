"""A trainer of one's own that imports nothing of Command Centre: a folder in, JSON lines out. Copy it and change `learn`.

Installed with an entry point `command_centre.trainers` whose value is TRAINER below; started as `nearest_mean.py FOLDER`.
It needs numpy, pillow and onnx.
"""

import base64
import hashlib
import json
import os
import sys
import threading
import zipfile
from pathlib import Path

TRAINER = {
    "title": "Nearest mean image (an example)",
    "tasks": ["classification"],
    "command": [sys.executable, __file__],
    "hyperparameters": [
        {"name": "side", "title": "Side of the image in pixels", "type": "integer", "default": 8, "minimum": 2, "maximum": 64},
        {"name": "sharpness", "title": "Sharpness", "type": "number", "default": 1.0, "minimum": 0.01, "maximum": 100.0},
    ],
}
STOPPED = 75


def say(**event):
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def end_with_the_supervisor():
    """Standard input is a pipe that the worker holds open: at its end nobody wants the result any more."""
    while os.read(0, 4096):
        pass
    os._exit(STOPPED)


def examples(folder, split):
    for line in (folder / "manifest.jsonl").read_text().splitlines():
        member = json.loads(line)
        if member["split"] == split:
            yield folder / "objects" / member["file"], member["truth"]["label"]


def preprocessing(side):
    """How an edge makes a model's input of an image: the steps of docs/edge-protocol.md, and `pixels` does the same."""
    return [
        {"step": "decode", "mode": "L"},
        {"step": "resize", "width": side, "height": side, "filter": "box"},
        {"step": "scale", "multiply": 1 / 255, "add": 0.0},
        {"step": "layout", "order": "flat"},
    ]


def pixels(path, side):
    import numpy as np
    from PIL import Image, ImageOps

    with Image.open(path) as opened:
        image = ImageOps.exif_transpose(opened).convert("L").resize((side, side), Image.Resampling.BOX)
    return (np.asarray(image, dtype=np.float32) * np.float32(1 / 255)).reshape(-1)


def learn(folder, job):
    """Answer the mean image of each label (labels, pixels)."""
    import numpy as np

    names = [label["name"] for label in job["labels"]]
    side = job["hyperparameters"]["side"]
    sums, counts = np.zeros((len(names), side * side), dtype=np.float32), np.zeros(len(names), dtype=np.float32)
    for path, label in examples(folder, "train"):
        sums[names.index(label)] += pixels(path, side)
        counts[names.index(label)] += 1
    if (counts > 0).sum() < 2:
        say(event="error", text="There must be examples of two labels at least.")
        sys.exit(1)
    return sums / np.maximum(counts, 1)[:, None]


def network(means, sharpness):
    """softmax(sharpness * (2 x·m - m·m)): the nearer a mean image, the likelier its label."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights = [(2 * sharpness * means.T).astype(np.float32), (-sharpness * (means**2).sum(axis=1)).astype(np.float32)]
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["input", "weights", "offsets"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["probabilities"]),
        ],
        "nearest_mean",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, means.shape[1]])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, means.shape[0]])],
        [numpy_helper.from_array(array, name) for name, array in zip(("weights", "offsets"), weights, strict=True)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString(), weights


def answers(weights, given):
    import numpy as np

    logits = given @ weights[0] + weights[1]
    powers = np.exp(logits - logits.max())
    return (powers / powers.sum()).astype(np.float32)


def write_bundle(folder, job, model, weights):
    """The four files of a bundle, stored and not compressed."""
    import numpy as np

    names, side = [label["name"] for label in job["labels"]], job["hyperparameters"]["side"]
    config = {
        "format": 1,
        "module": job["module"],
        "task": job["task"],
        "labels": job["labels"],
        "schema_revision": job["schema_revision"],
        "preprocessing": preprocessing(side),
        "output": "softmax_labels",
        "input_shape": [1, side * side],
        "opset": 20,
        "ir_version": 9,
        "min_edge_version": "0.1.0",
        "platforms": ["linux/aarch64", "linux/x86_64"],
    }
    golden = []
    for given in np.random.default_rng(job["seed"]).random((4, 1, side * side), dtype=np.float32):
        output, raw = answers(weights, given[0]), given.astype("<f4").tobytes()
        golden.append(
            {
                "input_sha256": hashlib.sha256(raw).hexdigest(),
                "input": {"shape": [1, side * side], "float32": base64.b64encode(raw).decode()},
                "output": [float(value) for value in output],
                "final": {"label": names[int(output.argmax())]},
                "tolerance": 1e-4,
            }
        )
    card = f"# {job['name']}\n\nThe nearest mean image of `{job['dataset_version']}`.\n"
    (folder / "artifact").mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / "artifact" / "bundle.zip", "w", zipfile.ZIP_STORED) as bundle:
        bundle.writestr("MODEL_CARD.md", card)
        bundle.writestr("config.json", json.dumps(config))
        bundle.writestr("golden.json", json.dumps(golden))
        bundle.writestr("model.onnx", model)


def main(folder):
    threading.Thread(target=end_with_the_supervisor, daemon=True).start()
    job = json.loads((folder / "job.json").read_text())
    names, side = [label["name"] for label in job["labels"]], job["hyperparameters"]["side"]
    say(event="progress", percent=10, epoch=0, epochs=1)
    model, weights = network(learn(folder, job), job["hyperparameters"]["sharpness"])
    say(event="progress", percent=80, epoch=1, epochs=1)
    tested = [names[int(answers(weights, pixels(path, side)).argmax())] == label for path, label in examples(folder, "test")]
    scores = {"accuracy": sum(tested) / len(tested), "examples": len(tested), "split": "test"} if tested else {}
    if tested:
        say(event="metric", name="test_accuracy", step=1, value=scores["accuracy"])
    write_bundle(folder, job, model, weights)
    say(event="done", metrics=scores)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

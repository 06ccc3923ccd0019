"""From a trained network to the bundle on disk: config, golden outputs, and a card for people."""

from collections.abc import Mapping
from typing import Any

from training import outputs, preprocessing
from training.bundle import FORMAT, PLATFORMS, Bundle, golden_entry, oldest_edge, write_bundle
from training.scoring import open_session
from training.trainers.base import Export, Trainer
from training.trainers.work import BUNDLE_NAME, Work


def pack(work: Work, trainer: Trainer, exported: Export, scores: Mapping[str, Any]) -> None:
    """Write artifact/bundle.zip; the golden outputs are what this network answers here."""
    session = open_session(exported.model)
    given, name = session.get_inputs()[0].name, outputs.NAMES[exported.output]
    golden = [_golden(work, exported, tensor, session.run([name], {given: tensor})[0]) for tensor in exported.golden_inputs]
    work.artifact.mkdir(exist_ok=True)
    bundle = Bundle(exported.model, _config(work, exported), golden, _card(work, trainer, scores))
    write_bundle(work.artifact / BUNDLE_NAME, bundle)


def _golden(work: Work, exported: Export, tensor: Any, output: Any) -> dict[str, Any]:
    answer = outputs.decode(exported.output, exported.output_options, work.labels, output, outputs.golden_size(tensor.shape))
    return golden_entry(tensor, output, answer.value)


def _config(work: Work, exported: Export) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "module": work.job["module"],
        "task": work.job["task"],
        "labels": [{"id": label["id"], "name": label["name"]} for label in work.job["labels"]],
        "schema_revision": work.job["schema_revision"],
        "preprocessing": exported.preprocessing,
        "output": exported.output,
        **({"output_options": dict(exported.output_options)} if exported.output_options else {}),
        "input_shape": preprocessing.input_shape(exported.preprocessing),
        "opset": exported.opset,
        "ir_version": exported.ir_version,
        "min_edge_version": oldest_edge(exported.output, exported.preprocessing),
        "platforms": list(PLATFORMS),
    }


def _card(work: Work, trainer: Trainer, scores: Mapping[str, Any]) -> str:
    job = work.job
    settings = "\n".join(f"| {name} | {value} |" for name, value in sorted(job["hyperparameters"].items()))
    measured = [f"| {name} | {scores[name]:.4f} |" for name in ("accuracy", "precision", "recall", "f1") if name in scores]
    tested = f"On {scores['examples']} examples of the {scores['split']} split:" if scores else "It was not tested."
    return f"""# {job["name"]}

Answers `{job["module"]}` ({job["task"]}): {", ".join(work.labels)}.

## Made from
Dataset version `{job["dataset_version"]}`, fingerprint `{job["fingerprint"]}`, by {trainer.title} (`{trainer.name}`), seed {job["seed"]}.

| hyperparameter | value |
|---|---|
{settings}

## Measured
{tested}

| score | value |
|---|---|
{chr(10).join(measured)}

## Use
On an edge server, for images like those it was trained on. It always answers one of its labels: an image of something else
gets a wrong answer, mostly with a low confidence.
"""

"""What trainers that see a whole file as one row of numbers share: reading, golden inputs, and the export's shape."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from training import preprocessing
from training.trainers.base import Export, Trainer
from training.trainers.work import Example, Unfit, Work

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from onnx import ModelProto

    Floats = npt.NDArray[np.float32]
    Ints = npt.NDArray[np.int64]

OPSET = 21
GOLDEN = 8


@dataclass(frozen=True)
class Part:
    """One split as arrays: inputs (n, pixels), numbers of labels, weights."""

    inputs: "Floats"
    labels: "Ints"
    weights: "Floats"


@dataclass(frozen=True)
class Data:
    """The splits that training sees, and how their images became numbers."""

    steps: list[dict[str, Any]]
    train: Part
    validation: Part

    @property
    def seen(self) -> Part:
        """What an export is compared on: the validation split, or train's where that is empty."""
        return self.validation if len(self.validation.labels) else self.train


class PictureTrainer(Trainer):
    """A classifier of small images, or of features; its hyperparameters have `image_size`, `color` and `frames`."""

    tasks: ClassVar[tuple[str, ...]] = ("classification", "features")

    def prepare(self, work: Work, settings: Any) -> Data:
        """Decode both splits to (n, pixels); raises Unfit where there is too little to learn from."""
        steps = _steps(work, settings)
        train = _read(work, steps, "train")
        if len(set(train.labels.tolist())) < 2:
            raise Unfit("The train split needs examples of two labels at least.")
        validation = _read(work, steps, "validation")
        work.log(f"{len(train.labels)} examples to train on, {len(validation.labels)} to validate on.")
        work.warn_of_rare(train.labels.tolist())
        return Data(steps, train, validation)


def packed(work: Work, data: Data, graph: "ModelProto") -> Export:
    """Answer the export of a network that answers probabilities only, with random golden inputs."""
    import numpy as np

    random = np.random.default_rng(work.seed)
    golden = [random.random((1, data.train.inputs.shape[1]), dtype=np.float32) for _ in range(GOLDEN)]
    return Export(graph.SerializeToString(), data.steps, OPSET, graph.ir_version, golden)


def probabilities_only(model: Any, data: Data, options: dict[str, Any]) -> "ModelProto":
    """Convert a fitted scikit-learn classifier to ONNX and leave out its answer by name: the edge's labels are config's."""
    from onnx.utils import Extractor
    from skl2onnx import to_onnx

    graph = to_onnx(model, data.train.inputs[:1], target_opset=OPSET, options={"zipmap": False, **options})
    extracted: ModelProto = Extractor(graph).extract_model([graph.graph.input[0].name], ["probabilities"])
    return extracted


def answers(graph: "ModelProto", inputs: "Floats") -> "Floats":
    """Answer the probabilities (n, labels) that an exported network gives."""
    from training.scoring import open_session

    session = open_session(graph.SerializeToString())
    given: Floats = session.run(["probabilities"], {session.get_inputs()[0].name: inputs})[0]
    return given


def _steps(work: Work, settings: Any) -> list[dict[str, Any]]:
    if work.job["task"] == "features":
        return [*work.features_steps(settings.frames), {"step": "layout", "order": "flat"}]
    return [
        {"step": "decode", "mode": settings.color},
        {"step": "resize", "width": settings.image_size, "height": settings.image_size, "filter": "box"},
        {"step": "scale", "multiply": 1 / 255, "add": 0.0},
        {"step": "layout", "order": "flat"},
    ]


def _read(work: Work, steps: list[dict[str, Any]], split: str) -> Part:
    import numpy as np

    numbers = {name: number for number, name in enumerate(work.labels)}
    examples = [example for example in work.examples(split) if _label(example) in numbers]
    inputs = np.empty((len(examples), preprocessing.input_shape(steps)[1]), dtype=np.float32)
    for row, example in enumerate(examples):
        work.check_stop()
        inputs[row] = example.input(steps)[0]
    labels = np.array([numbers[_label(example)] for example in examples], dtype=np.int64)
    return Part(inputs, labels, np.array([example.weight for example in examples], dtype=np.float32))


def _label(example: Example) -> str:
    return str(example.truth.get("label", ""))

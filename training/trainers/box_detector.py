"""A small one-stage detector of boxes (extra `torch`): trained from nothing on two cores in minutes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from training import preprocessing
from training.trainers.base import Export
from training.trainers.deep import DeepTrainer, FittingSettings, Inputs
from training.trainers.hyperparameters import choice, number, whole
from training.trainers.work import Example, Unfit, Work

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from torch import nn

    Floats = npt.NDArray[np.float32]
    Ints = npt.NDArray[np.int64]

IOU_THRESHOLD = 0.5
MAX_BOXES = 300


@dataclass(frozen=True)
class Settings(FittingSettings):
    """What a person may choose."""

    max_epochs: int = whole(60, 1, 10_000, "Epochs at most")
    patience: int = whole(20, 1, 10_000, "Epochs without gain before it stops")
    batch_size: int = whole(8, 1, 512, "Examples in a step")
    image_width: int = whole(320, 64, 1280, "Width of the image in pixels")
    image_height: int = whole(240, 64, 1280, "Height of the image in pixels")
    color: str = choice("RGB", preprocessing.MODES, "Grey (L) or colour (RGB)")
    width: int = whole(16, 4, 128, "Channels of the first block")
    score_threshold: float = number(0.3, 0.01, 0.99, "Score from which on a box is answered")


@dataclass(frozen=True)
class Drawn:
    """One split: inputs, of each picture its boxes as shares of it (n, 4) and the numbers of their labels, weights."""

    inputs: Inputs
    places: "list[Floats]"
    labels: "list[Ints]"
    weights: "Floats"


@dataclass(frozen=True)
class Data:
    """The splits that training sees."""

    steps: list[dict[str, Any]]
    train: Drawn
    validation: Drawn

    @property
    def seen(self) -> Inputs:
        """What an export is compared on."""
        return self.validation.inputs if len(self.validation.inputs) else self.train.inputs


class BoxTrainer(DeepTrainer):
    """The epoch that did best on the validation split is kept; the same seed and data give the same network."""

    name: ClassVar[str] = "box_detector"
    title: ClassVar[str] = "Detector of boxes (torch)"
    tasks: ClassVar[tuple[str, ...]] = ("detection",)
    hyperparameters: ClassVar[type[Any]] = Settings

    def prepare(self, work: Work, settings: Settings) -> Data:
        """Read both splits; raises Unfit where no picture of the train split has a box."""
        steps: list[dict[str, Any]] = [
            {"step": "decode", "mode": settings.color},
            {"step": "resize", "width": settings.image_width, "height": settings.image_height, "filter": "bilinear"},
            {"step": "scale", "multiply": 1 / 128, "add": -1.0},
            {"step": "layout", "order": "nchw"},
        ]
        train, validation = (_drawn(work, steps, list(work.examples(split))) for split in ("train", "validation"))
        count = sum(map(len, train.labels))
        if not count:
            raise Unfit("The train split needs a picture with a box at least.")
        work.log(f"{len(train.inputs)} pictures with {count} boxes to train on, {len(validation.inputs)} to validate on.")
        return Data(steps, train, validation)

    def train(self, work: Work, settings: Settings, data: Data) -> "nn.Module":
        """Fit, from the weights of the base where there is one."""
        from training.trainers.networks.detecting import fit

        return fit(work, settings, data)

    def export(self, work: Work, settings: Settings, data: Data, model: "nn.Module") -> Export:
        """Export, and compare; raises Unfit."""
        from training.trainers.networks.fitting import exported

        options = {"score_threshold": settings.score_threshold, "iou_threshold": IOU_THRESHOLD, "max_boxes": MAX_BOXES}
        return exported(work, model, data.steps, data.seen, name="boxes", output="boxes", options=options)


def _drawn(work: Work, steps: list[dict[str, Any]], examples: Sequence[Example]) -> Drawn:
    import numpy as np

    numbers = {name: number for number, name in enumerate(work.labels)}
    places: list[Floats] = []
    labels: list[Ints] = []
    for example in examples:
        work.check_stop()
        try:
            width, height = preprocessing.size_of(example.path.read_bytes())
        except (OSError, ValueError, SyntaxError) as error:
            raise Unfit(f"The picture of {example.sample_id} cannot be read: {error}") from error
        boxes = [box for box in example.truth.get("boxes") or [] if box["label"] in numbers]
        corners = np.array([box["bbox"] for box in boxes], dtype=np.float32).reshape(-1, 4)
        corners[:, 2:] += corners[:, :2]
        places.append((corners / np.array([width, height, width, height])).astype(np.float32))
        labels.append(np.array([numbers[box["label"]] for box in boxes], dtype=np.int64))
    weights = np.array([example.weight for example in examples], dtype=np.float32)
    return Drawn(Inputs(work, steps, examples), places, labels, weights)


TRAINER = BoxTrainer()

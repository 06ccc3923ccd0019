"""What the trainers of the extra `torch` share before torch is loaded: their settings, and reading a split."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from training import preprocessing
from training.trainers.base import Trainer
from training.trainers.hyperparameters import choice, number, whole
from training.trainers.work import Example, Unfit, Work

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]
    Ints = npt.NDArray[np.int64]

GOLDEN = 4
HELD_BYTES = 1 << 30
"""A split is read once and held where its inputs are no more than this; else it is read anew in each epoch."""


@dataclass(frozen=True)
class FittingSettings:
    """What a person may choose of any fitting by gradients."""

    max_epochs: int = whole(30, 1, 10_000, "Epochs at most")
    patience: int = whole(8, 1, 10_000, "Epochs without gain before it stops")
    batch_size: int = whole(32, 1, 4096, "Examples in a step")
    learning_rate: float = number(0.002, 1e-6, 1.0, "Learning rate")
    weight_decay: float = number(1e-4, 0.0, 1.0, "Weight decay")
    augmentation: str = choice("light", ("none", "light", "strong"), "Changing examples by chance")
    loader_processes: int = whole(0, 0, 32, "Processes that read examples")


class Inputs:
    """The prepared inputs of one split, by row: held in memory where they fit there, else read when asked for."""

    def __init__(self, work: Work, steps: list[dict[str, Any]], examples: Sequence[Example]) -> None:
        import numpy as np

        self.steps, self.examples = steps, list(examples)
        self.shape = tuple(preprocessing.input_shape(steps)[1:])
        self._held: Floats | None = None
        if len(examples) * int(np.prod(self.shape)) * 4 <= HELD_BYTES:
            self._held = np.empty((len(examples), *self.shape), dtype=np.float32)
            for row in range(len(examples)):
                work.check_stop()
                self._held[row] = self.examples[row].input(steps)[0]

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, rows: slice) -> "Floats":
        """Answer the inputs of a stretch of rows."""
        return self.__getitems__(range(len(self))[rows])[1]

    def __getitems__(self, rows: Sequence[int]) -> "tuple[list[int], Floats]":
        """Answer the rows, and their inputs (rows, …); in one of the loading processes, where there are any."""
        import numpy as np

        chosen = list(rows)
        held = (
            self._held[chosen]
            if self._held is not None
            else np.concatenate([self.examples[row].input(self.steps) for row in chosen])
        )
        return chosen, held


@dataclass(frozen=True)
class Labelled:
    """One split of a classification: inputs, numbers of labels, weights of samples."""

    inputs: Inputs
    labels: "Ints"
    weights: "Floats"


@dataclass(frozen=True)
class LabelledData:
    """The splits that training sees, and how files became inputs."""

    steps: list[dict[str, Any]]
    train: Labelled
    validation: Labelled

    @property
    def seen(self) -> Labelled:
        """What an export is compared on: the validation split, or train's where that is empty."""
        return self.validation if len(self.validation.labels) else self.train


class DeepTrainer(Trainer):
    """A trainer of the extra `torch`."""

    requires: ClassVar[tuple[str, ...]] = ("torch",)
    fine_tunes: ClassVar[bool] = True


def read_labelled(work: Work, steps: list[dict[str, Any]]) -> LabelledData:
    """Read the splits of a classification; raises Unfit where there is too little to learn from."""
    train, validation = (_labelled(work, steps, split) for split in ("train", "validation"))
    if len(set(train.labels.tolist())) < 2:
        raise Unfit("The train split needs examples of two labels at least.")
    work.log(f"{len(train.labels)} examples to train on, {len(validation.labels)} to validate on.")
    work.warn_of_rare(train.labels.tolist())
    return LabelledData(steps, train, validation)


def _labelled(work: Work, steps: list[dict[str, Any]], split: str) -> Labelled:
    import numpy as np

    numbers = {name: number for number, name in enumerate(work.labels)}
    examples = [example for example in work.examples(split) if example.truth.get("label") in numbers]
    labels = np.array([numbers[example.truth["label"]] for example in examples], dtype=np.int64)
    return Labelled(Inputs(work, steps, examples), labels, np.array([one.weight for one in examples], dtype=np.float32))


def class_weights(kind: str, labels: "Ints", count: int) -> "Floats":
    """Answer a weight for each of `count` labels: all alike, or balanced so that each label present counts the same."""
    import numpy as np

    weights = np.ones(count, dtype=np.float32)
    if kind == "balanced":
        seen = np.bincount(labels, minlength=count)
        weights[seen > 0] = len(labels) / ((seen > 0).sum() * seen[seen > 0])
    return weights


def golden_inputs(work: Work, steps: list[dict[str, Any]]) -> "list[Floats]":
    """Answer inputs made by chance, in the range that prepared files have."""
    import numpy as np

    random, shape, scale = np.random.default_rng(work.seed), preprocessing.input_shape(steps), steps[2]
    low, high = scale["add"], scale["add"] + scale["multiply"] * (255 if steps[0]["step"] == "decode" else 1)
    return [random.uniform(low, high, shape).astype(np.float32) for _ in range(GOLDEN)]


def batches_of(rows: Sequence[int], size: int) -> Iterator[list[int]]:
    """Cut rows into batches; a single one left over goes with the batch before, since nothing is normalised by itself."""
    whole_batches = [list(rows[start : start + size]) for start in range(0, len(rows), size)]
    if len(whole_batches) > 1 and len(whole_batches[-1]) == 1:
        whole_batches[-2] += whole_batches.pop()
    yield from whole_batches

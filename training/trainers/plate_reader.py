"""Reads a line of text off a picture, such as a number plate (extra `torch`): convolutions, a recurrent layer, CTC."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

from training import preprocessing
from training.trainers.base import Export
from training.trainers.deep import DeepTrainer, FittingSettings, Inputs
from training.trainers.hyperparameters import choice, whole
from training.trainers.work import Example, Unfit, Work

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from torch import nn

PER_STEP = 4
"""So many pixels of the picture's width make one step of the network; a character needs one, a doubled one another."""


@dataclass(frozen=True)
class Settings(FittingSettings):
    """What a person may choose."""

    max_epochs: int = whole(80, 1, 10_000, "Epochs at most")
    patience: int = whole(25, 1, 10_000, "Epochs without gain before it stops")
    image_width: int = whole(128, 16, 1024, "Width of the image in pixels")
    image_height: int = whole(32, 16, 256, "Height of the image in pixels")
    color: str = choice("L", preprocessing.MODES, "Grey (L) or colour (RGB)")
    width: int = whole(24, 4, 256, "Channels of the first block")
    hidden_units: int = whole(64, 4, 1024, "Units in each direction")


@dataclass(frozen=True)
class Written:
    """One split: inputs, what is written on each, weights."""

    inputs: Inputs
    texts: list[str]
    weights: "npt.NDArray[np.float32]"


@dataclass(frozen=True)
class Data:
    """The splits that training sees, and the characters that can be answered: those of the train split."""

    steps: list[dict[str, Any]]
    alphabet: list[str]
    train: Written
    validation: Written

    @property
    def seen(self) -> Inputs:
        """What an export is compared on."""
        return self.validation.inputs if self.validation.texts else self.train.inputs


class PlateTrainer(DeepTrainer):
    """The epoch that did best on the validation split is kept; the same seed and data give the same network."""

    name: ClassVar[str] = "plate_reader"
    title: ClassVar[str] = "Reader of plates (torch)"
    tasks: ClassVar[tuple[str, ...]] = ("text",)
    hyperparameters: ClassVar[type[Any]] = Settings

    def prepare(self, work: Work, settings: Settings) -> Data:
        """Read both splits; raises Unfit where nothing is written, or more than the network has steps."""
        steps: list[dict[str, Any]] = [
            {"step": "decode", "mode": settings.color},
            {
                "step": "resize",
                "width": settings.image_width // PER_STEP * PER_STEP,
                "height": settings.image_height // 8 * 8,
                "filter": "bilinear",
            },
            {"step": "scale", "multiply": 1 / 128, "add": -1.0},
            {"step": "layout", "order": "nchw"},
        ]
        examples = list(work.examples("train"))
        alphabet = self._alphabet(work, examples)
        train = _written(work, steps, examples, alphabet)
        validation = _written(work, steps, list(work.examples("validation")), alphabet)
        longest = max(train.texts, key=_steps_of)
        if _steps_of(longest) > settings.image_width // PER_STEP:
            wanted = _steps_of(longest) * PER_STEP
            raise Unfit(f"The text {longest[:40]!r} is too long for the image; choose a width of {wanted} pixels at least.")
        work.log(f"{len(train.texts)} texts of {len(alphabet)} characters to train on, {len(validation.texts)} to validate on.")
        return Data(steps, alphabet, train, validation)

    def train(self, work: Work, settings: Settings, data: Data) -> "nn.Module":
        """Fit, from the weights of the base where there is one."""
        from training.trainers.networks.reading import fit

        return fit(work, settings, data)

    def export(self, work: Work, settings: Settings, data: Data, model: "nn.Module") -> Export:
        """Export, and compare; raises Unfit."""
        from training.trainers.networks.fitting import exported

        options = {"alphabet": data.alphabet}
        return exported(work, model, data.steps, data.seen, name="probabilities", output="ctc_text", options=options)

    def _alphabet(self, work: Work, examples: Sequence[Example]) -> list[str]:
        """Answer the characters of a base first, in its order, then those that the train split adds; raises Unfit."""
        seen = {letter for example in examples for letter in _text(example)}
        if not seen:
            raise Unfit("The train split needs a picture with a text at least.")
        known = work.base.config.get("output_options", {}).get("alphabet", []) if work.base is not None else []
        if new := sorted(seen - set(known)) if known else []:
            raise Unfit(f"The base model does not know the characters {', '.join(new[:20])}; train anew.")
        return list(known) or sorted(seen)


def _written(work: Work, steps: list[dict[str, Any]], examples: Sequence[Example], alphabet: Sequence[str]) -> Written:
    """Take those whose every character is known and that have any."""
    import numpy as np

    fit = [example for example in examples if _text(example) and set(_text(example)) <= set(alphabet)]
    if len(fit) < len(examples):
        work.log(f"{len(examples) - len(fit)} examples have no text, or a character that is not trained on.", "warning")
    weights = np.array([example.weight for example in fit], dtype=np.float32)
    return Written(Inputs(work, steps, fit), [_text(example) for example in fit], weights)


def _steps_of(text: str) -> int:
    return len(text) + sum(one == other for one, other in pairwise(text))


def _text(example: Example) -> str:
    return str(example.truth.get("text") or "")


TRAINER = PlateTrainer()

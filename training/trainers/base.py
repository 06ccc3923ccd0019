"""What a trainer is. It is found as an entry point `command_centre.trainers`, whose value is an instance.

The web process reads names and hyperparameters; heavy libraries are imported inside the four steps, which run in a
subprocess of their own. A trainer need not be one of these: `command` may name any program that takes a folder.
"""

import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from training.trainers.work import Work

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

RUNNER = (sys.executable, "-m", "training.runner")


@dataclass(frozen=True)
class Export:
    """A trained network, ready to be put in a bundle: ONNX bytes, its preprocessing, and inputs to check it by."""

    model: bytes
    preprocessing: list[dict[str, Any]]
    opset: int
    ir_version: int
    golden_inputs: "Sequence[npt.NDArray[np.float32]]"
    output: str = "softmax_labels"
    output_options: dict[str, Any] = field(default_factory=dict)


class Trainer(ABC):
    """Trains one kind of model, in four steps, each of which says how far it is and raises Stopped when asked to.

    One that does not `fine_tunes` is never given a base model. `requires` are modules that a worker may lack.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    tasks: ClassVar[tuple[str, ...]]
    hyperparameters: ClassVar[type[Any]]
    fine_tunes: ClassVar[bool] = False
    requires: ClassVar[tuple[str, ...]] = ()
    queue: ClassVar[str] = "training.cpu"
    command: ClassVar[tuple[str, ...]] = RUNNER

    @abstractmethod
    def prepare(self, work: Work, settings: Any) -> Any:
        """Read the examples into what `train` wants; raises Unfit. `settings` is an instance of `hyperparameters`."""

    @abstractmethod
    def train(self, work: Work, settings: Any, data: Any) -> Any:
        """Fit a model, epoch by epoch."""

    @abstractmethod
    def export(self, work: Work, settings: Any, data: Any, model: Any) -> Export:
        """Write the model as ONNX, and check that it answers as the model does; raises Unfit."""

    def evaluate(self, work: Work, exported: Export) -> dict[str, Any]:
        """Score what was exported on the test split, or on the validation split where that is empty."""
        from training.scoring import score_onnx

        for split in ("test", "validation"):
            scores = score_onnx(
                work,
                exported.model,
                exported.preprocessing,
                work.labels,
                split,
                output=exported.output,
                options=exported.output_options,
            )
            if scores:
                return scores
        work.log("There is nothing to score the model on: the version has no test and no validation split.", "warning")
        return {}

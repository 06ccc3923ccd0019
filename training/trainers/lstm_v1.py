"""A recurrent network on series of features (extra `torch`): gestures as histories of points, and the like."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from training.trainers.base import Export
from training.trainers.deep import DeepTrainer, FittingSettings, LabelledData, read_labelled
from training.trainers.hyperparameters import choice, number, whole
from training.trainers.work import Work

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Settings(FittingSettings):
    """What a person may choose."""

    max_epochs: int = whole(40, 1, 10_000, "Epochs at most")
    batch_size: int = whole(64, 1, 4096, "Examples in a step")
    learning_rate: float = number(0.005, 1e-6, 1.0, "Learning rate")
    frames: int = whole(16, 1, 2048, "Rows that each series is brought to")
    hidden_units: int = whole(48, 2, 1024, "Units in each direction")
    layers: int = whole(1, 1, 4, "Layers")
    dropout: float = number(0.2, 0.0, 0.9, "Dropout")
    label_smoothing: float = number(0.0, 0.0, 0.5, "Smoothing of labels")
    class_weights: str = choice("none", ("none", "balanced"), "Weights of labels")


class LstmTrainer(DeepTrainer):
    """The epoch that did best on the validation split is kept; the same seed and data give the same network."""

    name: ClassVar[str] = "lstm_v1"
    title: ClassVar[str] = "Recurrent network on series (torch)"
    tasks: ClassVar[tuple[str, ...]] = ("features",)
    hyperparameters: ClassVar[type[Any]] = Settings

    def prepare(self, work: Work, settings: Settings) -> LabelledData:
        """Read both splits; raises Unfit, also where a file has other numbers a row than the module."""
        return read_labelled(work, [*work.features_steps(settings.frames), {"step": "layout", "order": "series"}])

    def train(self, work: Work, settings: Settings, data: LabelledData) -> "nn.Module":
        """Fit, from the weights of the base where there is one."""
        import torch

        from training.trainers.networks.classifying import fit
        from training.trainers.networks.fitting import begin, weights_from_base
        from training.trainers.networks.recurrent import SeriesNetwork, moved

        begin(work)
        dims = data.steps[0]["dims"]
        network = SeriesNetwork(dims, settings.hidden_units, settings.layers, settings.dropout, len(work.labels))
        if work.base is not None:
            weights_from_base(work, network)
        else:
            known = torch.from_numpy(data.train.inputs[: len(data.train.labels)]).reshape(-1, dims)
            network.mean.copy_(known.mean(dim=0))
            network.spread.copy_(known.std(dim=0).clamp(min=1e-6))
        return fit(
            work,
            settings,
            data,
            network,
            lambda given, random: moved(given, settings.augmentation, random, network.spread),
        )

    def export(self, work: Work, settings: Settings, data: LabelledData, model: "nn.Module") -> Export:
        """Export, and compare; raises Unfit."""
        from training.trainers.networks.classifying import export

        return export(work, data, model)


TRAINER = LstmTrainer()

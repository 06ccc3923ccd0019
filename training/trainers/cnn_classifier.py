"""A small convolutional network on pictures (extra `torch`): better than a perceptron, still trained on a CPU."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from training import preprocessing
from training.trainers.base import Export
from training.trainers.deep import DeepTrainer, FittingSettings, LabelledData, read_labelled
from training.trainers.hyperparameters import choice, number, whole
from training.trainers.work import Work

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Settings(FittingSettings):
    """What a person may choose."""

    image_size: int = whole(32, 8, 256, "Side of the image in pixels")
    color: str = choice("L", preprocessing.MODES, "Grey (L) or colour (RGB)")
    width: int = whole(24, 4, 256, "Channels of the first block")
    dropout: float = number(0.2, 0.0, 0.9, "Dropout")
    label_smoothing: float = number(0.05, 0.0, 0.5, "Smoothing of labels")
    class_weights: str = choice("none", ("none", "balanced"), "Weights of labels")


class CnnTrainer(DeepTrainer):
    """The epoch that did best on the validation split is kept; the same seed and data give the same network."""

    name: ClassVar[str] = "cnn_classifier"
    title: ClassVar[str] = "Convolutional network (torch)"
    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    hyperparameters: ClassVar[type[Any]] = Settings

    def prepare(self, work: Work, settings: Settings) -> LabelledData:
        """Read both splits; raises Unfit."""
        return read_labelled(
            work,
            [
                {"step": "decode", "mode": settings.color},
                {"step": "resize", "width": settings.image_size, "height": settings.image_size, "filter": "box"},
                {"step": "scale", "multiply": 1 / 128, "add": -1.0},
                {"step": "layout", "order": "nchw"},
            ],
        )

    def train(self, work: Work, settings: Settings, data: LabelledData) -> "nn.Module":
        """Fit, from the weights of the base where there is one."""
        from training.trainers.networks.classifying import fit
        from training.trainers.networks.fitting import begin, weights_from_base
        from training.trainers.networks.pictures import PictureNetwork, moved

        begin(work)
        network = PictureNetwork(len(settings.color), settings.image_size, settings.width, settings.dropout, len(work.labels))
        if work.base is not None:
            weights_from_base(work, network)
        return fit(work, settings, data, network, lambda given, random: moved(given, settings.augmentation, random))

    def export(self, work: Work, settings: Settings, data: LabelledData, model: "nn.Module") -> Export:
        """Export, and compare; raises Unfit."""
        from training.trainers.networks.classifying import export

        return export(work, data, model)


TRAINER = CnnTrainer()

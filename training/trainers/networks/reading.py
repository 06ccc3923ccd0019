"""Fitting the reader."""

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as of
from torch import Tensor, nn

from training import outputs
from training.trainers.networks.fitting import Fitting, begin, weights_from_base
from training.trainers.networks.pictures import moved
from training.trainers.networks.reader import ReaderNetwork
from training.trainers.work import Work

if TYPE_CHECKING:
    from training.trainers.plate_reader import Data, Settings, Written


def fit(work: Work, settings: "Settings", data: "Data") -> nn.Module:
    """Fit a reader to the train split; raises Stopped and Unfit."""
    begin(work)
    numbers = {letter: number for number, letter in enumerate(data.alphabet, start=1)}
    network = ReaderNetwork(
        len(settings.color), settings.image_height, settings.width, settings.hidden_units, len(data.alphabet)
    )
    if work.base is not None:
        weights_from_base(work, network)
    fitting = Fitting(work, settings, network)

    def of_part(part: "Written", rows: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
        """Answer the weighted mean loss of some rows, and the probabilities."""
        texts = [[numbers[letter] for letter in part.texts[row]] for row in rows.tolist()]
        chances = network.logits(given).float().log_softmax(dim=2)
        each = of.ctc_loss(
            chances.transpose(0, 1),
            torch.tensor([number for text in texts for number in text], dtype=torch.long),
            torch.full((len(texts),), chances.shape[1], dtype=torch.long),
            torch.tensor([len(text) for text in texts], dtype=torch.long),
            reduction="none",
            zero_infinity=True,
        )
        lengths = torch.tensor([max(1, len(text)) for text in texts], device=each.device)
        weights = torch.from_numpy(part.weights)[rows].to(each.device)
        return (each / lengths * weights).sum() / weights.sum().clamp(min=1e-6), chances.exp()

    def train_loss(rows: Tensor, given: Tensor, random: torch.Generator) -> Tensor:
        return of_part(data.train, rows, _tinted(moved(given, settings.augmentation, random), settings, random))[0]

    def validate() -> tuple[float, dict[str, float]]:
        total, right = 0.0, 0
        for rows, given in fitting.all_batches(data.validation.inputs):
            value, chances = of_part(data.validation, rows, given)
            total += float(value) * len(rows)
            for row, steps in zip(rows.tolist(), chances.cpu().numpy().astype(np.float32), strict=True):
                read = outputs.decode("ctc_text", {"alphabet": data.alphabet}, [], steps[np.newaxis], (1, 1))
                right += read.value["text"] == data.validation.texts[row]
        count = len(data.validation.texts)
        return total / count, {"validation_accuracy": right / count}

    return fitting.go(data.train.inputs, train_loss, validate if data.validation.texts else None)


def _tinted(pictures: Tensor, settings: "Settings", random: torch.Generator) -> Tensor:
    """Change contrast and light of each picture by chance."""
    most = {"none": 0.0, "light": 0.15, "strong": 0.35}[settings.augmentation]
    contrast, light = ((torch.rand(len(pictures), 1, 1, 1, generator=random) * 2 - 1) * most for _ in range(2))
    return pictures * (1 + contrast).to(pictures.device) + light.to(pictures.device)

"""Fitting the detector."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from training.trainers.networks.detector import DetectorNetwork, loss, moved
from training.trainers.networks.fitting import Fitting, begin, weights_from_base
from training.trainers.work import Work

if TYPE_CHECKING:
    from training.trainers.box_detector import Data, Drawn, Settings

NARROW = 0.004
"""What is left of a box at the edge of a picture counts where it is no narrower than this share of the picture."""


def fit(work: Work, settings: "Settings", data: "Data") -> nn.Module:
    """Fit a detector to the train split; raises Stopped and Unfit."""
    begin(work)
    network = DetectorNetwork(
        len(settings.color), settings.image_height, settings.image_width, settings.width, len(work.labels)
    )
    if work.base is not None:
        weights_from_base(work, network)
    fitting = Fitting(work, settings, network)
    device = fitting.device

    def of_part(part: "Drawn", rows: Tensor, given: Tensor, random: torch.Generator | None) -> Tensor:
        places = [torch.from_numpy(part.places[row]) for row in rows.tolist()]
        if random is not None:
            given, places = moved(given, places, settings.augmentation, random)
        wanted = []
        for row, place in zip(rows.tolist(), places, strict=True):
            shown = place.clamp(0, 1)
            is_shown = ((shown[:, 2:] - shown[:, :2]) > NARROW).all(dim=1)
            is_shown &= (shown[:, 2:] - shown[:, :2]).prod(1) > 0.25 * (place[:, 2:] - place[:, :2]).prod(1)
            numbers = torch.from_numpy(part.labels[row])[is_shown]
            wanted.append(((shown[is_shown].to(device) * network.size), numbers.to(device)))
        scores, corners = network.raw(given)
        return loss(scores, corners, network.middles, wanted, torch.from_numpy(part.weights)[rows].to(device))

    def validate() -> tuple[float, dict[str, float]]:
        total = 0.0
        for rows, given in fitting.all_batches(data.validation.inputs):
            total += float(of_part(data.validation, rows, given, None)) * len(rows)
        return total / len(data.validation.inputs), {}

    def train_loss(rows: Tensor, given: Tensor, random: torch.Generator) -> Tensor:
        return of_part(data.train, rows, given, random)

    return fitting.go(data.train.inputs, train_loss, validate if len(data.validation.inputs) else None)

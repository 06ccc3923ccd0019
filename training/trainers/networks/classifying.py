"""Fitting a network that answers labels: the loss, what is shown of an epoch, and the export."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as of
from torch import Tensor, nn

from training.trainers.base import Export
from training.trainers.deep import Labelled, LabelledData, class_weights
from training.trainers.networks.fitting import Fitting, exported
from training.trainers.work import Work

Augment = Callable[[Tensor, torch.Generator], Tensor]


def fit(work: Work, settings: Any, data: LabelledData, network: nn.Module, augment: Augment) -> nn.Module:
    """Fit `network`, which has `logits`; `settings` are FittingSettings with class_weights and label_smoothing."""
    fitting = Fitting(work, settings, network)
    device = fitting.device
    weights = torch.from_numpy(class_weights(settings.class_weights, data.train.labels, len(work.labels))).to(device)
    labels, counts = torch.from_numpy(data.train.labels), torch.from_numpy(data.train.weights)

    def loss(rows: Tensor, given: Tensor, random: torch.Generator) -> Tensor:
        right, count = labels[rows].to(device), counts[rows].to(device)
        each = of.cross_entropy(
            fitting.network.logits(augment(given, random)),
            right,
            reduction="none",
            label_smoothing=settings.label_smoothing,
        )
        counted = count * weights[right]
        return (each * counted).sum() / counted.sum().clamp(min=1e-6)

    is_validated = len(data.validation.labels) > 0
    return fitting.go(data.train.inputs, loss, (lambda: _validated(fitting, data.validation)) if is_validated else None)


def export(work: Work, data: LabelledData, network: nn.Module) -> Export:
    """Export it with its probabilities."""
    return exported(work, network, data.steps, data.seen.inputs, name="probabilities", output="softmax_labels")


def _validated(fitting: Fitting, part: Labelled) -> tuple[float, dict[str, float]]:
    total = right = 0.0
    for rows, given in fitting.all_batches(part.inputs):
        wanted = torch.from_numpy(part.labels)[rows].to(fitting.device)
        logits = fitting.network.logits(given).float()
        total += float(of.cross_entropy(logits, wanted, reduction="sum"))
        right += float((logits.argmax(dim=1) == wanted).sum())
    return total / len(part.labels), {"validation_accuracy": right / len(part.labels)}

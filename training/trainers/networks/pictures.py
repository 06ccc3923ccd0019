"""A small convolutional network for pictures, and what chance may do to a picture."""

import math
from itertools import pairwise

import torch
import torch.nn.functional as of
from torch import Tensor, nn

SHIFT = {"none": 0.0, "light": 0.08, "strong": 0.15}
TURN = {"none": 0.0, "light": 0.12, "strong": 0.3}
STRETCH = {"none": 0.0, "light": 0.1, "strong": 0.2}


class Block(nn.Sequential):
    """Two convolutions, the first of which may halve the picture."""

    def __init__(self, given: int, made: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(given, made, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(made),
            nn.ReLU(inplace=True),
            nn.Conv2d(made, made, 3, padding=1, bias=False),
            nn.BatchNorm2d(made),
            nn.ReLU(inplace=True),
        )


class PictureNetwork(nn.Module):
    """Blocks that halve the picture until 4 pixels or less are left, their mean, and a probability of each label."""

    def __init__(self, channels: int, side: int, width: int, dropout: float, labels: int) -> None:
        super().__init__()
        halvings = max(1, math.ceil(math.log2(side / 4)))
        sizes = [width * min(2**number, 8) for number in range(halvings + 1)]
        self.body = nn.Sequential(Block(channels, width), *(Block(given, made, stride=2) for given, made in pairwise(sizes)))
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(sizes[-1], labels))

    def logits(self, pictures: Tensor) -> Tensor:
        """Answer what the softmax is taken of."""
        answer: Tensor = self.head(self.body(pictures).mean(dim=(2, 3)))
        return answer

    def forward(self, pictures: Tensor) -> Tensor:
        """Answer the probability of each label."""
        return self.logits(pictures).softmax(dim=1)


def moved(pictures: Tensor, kind: str, random: torch.Generator) -> Tensor:
    """Shift, turn and stretch each picture a little, by chance; what comes in from outside repeats the edge."""
    if kind == "none":
        return pictures
    count = len(pictures)

    def chance(most: float) -> Tensor:
        return (torch.rand(count, generator=random) * 2 - 1) * most

    turn, across, down = chance(TURN[kind]), 1 + chance(STRETCH[kind]), 1 + chance(STRETCH[kind])
    rows = [torch.stack([turn.cos() * across, -turn.sin() * down, chance(2 * SHIFT[kind])], dim=1)]
    rows.append(torch.stack([turn.sin() * across, turn.cos() * down, chance(2 * SHIFT[kind])], dim=1))
    grid = of.affine_grid(torch.stack(rows, dim=1), list(pictures.shape), align_corners=False).to(pictures.device)
    return of.grid_sample(pictures, grid, padding_mode="border", align_corners=False)

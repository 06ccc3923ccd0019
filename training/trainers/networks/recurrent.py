"""A recurrent network for series of numbers, and what chance may do to a series."""

import torch
from torch import Tensor, nn

NOISE = {"none": 0.0, "light": 0.03, "strong": 0.1}
STRETCH = {"none": 0.0, "light": 0.1, "strong": 0.25}


class SeriesNetwork(nn.Module):
    """Numbers are brought to mean 0 and spread 1, read forwards and backwards, and averaged; a probability of each label."""

    def __init__(self, dims: int, hidden: int, layers: int, dropout: float, labels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(dims))
        self.register_buffer("spread", torch.ones(dims))
        self.reader = nn.LSTM(
            dims, hidden, layers, batch_first=True, bidirectional=True, dropout=dropout if layers > 1 else 0.0
        )
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(4 * hidden, labels))

    def logits(self, series: Tensor) -> Tensor:
        """Answer what the softmax is taken of."""
        read, _ = self.reader((series - self.mean) / self.spread)
        return self.head(torch.cat([read.mean(dim=1), read.amax(dim=1)], dim=1))

    def forward(self, series: Tensor) -> Tensor:
        """Answer the probability of each label."""
        return self.logits(series).softmax(dim=1)


def moved(series: Tensor, kind: str, random: torch.Generator, spread: Tensor) -> Tensor:
    """Stretch each series, and shake each number, a little, by chance."""
    if kind == "none":
        return series
    noise = torch.randn(series.shape, generator=random).to(series.device) * (NOISE[kind] * spread)
    stretch = 1 + (torch.rand(len(series), 1, 1, generator=random) * 2 - 1) * STRETCH[kind]
    return series * stretch.to(series.device) + noise

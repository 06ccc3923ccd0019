"""A network that reads a line of text: convolutions make columns of a picture, a recurrent layer reads them."""

import torch
from torch import Tensor, nn

from training.trainers.networks.pictures import Block


class ReaderNetwork(nn.Module):
    """Answers at each step the probability of none and of each character of the alphabet."""

    def __init__(self, channels: int, height: int, width: int, hidden: int, characters: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            Block(channels, width),
            nn.MaxPool2d(2),
            Block(width, width * 2),
            nn.MaxPool2d(2),
            Block(width * 2, width * 4),
            nn.MaxPool2d((2, 1)),
            Block(width * 4, width * 4),
        )
        self.down = nn.Linear(width * 4 * (height // 8), hidden * 2)
        self.reader = nn.LSTM(hidden * 2, hidden, batch_first=True, bidirectional=True)
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(hidden * 2, 1 + characters))

    def logits(self, pictures: Tensor) -> Tensor:
        """Answer (b, steps, 1 + characters)."""
        seen = self.body(pictures)
        columns = seen.permute(0, 3, 1, 2).flatten(2)
        narrow = torch.relu(self.down(columns))
        read, _ = self.reader(narrow)
        return self.head(read + narrow)

    def forward(self, pictures: Tensor) -> Tensor:
        """Answer probabilities."""
        return self.logits(pictures).softmax(dim=2)

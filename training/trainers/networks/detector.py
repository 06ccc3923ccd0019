"""A small one-stage detector without anchors: each cell of a grid answers one box, and how well it fits each label."""

import torch
import torch.nn.functional as of
from torch import Tensor, nn

from training.trainers.networks.pictures import Block

STRIDE = 8
RADIUS = 1.5
"""A cell is asked for a box whose middle is at most so many cells away."""
PRIOR = -4.0


class DetectorNetwork(nn.Module):
    """Down to a thirty-second of the picture and up again to an eighth; `forward` answers places and scores as bundles have them."""

    def __init__(self, channels: int, height: int, width: int, features: int, labels: int) -> None:
        super().__init__()
        one, two, four, six = features, features * 2, features * 4, features * 6
        self.stem = nn.Sequential(Block(channels, one, stride=2), Block(one, two, stride=2))
        self.eighth, self.sixteenth, self.last = (
            Block(two, four, stride=2),
            Block(four, six, stride=2),
            Block(six, six, stride=2),
        )
        self.across = nn.ModuleList([nn.Conv2d(given, four, 1) for given in (four, six, six)])
        self.head = Block(four, four)
        self.scores, self.sides = nn.Conv2d(four, labels, 3, padding=1), nn.Conv2d(four, 4, 3, padding=1)
        nn.init.constant_(self.scores.bias, PRIOR)
        rows, columns = -(-height // STRIDE), -(-width // STRIDE)
        self.register_buffer("middles", _middles(rows, columns))
        self.register_buffer("size", torch.tensor([width, height, width, height], dtype=torch.float32))

    def raw(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Answer logits (b, cells, labels) and boxes (b, cells, 4): left, top, right, bottom in pixels of the input."""
        eighth = self.eighth(self.stem(pictures))
        sixteenth = self.sixteenth(eighth)
        last = self.across[2](self.last(sixteenth))
        up = self.across[1](sixteenth) + of.interpolate(last, size=sixteenth.shape[2:], mode="nearest")
        up = self.across[0](eighth) + of.interpolate(up, size=eighth.shape[2:], mode="nearest")
        seen = self.head(up)
        scores = self.scores(seen).flatten(2).transpose(1, 2)
        sides = self.sides(seen).flatten(2).transpose(1, 2).float().clamp(-6, 6).exp() * (2 * STRIDE)
        corners = torch.cat([self.middles - sides[..., :2], self.middles + sides[..., 2:]], dim=-1)
        return scores.float(), corners

    def forward(self, pictures: Tensor) -> Tensor:
        """Answer (b, cells, 4 + labels): shares of the picture, and the score of each label."""
        scores, corners = self.raw(pictures)
        return torch.cat([corners / self.size, scores.sigmoid()], dim=-1)


def loss(scores: Tensor, corners: Tensor, middles: Tensor, wanted: list[tuple[Tensor, Tensor]], weights: Tensor) -> Tensor:
    """Answer the mean loss of a batch; `wanted` are corners in pixels and numbers of labels, picture by picture.

    A cell's score is to be how much its box overlaps the true one (quality focal loss); its box is drawn to that (GIoU).
    """
    total, positives = scores.new_zeros(()), scores.new_zeros(())
    for picture, (boxes, labels) in enumerate(wanted):
        target = torch.zeros_like(scores[picture])
        cells, of_box = _asked(middles, boxes)
        if len(cells):
            overlap, generalised = _overlap(corners[picture, cells], boxes[of_box])
            target[cells, labels[of_box]] = overlap.detach().clamp(min=0.05)
            total = total + weights[picture] * 2 * (1 - generalised).sum()
        answered = scores[picture].sigmoid()
        each = of.binary_cross_entropy_with_logits(scores[picture], target, reduction="none")
        total = total + weights[picture] * (each * (target - answered).abs().pow(2)).sum()
        positives = positives + weights[picture] * max(1, len(cells))
    return total / positives.clamp(min=1e-6)


def moved(pictures: Tensor, boxes: list[Tensor], kind: str, random: torch.Generator) -> tuple[Tensor, list[Tensor]]:
    """Mirror, stretch, shift and tint pictures by chance, and their boxes (shares of the picture) with them."""
    if kind == "none":
        return pictures, boxes
    count, most = len(pictures), {"light": 0.1, "strong": 0.25}[kind]

    def chance(*shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=random)

    mirror = torch.where(chance(2) < 0.5, -1.0, 1.0)
    if kind == "light":
        mirror[:, 1] = 1.0
    stretch, shift = (1 + (chance(2) * 2 - 1) * most) * mirror, (chance(2) * 2 - 1) * most
    zero = torch.zeros(count)
    rows = [torch.stack([stretch[:, 0], zero, shift[:, 0]], 1), torch.stack([zero, stretch[:, 1], shift[:, 1]], 1)]
    grid = of.affine_grid(torch.stack(rows, dim=1), list(pictures.shape), align_corners=False).to(pictures.device)
    pictures = of.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
    contrast, light = 1 + (chance(1, 1, 1) * 2 - 1) * most, (chance(pictures.shape[1], 1, 1) * 2 - 1) * most
    pictures = pictures * contrast.to(pictures.device) + light.to(pictures.device)
    return pictures, [_moved_boxes(one, stretch[at], shift[at]) for at, one in enumerate(boxes)]


def _moved_boxes(boxes: Tensor, stretch: Tensor, shift: Tensor) -> Tensor:
    """Answer where boxes come to lie: a point p of the new picture shows stretch * p + shift of the old (-1 to 1)."""
    moved_points = ((boxes.reshape(-1, 2, 2) * 2 - 1 - shift) / stretch + 1) / 2
    return torch.cat([moved_points.amin(dim=1), moved_points.amax(dim=1)], dim=1)


def _middles(rows: int, columns: int) -> Tensor:
    down, across = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    return (torch.stack([across, down], dim=-1).reshape(-1, 2).float() + 0.5) * STRIDE


def _asked(middles: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Answer which cells are asked for a box, and for which: the smallest of those whose middle is near, the nearest cell always."""
    if not len(boxes):
        nothing = torch.zeros(0, dtype=torch.long, device=middles.device)
        return nothing, nothing
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    apart = (middles[:, None] - centre[None]).abs().amax(dim=2)  # cells × boxes
    inside = ((middles[:, None] > boxes[None, :, :2]) & (middles[:, None] < boxes[None, :, 2:])).all(dim=2)
    is_asked = inside & (apart < RADIUS * STRIDE)
    is_asked[apart.argmin(dim=0), torch.arange(len(boxes), device=boxes.device)] = True
    area = (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)
    smallest, which = torch.where(is_asked, area, torch.inf).min(dim=1)
    cells = smallest.isfinite().nonzero()[:, 0]
    return cells, which[cells]


def _overlap(ours: Tensor, theirs: Tensor) -> tuple[Tensor, Tensor]:
    """Answer the intersection over union of boxes one to one, and the generalised one, which also knows how far apart they are."""
    shared = (torch.minimum(ours[:, 2:], theirs[:, 2:]) - torch.maximum(ours[:, :2], theirs[:, :2])).clamp(min=0).prod(dim=1)
    union = (ours[:, 2:] - ours[:, :2]).prod(dim=1) + (theirs[:, 2:] - theirs[:, :2]).prod(dim=1) - shared
    hull = (torch.maximum(ours[:, 2:], theirs[:, 2:]) - torch.minimum(ours[:, :2], theirs[:, :2])).prod(dim=1)
    overlap = shared / union.clamp(min=1e-6)
    return overlap, overlap - (hull - union) / hull.clamp(min=1e-6)

"""A share with its uncertainty: n and a 95 % interval stand beside every figure, and what has too few is grey."""

import math
from dataclasses import dataclass

ENOUGH = 30
Z = 1.959964


@dataclass(frozen=True)
class Proportion:
    """`hits` of `n`."""

    hits: int
    n: int

    @property
    def share(self) -> float | None:
        """The share from 0 to 1; None of nothing."""
        return self.hits / self.n if self.n else None

    @property
    def is_enough(self) -> bool:
        """Tell whether there are enough to say something."""
        return self.n >= ENOUGH

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval by Wilson's score, which also holds where nearly none or nearly all are hits."""
        if not self.n:
            return 0.0, 1.0
        share, square = self.hits / self.n, Z * Z / self.n
        middle = (share + square / 2) / (1 + square)
        reach = Z / (1 + square) * math.sqrt(share * (1 - share) / self.n + square / self.n / 4)
        return max(0.0, middle - reach), min(1.0, middle + reach)

    @property
    def low(self) -> float:
        """The lower end of the interval."""
        return self.interval[0]

    @property
    def high(self) -> float:
        """The upper end of the interval."""
        return self.interval[1]

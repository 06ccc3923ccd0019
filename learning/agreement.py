"""How far people agree: Cohen, Fleiss, Krippendorff, overlap of boxes, and errors in characters.

All three coefficients are read from *pairs*: how often one person said `a` where another said `b` of the same sample, both
ways round. Pairs can be summed over samples, people and weeks, so that a figure of any cut needs no answer to be read again.
Knows values, not the database. None is what cannot be said: nothing to compare, or everybody always said the same.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from learning import annotation

Category = TypeVar("Category", bound=Hashable)
Pairs = Mapping[tuple[Category, Category], float]
MATCHED_FROM = 0.5
"""From which overlap on two boxes are of the same thing."""


def pairs_of(answers: Sequence[Category]) -> Counter[tuple[Category, Category]]:
    """Answer the pairs of one sample's answers, both ways round: n × (n − 1) of them."""
    counts = Counter(answers)
    return Counter(
        {
            (one, other): count * (counts[other] - (one == other))
            for one, count in counts.items()
            for other in counts
            if counts[other] - (one == other)
        }
    )


def observed(pairs: Pairs[Category]) -> float | None:
    """Answer the share of pairs that agree."""
    total = sum(pairs.values())
    return sum(n for (one, other), n in pairs.items() if one == other) / total if total else None


def cohen(pairs: Pairs[Category]) -> float | None:
    """Answer Cohen's kappa of one person (who said the first of each pair) against another, or against all others."""
    agreed = observed(pairs)
    return None if agreed is None else beyond_chance(agreed, pairs)


def beyond_chance(agreed: float, pairs: Pairs[Category]) -> float | None:
    """Answer Cohen's kappa where two people who say what they say as often as in `pairs` agree in this share of them."""
    first, second = _marginals(pairs), _marginals({(other, one): n for (one, other), n in pairs.items()})
    total = sum(first.values())
    by_chance = sum(n * second.get(category, 0) for category, n in first.items()) / total**2 if total else 1.0
    return None if by_chance >= 1 else (agreed - by_chance) / (1 - by_chance)


def fleiss(pairs: Pairs[Category]) -> float | None:
    """Answer Fleiss' kappa; every sample was judged by the same number of people."""
    agreed, shares = observed(pairs), _marginals(pairs)
    total = sum(shares.values())
    by_chance = sum((share / total) ** 2 for share in shares.values()) if total else 1.0
    return None if agreed is None or by_chance >= 1 else (agreed - by_chance) / (1 - by_chance)


def krippendorff(coincidences: Pairs[Category]) -> float | None:
    """Answer Krippendorff's alpha of nominal answers, by however many people.

    `coincidences` are pairs, each sample's divided by the number of its answers less one.
    """
    marginals = _marginals(coincidences)
    total = sum(marginals.values())
    expected = total**2 - sum(n**2 for n in marginals.values())
    differing = sum(n for (one, other), n in coincidences.items() if one != other)
    return 1 - (total - 1) * differing / expected if expected > 0 else None


def coincidences(samples: Iterable[Sequence[Category]]) -> dict[tuple[Category, Category], float]:
    """Answer the coincidences of many samples' answers; one with a single answer says nothing."""
    summed: dict[tuple[Category, Category], float] = {}
    for answers in samples:
        for pair, n in pairs_of(answers).items():
            summed[pair] = summed.get(pair, 0.0) + n / (len(answers) - 1)
    return summed


def matched_boxes(
    first: Sequence[Mapping[str, Any]], second: Sequence[Mapping[str, Any]], at_least: float = MATCHED_FROM
) -> list[tuple[int, int, float]]:
    """Match the boxes of two answers one to one, the best overlap first: (place in first, place in second, overlap)."""
    overlaps = [
        (annotation.overlap(one["bbox"], other["bbox"]), i, j) for i, one in enumerate(first) for j, other in enumerate(second)
    ]
    taken: tuple[set[int], set[int]] = (set(), set())
    matched = []
    for overlap, i, j in sorted(overlaps, key=lambda row: (-row[0], row[1], row[2])):
        if overlap < at_least:
            break
        if i not in taken[0] and j not in taken[1]:
            taken[0].add(i)
            taken[1].add(j)
            matched.append((i, j, overlap))
    return matched


def mean_iou(first: Sequence[Mapping[str, Any]], second: Sequence[Mapping[str, Any]]) -> float | None:
    """Answer the mean overlap of the boxes that two answers have in common."""
    matched = matched_boxes(first, second)
    return sum(overlap for *_, overlap in matched) / len(matched) if matched else None


def aligned(said: str, meant: str) -> list[tuple[str, str]]:
    """Answer what was said for what, character by character, with as few errors as can be; "" is one too many or missing.

    The number of pairs that differ is Levenshtein's distance. What both begin and end with is paired at once: most texts differ
    in a character or two.
    """
    shortest = min(len(said), len(meant))
    first = next((at for at in range(shortest) if said[at] != meant[at]), shortest)
    last = next((at for at in range(shortest - first) if said[-1 - at] != meant[-1 - at]), shortest - first)
    begin, end = list(zip(said[:first], meant[:first], strict=True)), said[len(said) - last :]
    between = _aligned(said[first : len(said) - last], meant[first : len(meant) - last])
    return [*begin, *between, *zip(end, end, strict=True)]


def edits(said: str, meant: str) -> int:
    """Answer how many characters must be changed, added or taken away to get from one text to the other."""
    return sum(one != other for one, other in aligned(said, meant))


def character_error_rate(texts: Iterable[tuple[str, str]]) -> float | None:
    """Answer the errors per character of what was meant, over (said, meant)."""
    errors = length = 0
    for said, meant in texts:
        errors, length = errors + edits(said, meant), length + len(meant)
    return errors / length if length else None


def _marginals(pairs: Pairs[Category]) -> dict[Category, float]:
    """Answer how often each category was said."""
    summed: dict[Category, float] = {}
    for (one, _other), n in pairs.items():
        summed[one] = summed.get(one, 0.0) + n
    return summed


def _aligned(said: str, meant: str) -> list[tuple[str, str]]:
    """Pair two texts along the cheapest way through the table of their beginnings' distances."""
    rows = [list(range(len(meant) + 1))]
    for i, one in enumerate(said, 1):
        row = [i]
        for j, other in enumerate(meant, 1):
            row.append(min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (one != other)))
        rows.append(row)
    i, j, pairs = len(said), len(meant), []
    while i or j:
        if i and j and rows[i][j] == rows[i - 1][j - 1] + (said[i - 1] != meant[j - 1]):
            i, j, pair = i - 1, j - 1, (said[i - 1], meant[j - 1])
        elif i and rows[i][j] == rows[i - 1][j] + 1:
            i, pair = i - 1, (said[i - 1], "")
        else:
            j, pair = j - 1, ("", meant[j - 1])
        pairs.append(pair)
    return pairs[::-1]

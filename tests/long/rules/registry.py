"""Where each module of rules puts its own: a sentence, and what looks at the rows."""

from collections.abc import Callable, Iterator

from tests.long.rules.rows import Hub

Verdicts = Iterator[tuple[str, str]]
"""What was looked at, and what is wrong with it, or nothing."""
Check = Callable[[Hub], Verdicts]
RULES: dict[str, Check] = {}
AT_REST: set[str] = set()
"""Rules that hold only once everybody is done, and workers have counted."""
SIGMAS = 4.5
"""So far off chance would be in one of 150,000 runs."""
REVIEWERS = {"reviewer", "super_admin"}


def rule(sentence: str, *, at_rest: bool = False) -> Callable[[Check], Check]:
    """Keep a function as what checks this rule."""

    def kept(check: Check) -> Check:
        RULES[sentence] = check
        if at_rest:
            AT_REST.add(sentence)
        return check

    return kept

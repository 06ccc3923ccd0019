"""Every rule of the review queue, checked in the database itself: `python -m tests.long.review_rules ADDRESS [--live]`.

ADDRESS is a database's URL, or the path of an SQLite file. Written from the design alone and on plain SQL, so that it shares no
fault with the hub. Prints each rule with how many rows it looked at and names those that break it; exits with 1 where one does.
`--live`: people judge at this moment, so leases may have run out, and what a worker counts may be behind.
"""

import sys
from dataclasses import dataclass

from tests.long.rules import checks, counts, judgements, slots
from tests.long.rules.registry import AT_REST, RULES
from tests.long.rules.rows import Hub, connect

PARTS = (judgements, slots, checks, counts)
NAMED = 5


@dataclass(frozen=True)
class Finding:
    """One rule, how many rows it looked at, and those that break it."""

    rule: str
    looked_at: int
    broken: list[str]

    def __str__(self) -> str:
        named = "".join(f"\n        {row}" for row in self.broken[:NAMED])
        more = f"\n        and {len(self.broken) - NAMED} more" if len(self.broken) > NAMED else ""
        return f"{'BROKEN' if self.broken else 'holds ':6} {self.looked_at:8,}  {self.rule}{named}{more}"


def findings(hub: Hub, *, live: bool = False) -> list[Finding]:
    """Look at every rule."""
    found = []
    for sentence, check in RULES.items():
        if not (live and sentence in AT_REST):
            verdicts = list(check(hub))
            found.append(Finding(sentence, len(verdicts), [f"{row}: {wrong}" for row, wrong in verdicts if wrong]))
    return found


def main(address: str, *flags: str) -> int:
    """Print what was found."""
    connection = connect(address)
    found = findings(Hub(connection), live="--live" in flags)
    connection.close()
    print("\n".join(map(str, found)))  # noqa: T201  (a script)
    return int(any(each.broken for each in found))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

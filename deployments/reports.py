"""What a set of reports says of a deployment: a pure function, so the order in which they came makes no difference."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from core.errors import Invalid
from deployments.models.deployment import DeploymentStatus

ENDS = frozenset({DeploymentStatus.COMPLETED, DeploymentStatus.FAILED})
SPOKEN = frozenset({DeploymentStatus.DOWNLOADING, DeploymentStatus.INSTALLING, *ENDS})
"""What an edge may say; the other states are the hub's own."""

LARGEST = 2**31 - 1
LONGEST_SENTENCE = 2_000


@dataclass(frozen=True)
class Report:
    """One thing an edge said: the `seq`-th of its `attempt`."""

    attempt: int
    seq: int
    status: str
    progress_percent: int
    error_message: str
    at: datetime


@dataclass(frozen=True)
class Standing:
    """What a set of reports amounts to."""

    status: str
    progress_percent: int = 0
    error_message: str = ""
    started_at: datetime | None = None
    completed_at: datetime | None = None


def heard(
    *, attempt: int, seq: int, status: str, at: datetime, progress_percent: float = 0, error_message: str | None = None
) -> Report:
    """Take down what an edge said; a rounding error in the progress is clamped, texts are cut.

    Raises Invalid for an unknown status, and for numbers and moments out of range.
    """
    if status not in SPOKEN:
        raise Invalid(f"An edge reports {', '.join(sorted(SPOKEN))}, not {status[:40]!r}.", errors={"status": ["Unknown."]})
    if not (1 <= attempt <= LARGEST and 0 <= seq <= LARGEST):
        raise Invalid("attempt and seq are numbers from 1 and 0.", errors={"attempt": ["Out of range."]})
    if not 2000 <= at.year <= 9000:
        raise Invalid("at is a moment of this millennium.", errors={"at": ["Out of range."]})
    if not -1 < progress_percent < 101:
        raise Invalid("progress_percent is a number from 0 to 100.", errors={"progress_percent": ["Out of range."]})
    clamped = int(min(100, max(0, progress_percent)))
    return Report(attempt, seq, status, clamped, (error_message or "").replace("\x00", "")[:LONGEST_SENTENCE], at)


def standing(reports: Iterable[Report], *, issued: int) -> Standing:
    """Answer what `reports` amount to: the highest attempt counts; in it the first end, else the last word.

    `issued` is the attempt the hub asked for: before the first report of it the deployment is pending.
    """
    known = list(reports)
    attempt = max((report.attempt for report in known), default=0)
    if attempt < issued:
        return Standing(DeploymentStatus.PENDING)
    said = [report for report in known if report.attempt == attempt]
    telling = _telling(said)
    is_completed = telling.status == DeploymentStatus.COMPLETED
    return Standing(
        telling.status,
        100 if is_completed else telling.progress_percent,
        telling.error_message,
        min(report.at for report in said),
        telling.at if is_completed else None,
    )


def _telling(said: Collection[Report]) -> Report:
    ends = [report for report in said if report.status in ENDS]
    return min(ends, key=lambda report: report.seq) if ends else max(said, key=lambda report: report.seq)

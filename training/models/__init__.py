"""Datasets and their versions, jobs and their runs, and model versions."""

from training.models.dataset import DatasetDelta, DatasetStatus, Environment, TrainingDataset, TrainingSample
from training.models.job import JobKind, JobStatus, TrainingJob
from training.models.model_version import ModelStatus, ModelVersion
from training.models.run import ExitReason, MetricPoint, RunLog, RunState, TrainingRun
from training.models.trust import TrustDocument, TrustRole
from training.models.version import DatasetMember, DatasetVersion, GroupSplit, Split, TruthChange, VersionState

__all__ = [
    "DatasetDelta",
    "DatasetMember",
    "DatasetStatus",
    "DatasetVersion",
    "Environment",
    "ExitReason",
    "GroupSplit",
    "JobKind",
    "JobStatus",
    "MetricPoint",
    "ModelStatus",
    "ModelVersion",
    "RunLog",
    "RunState",
    "Split",
    "TrainingDataset",
    "TrainingJob",
    "TrainingRun",
    "TrainingSample",
    "TrustDocument",
    "TrustRole",
    "TruthChange",
    "VersionState",
]

"""Datasets and their versions, jobs and their runs, and model versions."""

from training.models.dataset import (
    DatasetDelta,
    DatasetStatus,
    DatasetSummary,
    Environment,
    SampleVerdict,
    TrainingDataset,
    TrainingSample,
)
from training.models.evaluation import EvaluationMethod, ModelEvaluation, SampleOutcome
from training.models.exchange import (
    DatasetImport,
    Empty,
    ImportedRecord,
    ImportPhase,
    ImportState,
    RecordFate,
    TakenAs,
)
from training.models.export import DatasetExport, ExportState
from training.models.growth import DatasetGrowth, GrowthKind, GrowthState, VideoFrame
from training.models.job import JobKind, JobStatus, TrainingJob
from training.models.model_version import ModelStatus, ModelVersion
from training.models.registration import ModelRegistration, RegistrationState
from training.models.run import ExitReason, MetricPoint, RunCheckpoint, RunLog, RunState, TrainingRun
from training.models.trust import SigningRequest, SigningState, TrustDocument, TrustRole
from training.models.upload import DatasetUpload, UploadPurpose, UploadState
from training.models.version import (
    DatasetMember,
    DatasetVersion,
    GroupSplit,
    Split,
    TruthChange,
    VersionComparison,
    VersionState,
)

__all__ = [
    "DatasetDelta",
    "DatasetExport",
    "DatasetGrowth",
    "DatasetImport",
    "DatasetMember",
    "DatasetStatus",
    "DatasetSummary",
    "DatasetUpload",
    "DatasetVersion",
    "Empty",
    "Environment",
    "EvaluationMethod",
    "ExitReason",
    "ExportState",
    "GroupSplit",
    "GrowthKind",
    "GrowthState",
    "ImportPhase",
    "ImportState",
    "ImportedRecord",
    "JobKind",
    "JobStatus",
    "MetricPoint",
    "ModelEvaluation",
    "ModelRegistration",
    "ModelStatus",
    "ModelVersion",
    "RecordFate",
    "RegistrationState",
    "RunCheckpoint",
    "RunLog",
    "RunState",
    "SampleOutcome",
    "SampleVerdict",
    "SigningRequest",
    "SigningState",
    "Split",
    "TakenAs",
    "TrainingDataset",
    "TrainingJob",
    "TrainingRun",
    "TrainingSample",
    "TrustDocument",
    "TrustRole",
    "TruthChange",
    "UploadPurpose",
    "UploadState",
    "VersionComparison",
    "VersionState",
    "VideoFrame",
]

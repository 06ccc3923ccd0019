"""The learning store."""

from learning.models.batch import BatchState, UploadBatch, UploadRejection, VerificationChunk
from learning.models.city import Camera, City
from learning.models.discarded import DiscardedObject
from learning.models.erasure import AccessExport, Erasure, ErasureItem, ErasureState, ErasureTouch, LedgerEntry, SubjectKind
from learning.models.example import ExampleStatus, TrainingExample
from learning.models.fingerprint import GroupMerge, ImageFingerprint
from learning.models.gold import AnnotatorPause, GoldAnswer, GoldShowing, GoldTurn
from learning.models.label import Decision, HitlLabel, LabelStatus
from learning.models.label_use import LabelUse, SchemaPart
from learning.models.module import AiModule, LabelSchema, Task
from learning.models.object import ObjectKind, StoredObject
from learning.models.person import CollectionSession, Image, ImageSource, Person, PersonStatus, SessionStatus
from learning.models.policy import Adjudicators, CityLabels, PolicyVersion, ReviewPolicy
from learning.models.quality import QualityCount, QualityMeasure, QualityStretch
from learning.models.retention import LegalHold, LifecycleRun, RetentionPolicy
from learning.models.review import CheckOutcome, ReviewSlot, SlotKind, SlotState
from learning.models.sample import LearningSample, SampleState, SampleType
from learning.models.saved_filter import SavedFilter
from learning.models.selection import Selection, SelectionState
from learning.models.store_report import ReportKind, StoreReport
from learning.models.summary import DailyCount, Measure, Source, StorageCount, Stretch

__all__ = [
    "AccessExport",
    "Adjudicators",
    "AiModule",
    "AnnotatorPause",
    "BatchState",
    "Camera",
    "CheckOutcome",
    "City",
    "CityLabels",
    "CollectionSession",
    "DailyCount",
    "Decision",
    "DiscardedObject",
    "Erasure",
    "ErasureItem",
    "ErasureState",
    "ErasureTouch",
    "ExampleStatus",
    "GoldAnswer",
    "GoldShowing",
    "GoldTurn",
    "GroupMerge",
    "HitlLabel",
    "Image",
    "ImageFingerprint",
    "ImageSource",
    "LabelSchema",
    "LabelStatus",
    "LabelUse",
    "LearningSample",
    "LedgerEntry",
    "LegalHold",
    "LifecycleRun",
    "Measure",
    "ObjectKind",
    "Person",
    "PersonStatus",
    "PolicyVersion",
    "QualityCount",
    "QualityMeasure",
    "QualityStretch",
    "ReportKind",
    "RetentionPolicy",
    "ReviewPolicy",
    "ReviewSlot",
    "SampleState",
    "SampleType",
    "SavedFilter",
    "SchemaPart",
    "Selection",
    "SelectionState",
    "SessionStatus",
    "SlotKind",
    "SlotState",
    "Source",
    "StorageCount",
    "StoreReport",
    "StoredObject",
    "Stretch",
    "SubjectKind",
    "Task",
    "TrainingExample",
    "UploadBatch",
    "UploadRejection",
    "VerificationChunk",
]

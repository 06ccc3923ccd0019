"""The learning store."""

from learning.models.batch import BatchState, UploadBatch, UploadRejection
from learning.models.city import Camera, City
from learning.models.label import Decision, HitlLabel, LabelStatus
from learning.models.module import AiModule, LabelSchema, Task
from learning.models.object import ObjectKind, StoredObject
from learning.models.review import ReviewSlot, SlotKind, SlotState
from learning.models.sample import LearningSample, SampleState, SampleType

__all__ = [
    "AiModule",
    "BatchState",
    "Camera",
    "City",
    "Decision",
    "HitlLabel",
    "LabelSchema",
    "LabelStatus",
    "LearningSample",
    "ObjectKind",
    "ReviewSlot",
    "SampleState",
    "SampleType",
    "SlotKind",
    "SlotState",
    "StoredObject",
    "Task",
    "UploadBatch",
    "UploadRejection",
]

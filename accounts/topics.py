"""What people and programs wait for: which events of the audit log are told on, to whom, and where they lead.

The upper apps' nouns, verbs and pages are known here only as strings, like their permissions.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import Event
from accounts.policy import Permission


@dataclass(frozen=True)
class Topic:
    """One kind of news: `permission` says who is told (nobody by it where it is empty; webhooks are told in any case).

    `only` is what the facts of its events hold, `told` the fact that names the one person who is told, also of what goes on in
    their name, `asked_by` the fact that names the one who is not: who asked for something does not decide on it. `page` takes the
    object's id, unless `query` is set; `called` is the column by which people know the object. Webhooks are not told of what is
    `for_people`: news of webhooks would go round among those that cannot be reached.
    """

    name: str
    sentence: Any
    page: str
    called: str = ""
    permission: str = ""
    only: Mapping[str, str] = field(default_factory=dict)
    told: str = ""
    asked_by: str = ""
    query: Mapping[str, str] | None = None
    for_people: bool = False

    def address_of(self, object_id: str) -> str:
        """Answer the path of the page this leads to."""
        return reverse(self.page, args=[object_id]) if self.query is None else reverse(self.page, query=self.query)


ANNOUNCED: dict[tuple[str, str], Topic] = {
    ("training.modelversion", "score"): Topic(
        "model.awaits_approval",
        _("A model awaits approval"),
        "training:model",
        "name",
        permission=Permission.APPROVE_MODEL,
        only={"status": "testing"},
        asked_by="requested_by",
    ),
    ("training.modelversion", "approve"): Topic(
        "model.approved",
        _("A model was approved and can be released"),
        "training:model",
        "name",
        permission=Permission.RELEASE_MODEL,
    ),
    ("training.modelversion", "refuse"): Topic(
        "model.refused", _("A model was refused"), "training:model", "name", permission=Permission.REVISE_MODEL
    ),
    ("training.modelversion", "release"): Topic(
        "model.released", _("A model was released"), "training:model", "name", permission=Permission.VIEW_TRAINING
    ),
    ("training.modelversion", "deprecate"): Topic(
        "model.deprecated", _("A model was deprecated"), "training:model", "name", permission=Permission.VIEW_TRAINING
    ),
    ("training.signingrequest", "await_signatures"): Topic(
        "signature.awaited", _("Signatures are awaited"), "training:signing-request", permission=Permission.RELEASE_MODEL
    ),
    ("training.trainingjob", "complete"): Topic(
        "job.completed", _("A job was completed"), "training:job", "name", permission=Permission.VIEW_STATUS
    ),
    ("training.trainingjob", "end"): Topic(
        "job.failed", _("A job failed"), "training:job", "name", permission=Permission.VIEW_STATUS, only={"status": "failed"}
    ),
    ("training.datasetversion", "frozen"): Topic(
        "dataset_version.frozen",
        _("A dataset version was frozen"),
        "training:version",
        "dataset__name",
        permission=Permission.FREEZE_VERSION,
    ),
    ("training.datasetversion", "refuse"): Topic(
        "dataset_version.refused",
        _("A dataset version could not be frozen"),
        "training:version",
        "dataset__name",
        permission=Permission.FREEZE_VERSION,
    ),
    ("training.datasetimport", "import"): Topic(
        "import.completed",
        _("An import was completed"),
        "training:import",
        "dataset__name",
        permission=Permission.MANAGE_DATASETS,
        told="asked_for_by",
    ),
    ("training.datasetimport", "refuse"): Topic(
        "import.failed",
        _("An import failed"),
        "training:import",
        "dataset__name",
        permission=Permission.MANAGE_DATASETS,
        told="asked_for_by",
    ),
    ("training.datasetexport", "exported"): Topic(
        "export.completed",
        _("An export can be fetched"),
        "training:export",
        "dataset__name",
        permission=Permission.MANAGE_DATASETS,
        told="asked_for_by",
    ),
    ("training.datasetexport", "fail"): Topic(
        "export.failed",
        _("An export failed"),
        "training:export",
        "dataset__name",
        permission=Permission.MANAGE_DATASETS,
        told="asked_for_by",
    ),
    ("deployments.rollout", "pause"): Topic(
        "rollout.paused",
        _("A rollout was paused"),
        "deployments:rollout",
        "model_version__name",
        permission=Permission.VIEW_FLEET,
    ),
    ("deployments.rollout", "abort"): Topic(
        "rollout.aborted",
        _("A rollout was aborted"),
        "deployments:rollout",
        "model_version__name",
        permission=Permission.VIEW_FLEET,
    ),
    ("deployments.rollout", "rollback"): Topic(
        "rollout.rolled_back",
        _("A rollout is rolled back"),
        "deployments:rollout",
        "model_version__name",
        permission=Permission.VIEW_FLEET,
    ),
    ("deployments.rollout", "complete"): Topic(
        "rollout.completed",
        _("A rollout was completed"),
        "deployments:rollout",
        "model_version__name",
        permission=Permission.VIEW_FLEET,
    ),
    ("deployments.edgeserver", "hold"): Topic(
        "edge.held",
        _("An edge server went back by itself and is held"),
        "deployments:edge",
        "name",
        permission=Permission.VIEW_FLEET,
    ),
    ("learning.erasure", "fall_due"): Topic(
        "erasure.due", _("An erasure is due"), "learning:erasure", permission=Permission.ERASE_DATA
    ),
    ("learning.erasure", "finish"): Topic(
        "erasure.done", _("An erasure is done"), "learning:erasure", permission=Permission.ERASE_DATA
    ),
    ("learning.city", "fall_silent"): Topic(
        "city.overdue",
        _("A city is overdue"),
        "learning:cities",
        "slug",
        permission=Permission.VIEW_STATUS,
        query={"stands": "overdue"},
    ),
    ("learning.uploadbatch", "verify"): Topic("batch.verified", _("A batch was verified"), "learning:batch", "id"),
    ("learning.reviewslot", "return"): Topic(
        "work.returned",
        _("Your work came back"),
        "learning:review",
        permission=Permission.ANNOTATE,
        told="user",
        query={"kind": "returned"},
    ),
    ("learning.annotatorpause", "pause"): Topic(
        "person.paused", _("Somebody is paused from judging"), "learning:quality", permission=Permission.ADJUDICATE, query={}
    ),
    ("accounts.webhook", "give_up"): Topic(
        "webhook.given_up",
        _("A delivery to a webhook was given up"),
        "accounts:webhook",
        "name",
        permission=Permission.MANAGE_WEBHOOKS,
        for_people=True,
    ),
}
"""(object type, verb) of an event → what it is news of."""

TOPICS = {topic.name: topic for topic in ANNOUNCED.values()}
FOR_WEBHOOKS = {name: topic for name, topic in TOPICS.items() if not topic.for_people}


def topic_of(event: Event) -> Topic | None:
    """Answer what an event is news of, if people wait for it."""
    topic = ANNOUNCED.get((event.object_type, event.verb))
    if topic is None or any(event.facts.get(name) != value for name, value in topic.only.items()):
        return None
    return topic

"""What is said over HTTP, by the schemas of docs/wire: which of them belongs to which route.

The OpenAPI document takes its shapes from here (config/openapi.py), and while tests run all traffic is held against them.
"""

import json
from functools import cache
from typing import Any

from django.conf import settings

SCHEMAS = settings.BASE_DIR / "docs" / "wire"
EXAMPLES = SCHEMAS / "examples"
Pair = tuple[str | None, str | None]
PAGED = (
    "modules",
    "module-schemas",
    "cities",
    "samples",
    "labels",
    "disputes",
    "gold",
    "pauses",
    "examples",
    "people",
    "images",
    "collections",
    "erasures",
    "erasure-candidates",
    "access-exports",
    "holds",
    "datasets",
    "growths",
    "dataset-samples",
    "dataset-uploads",
    "versions",
    "exports",
    "imports",
    "jobs",
    "models",
    "registrations",
    "signing-requests",
    "edges",
    "rollouts",
    "model-deployments",
)
"""The lists: their routes without `api-`."""
SPOKEN: dict[tuple[str, str], Pair] = {
    **{("GET", f"api-{name}"): (None, "page") for name in PAGED},
    ("POST", "api-modules"): ("module-new", "module"),
    ("GET", "api-module"): (None, "module"),
    ("PATCH", "api-module"): ("module-change", "module"),
    ("POST", "api-module-schemas"): ("label-schema-new", "label-schema"),
    ("GET", "api-module-policy"): (None, "policy"),
    ("PATCH", "api-module-policy"): ("policy-change", "policy"),
    ("POST", "api-batches"): ("batch-open", "batch"),
    ("GET", "api-batch"): (None, "batch"),
    ("POST", "api-batch-items"): ("items", "outcomes"),
    ("POST", "api-batch-seal"): ("seal", "batch"),
    ("POST", "api-review-next"): ("next", "lease"),
    ("POST", "api-review-decide"): ("decision", "decided"),
    ("POST", "api-grid-lease"): ("grid", "grid-page"),
    ("POST", "api-grid-decide"): ("grid-decision", "grid-decided"),
    ("POST", "api-grid-renew"): ("grid-leases", "grid-renewed"),
    ("POST", "api-review-reopen"): ("reopen", "reopening"),
    ("GET", "api-review-reopened"): (None, "reopening"),
    ("POST", "api-versions"): ("version-new", "version"),
    ("GET", "api-version"): (None, "version"),
    ("GET", "api-version-files"): (None, "file"),
    ("POST", "api-version-verify"): ("version-proof-new", "version"),
    ("POST", "api-version-promote"): (None, "version"),
    ("POST", "api-version-demote"): (None, "version"),
    ("POST", "api-version-archive"): (None, "version"),
    ("GET", "api-version-compare"): (None, "version-comparison"),
    ("GET", "api-lineage"): (None, "lineage"),
    ("POST", "api-dataset-import"): ("import-new", "import"),
    ("GET", "api-import"): (None, "import"),
    ("POST", "api-import-confirm"): ("import-confirm", "import"),
    ("POST", "api-import-cancel"): (None, "import"),
    ("POST", "api-import-errors"): (None, "download"),
    ("POST", "api-dataset-export"): ("export-new", "export"),
    ("GET", "api-export"): (None, "export"),
    ("POST", "api-export-cancel"): (None, "export"),
    ("POST", "api-export-download"): (None, "download"),
    ("POST", "api-dataset-preview"): (None, "rule-preview"),
    ("GET", "api-growth"): (None, "growth"),
    ("POST", "api-dataset-uploads"): ("dataset-upload-new", "dataset-upload"),
    ("GET", "api-dataset-upload"): (None, "dataset-upload"),
    ("POST", "api-upload-parts"): ("upload-parts", "upload-parts-signed"),
    ("POST", "api-upload-complete"): ("upload-complete", "dataset-upload"),
    ("POST", "api-gold"): ("gold-new", "gold"),
    ("POST", "api-gold-retire"): ("reason", "gold"),
    ("POST", "api-pauses"): ("pause-new", "pause"),
    ("POST", "api-pause-lift"): ("reason", "pause"),
    ("GET", "api-quality"): (None, "quality"),
    ("POST", "api-jobs"): ("job-new", "job"),
    ("GET", "api-job"): (None, "job"),
    ("POST", "api-registrations"): ("registration-new", "registration"),
    ("GET", "api-registration"): (None, "registration"),
    ("POST", "api-registration-complete"): (None, "registration"),
    ("GET", "api-model"): (None, "model"),
    ("GET", "api-model-active"): (None, "model"),
    ("GET", "api-model-compare"): (None, "model-comparison"),
    ("POST", "api-model-approve"): ("approve", "model"),
    ("POST", "api-model-release"): ("release", "model"),
    ("POST", "api-model-refuse"): ("model-reason", "model"),
    ("POST", "api-model-activate"): (None, "model"),
    ("POST", "api-model-deprecate"): ("model-reason", "model"),
    ("POST", "api-model-withdraw"): ("model-reason", "model"),
    ("GET", "api-model-lineage"): (None, "model-lineage"),
    ("GET", "api-model-field"): (None, "model-field"),
    ("GET", "api-model-gate"): (None, "model-gate"),
    ("GET", "api-gate"): (None, "gate"),
    ("PUT", "api-gate"): ("gate-rules", "gate"),
    ("GET", "api-signing-request"): (None, "signing-request"),
    ("POST", "api-signing-signatures"): (None, "signing-request"),
    ("POST", "api-model-deploy"): ("deploy", "deployed"),
    ("POST", "api-model-deploy-all"): ("deploy-all", "rollout-started"),
    ("POST", "api-rollout-preview"): ("rollout-preview-new", "rollout-preview"),
    ("GET", "api-edge-map"): (None, "version-map"),
    ("GET", "api-edge-history"): (None, "edge-history"),
    ("PATCH", "api-edge"): ("edge-described", None),
    ("POST", "api-edge-replace"): (None, "hardware-replaced"),
    ("POST", "api-fleet-freeze"): ("fleet-freeze", None),
    ("POST", "api-edge-enrol"): ("enrolment", "enrolled"),
    ("POST", "api-deployment-retry"): (None, "deployment"),
    ("GET", "api-edge-assignment"): (None, "assignment"),
    ("POST", "api-edge-download"): (None, "download"),
    ("POST", "api-edge-reports"): ("reports", "reported"),
    ("POST", "api-edge-heartbeat"): ("heartbeat", "heard"),
    ("POST", "api-webhooks"): ("webhook-new", "webhook-known"),
    ("GET", "api-webhook"): (None, "webhook-known"),
    ("PATCH", "api-webhook"): ("webhook-change", "webhook-known"),
    ("POST", "api-webhook-rotate"): (None, "webhook-known"),
    ("POST", "api-webhook-redeliver"): (None, "webhook-delivery"),
    ("GET", "api-status-jobs"): (None, "status-jobs"),
    ("GET", "api-status-edges"): (None, "status-edges"),
    ("GET", "api-search"): (None, "search"),
    ("GET", "api-notifications"): (None, "notifications"),
    ("POST", "api-notifications-read"): ("notifications-read", None),
}
"""(method, name of the route): the schemas of its body and of its answer."""


@cache
def schemas() -> dict[str, dict[str, Any]]:
    """Read all schemas by the names of their files, by which they refer to each other."""
    return {path.name: json.loads(path.read_text()) for path in SCHEMAS.glob("*.json")}


@cache
def examples() -> dict[str, Any]:
    """Read an example of each shape by the name of its schema's file."""
    return {path.name: json.loads(path.read_text()) for path in EXAMPLES.glob("*.json")}

"""Queues, and what beat starts when. The row is the job: a message only says that there is work."""

import os

from celery import Celery
from django_structlog.celery.steps import DjangoStructLogInitStep

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.conf import settings

app = Celery("command_centre")
app.conf.update(
    **settings.CELERY,
    task_ignore_result=True,
    task_default_queue="default",
    task_routes={"training.tasks.run_next": {"queue": "training.cpu"}},
    worker_disable_prefetch=True,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    broker_connection_retry_on_startup=True,
    timezone="UTC",
    beat_schedule={
        "pulse": {"task": "config.tasks.pulse", "schedule": 20.0, "options": {"expires": 20.0}},
        "verify sealed batches": {"task": "learning.tasks.sweep_sealed", "schedule": 30.0},
        "tell people and webhooks": {"task": "accounts.tasks.announce", "schedule": 5.0},
        "seal events": {"task": "accounts.tasks.seal_events", "schedule": 60.0},
        "prove events": {"task": "accounts.tasks.verify_events", "schedule": 86_400.0},
        "fold pictures shown": {"task": "accounts.tasks.fold_views", "schedule": 86_400.0},
        "forget what was told": {"task": "accounts.tasks.forget_told", "schedule": 86_400.0},
        "remind of what is overdue": {"task": "learning.tasks.remind", "schedule": 600.0},
        "forget idempotency keys": {"task": "accounts.tasks.forget_idempotency_keys", "schedule": 86_400.0},
        "inspect store": {"task": "learning.tasks.inspect_store", "schedule": 86_400.0},
        "go on with collections": {"task": "learning.tasks.sweep_collections", "schedule": 60.0},
        "go on with selections": {"task": "learning.tasks.sweep_selections", "schedule": 60.0},
        "count days": {"task": "learning.tasks.count_days", "schedule": 300.0},
        "weigh gold answers": {"task": "learning.tasks.weigh_gold", "schedule": 60.0},
        "order queues": {"task": "learning.tasks.order_queues", "schedule": 900.0},
        "count quality": {"task": "learning.tasks.count_quality", "schedule": 300.0},
        "count storage": {"task": "learning.tasks.count_storage", "schedule": 3600.0},
        "freeze versions": {"task": "training.tasks.sweep_freezing", "schedule": 30.0},
        "go on with exports": {"task": "training.tasks.sweep_exports", "schedule": 30.0},
        "go on with uploads": {"task": "training.tasks.sweep_uploads", "schedule": 60.0},
        "go on with imports": {"task": "training.tasks.sweep_imports", "schedule": 30.0},
        "go on with registrations": {"task": "training.tasks.sweep_registrations", "schedule": 60.0},
        "go on with growing datasets": {"task": "training.tasks.sweep_growths", "schedule": 60.0},
        "count datasets": {"task": "training.tasks.count_datasets", "schedule": 120.0},
        "fold counts": {"task": "training.tasks.fold_counts", "schedule": 300.0},
        "return lost runs": {"task": "training.tasks.reap_lost", "schedule": 10.0},
        "wake training workers": {"task": "training.tasks.sweep_queued", "schedule": 60.0},
        "sign timestamp": {"task": "training.tasks.refresh_trust", "schedule": 3600.0},
        "go on with erasures": {"task": "learning.tasks.sweep_erasures", "schedule": 60.0},
        "keep the retention rules": {"task": "learning.tasks.keep_retention", "schedule": 86_400.0},
        "rewrite versions without erased members": {"task": "training.tasks.sweep_outdated", "schedule": 60.0},
        "forget copies of what is gone": {
            "task": "training.tasks.forget_gone",
            "schedule": 3600.0,
            "options": {"queue": "training.cpu"},
        },
        "withdraw what no edge holds": {"task": "deployments.tasks.withdraw_unheld", "schedule": 3600.0},
        "advance rollouts": {"task": "deployments.tasks.advance_rollouts", "schedule": 5.0},
        "forget what was measured": {"task": "deployments.tasks.forget_measured", "schedule": 86_400.0},
    },
    beat_schedule_filename=str(settings.VAR / "beat"),
)
app.steps["worker"].add(DjangoStructLogInitStep)
app.autodiscover_tasks(["config", "accounts", "learning", "training", "deployments"])

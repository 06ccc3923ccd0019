"""The composition root: imports every app and is imported by none."""

from core.sparing import absent

with absent("rich", "better_exceptions"):  # to colour traces on a terminal, 5 MB where a developer's tools brought it
    import structlog  # noqa: F401

from config.celery import app as celery_app

__all__ = ["celery_app"]

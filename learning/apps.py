from django.apps import AppConfig


class LearningConfig(AppConfig):
    """The learning store and the review queue."""

    name = "learning"

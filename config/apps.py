from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """What crosses apps: home, demo, processes, checks."""

    name = "config"

    def ready(self) -> None:
        """Register the system checks."""
        from config import checks  # noqa: F401

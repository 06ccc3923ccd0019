from django.apps import AppConfig

from core.sparing import absent

with absent("boto3", "requests", "pygments"):  # a signer by Amazon's keys, a client and colours for tests: 20 MB of no use here
    import rest_framework.compat  # noqa: F401
    import securesystemslib.signer  # noqa: F401


class ConfigConfig(AppConfig):
    """What crosses apps: home, demo, processes, checks."""

    name = "config"

    def ready(self) -> None:
        """Register the system checks, and what a worker asks before it begins."""
        from config import checks, opening  # noqa: F401

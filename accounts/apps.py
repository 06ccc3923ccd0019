from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """People, machines, keys, permissions and the audit log."""

    name = "accounts"

    def ready(self) -> None:
        """Listen to who comes and goes."""
        from accounts import access_log

        access_log.connect()

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """People, machines, keys, permissions and the audit log."""

    name = "accounts"

"""The app's registration."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """People, sign-in and tokens."""

    name = "accounts"

"""The app's registration."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """People, sign-in and tokens."""

    name = "accounts"

    def ready(self) -> None:
        """Keep the sign-ins, and know tokens that were signed with an earlier key."""
        from accounts import sign_ins, signing  # noqa: PLC0415 - models can be imported only now

        sign_ins.listen()
        signing.install()

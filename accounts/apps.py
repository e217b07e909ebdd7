"""The app's registration."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Users, sign-in and tokens."""

    name = "accounts"

    def ready(self) -> None:
        """Record sign-ins and changes of users by staff, and accept tokens that an earlier key signed."""
        from accounts import checks  # noqa: F401, PLC0415 - models can be imported only now
        from accounts.models import TokenAccount, User  # noqa: PLC0415 - as above
        from accounts.sign_in import history, token_keys  # noqa: PLC0415 - models can be imported only now
        from studio.backoffice import audit  # noqa: PLC0415 - as above

        history.listen()
        token_keys.install()
        flags = ("email", "is_active", "is_staff", "is_superuser", "signed_out_at", "email_verified_at")
        audit.watch(User, fields=flags, secret=("password",))
        audit.watch(TokenAccount, fields=("balance", "unlimited"))

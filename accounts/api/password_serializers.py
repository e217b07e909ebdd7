"""Input and output of the endpoints of passwords and of e-mail verification."""

from typing import Any

from rest_framework import serializers

from accounts.api.serializers import EMAIL_LENGTH, PASSWORD_LENGTH, SIGN_IN_LENGTH, EmailAddress, Password
from studio.api.fields import Text
from studio.api.input_serializers import Input

TOKEN_LENGTH = 200  # characters; a token has some 80
NEW_PASSWORD = "At least 8 characters, not only digits, not common."  # noqa: S105 - a description


class _NewPassword(Input):
    """A new password, under the name that the wire has."""

    newPassword = Password(source="new", max_length=PASSWORD_LENGTH, help_text=NEW_PASSWORD)


class ChangePasswordForm(_NewPassword):
    """The current password and a new one."""

    currentPassword = Password(
        source="current",
        max_length=SIGN_IN_LENGTH,
        required=False,
        default=None,
        help_text="As typed; blanks count. Required if the account has a password.",
    )


class AddressForm(Input):
    """The address that gets a mail."""

    email = EmailAddress(max_length=EMAIL_LENGTH, help_text="The account's e-mail address; case is ignored.")


class LinkForm(Input):
    """What the link of a mail carries."""

    token = Text(max_length=TOKEN_LENGTH, write_only=True, help_text="The `token` of the mailed link; it works once.")


class ResetPasswordForm(LinkForm, _NewPassword):
    """The token of the mailed link, and a new password."""


class MailRequested(serializers.Serializer[Any]):
    """The response whether or not the address has an account."""

    message = serializers.CharField(help_text="A sentence for the user.")

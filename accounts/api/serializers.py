"""Input and output of the sign-in endpoints and the ledger."""

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed
from rest_framework_simplejwt.serializers import TokenObtainSerializer

from accounts.models import LedgerEntry, Method, User
from accounts.sign_in import history, lockout, sessions
from accounts.sign_in.unverified import EmailUnverified, require_verified
from studio.api.field_names import Spellings
from studio.api.fields import LengthAsSent, Text, Timestamp
from studio.api.input_serializers import Input, PageQuery, names_of
from studio.emails import normal_email, require_plain

EMAIL_LENGTH = 254  # characters; RFC 5321, and the column
PASSWORD_LENGTH = 128  # characters, of a new password
# Characters. Only a bound on the cost of hashing: every password that the admin pages accept must work here.
SIGN_IN_LENGTH = 4096


class EmailAddress(LengthAsSent, serializers.EmailField):
    """An e-mail address in the one spelling that is stored."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.validators.append(require_plain)

    def to_internal_value(self, data: Any) -> str:
        """Normalise before checking: lower case can be longer."""
        return normal_email(super().to_internal_value(data))


class Password(Text):
    """A password as typed: blanks count."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(write_only=True, trim_whitespace=False, style={"input_type": "password"}, **kwargs)


class RegisterForm(Input):
    """The input of a registration."""

    email = EmailAddress(max_length=EMAIL_LENGTH, help_text="The e-mail address to sign in with; case is ignored.")
    password = Password(max_length=PASSWORD_LENGTH, help_text="At least 8 characters, not only digits, not common.")


class SignInForm(Input, TokenObtainSerializer):
    """An e-mail address, in any case, and its password."""

    # one message for an unknown e-mail address, a wrong password and a deactivated account
    default_error_messages = {"no_active_account": "The e-mail address or the password is wrong."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # simplejwt's own fields strip blanks from the password, and accept text of any length
        self.fields["email"] = Text(write_only=True, max_length=EMAIL_LENGTH, help_text="In any case.")
        self.fields["password"] = Password(max_length=SIGN_IN_LENGTH, help_text="As typed; blanks count.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The tokens.

        Raises LockedOut after too many wrong passwords, else AuthenticationFailed; BackOfficeOnly, EmailUnverified.

        `accounts.sign_in.history` records wrong passwords itself.
        """
        request = self.context["request"]
        try:
            super().validate(attrs)
        except AuthenticationFailed:
            if lockout.is_blocked(request):
                raise lockout.refusal(request, email=attrs["email"]) from None
            raise
        assert isinstance(self.user, User)
        try:
            require_verified(self.user)
        except EmailUnverified:
            history.record(request=request, user=self.user, succeeded=False)
            raise
        tokens = sessions.begin(user=self.user, request=request, method=Method.PASSWORD)
        lockout.forget(request, email=attrs["email"])
        return tokens


class RefreshTokenInput(Input):
    """A refresh token. A client may send the whole response: the rest of it is ignored."""

    def shown_names(self) -> Spellings:
        return names_of(TokenPair)


class RefreshForm(RefreshTokenInput):
    """Exchanges a refresh token for a new pair; the old one is used up."""

    refresh = Text(help_text="The refresh token of the last response; it works once.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The new pair. Raises TokenRefused and EmailUnverified."""
        return sessions.refresh(attrs["refresh"], request=self.context["request"])


class RevokeForm(RefreshTokenInput):
    """Signs out: ends the session of the refresh token."""

    refresh = Text(write_only=True, help_text="A refresh token of the session to end.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """End the session; a repeat changes nothing. Raises TokenRefused."""
        sessions.revoke(attrs["refresh"])
        return {}


class TokenPair(serializers.Serializer[Any]):
    """An access token, and the refresh token for the next pair."""

    access = serializers.CharField(help_text="Send it as `Authorization: Bearer …`.")
    refresh = serializers.CharField(help_text="Exchange it for the next pair; it works once.")
    expiresIn = serializers.IntegerField(min_value=0, help_text="Seconds until the access token expires.")


class LedgerQuery(PageQuery):
    """The filter of the ledger."""

    videoJobId = serializers.UUIDField(
        source="video_job_id", required=False, help_text="Only the entries of this video job, also of a deleted one."
    )


class LedgerLine(serializers.ModelSerializer[LedgerEntry]):
    """One movement of tokens."""

    balanceAfter = serializers.IntegerField(
        source="balance_after", min_value=0, help_text="The balance after this entry."
    )
    videoJobId = serializers.UUIDField(
        source="video_job_id", allow_null=True, help_text="The video job of the entry, even if it was deleted since."
    )
    createdAt = Timestamp(source="created_at", help_text="When the tokens moved.")

    class Meta:
        model = LedgerEntry
        fields = ("id", "kind", "amount", "balanceAfter", "videoJobId", "note", "createdAt")
        read_only_fields = fields
        extra_kwargs = {
            "id": {"help_text": "The entry's id."},
            "kind": {"help_text": "Why the tokens moved."},
            "note": {"help_text": "A remark, such as the reason of an adjustment."},
        }

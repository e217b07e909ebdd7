"""The responses of the account endpoints that show prices and video jobs."""

from typing import Any

from rest_framework import serializers

from accounts.api.serializers import SIGN_IN_LENGTH, Password
from accounts.models import User
from accounts.sign_in.identity import caller
from studio.api.field_names import Spellings
from studio.api.fields import Text, Timestamp
from studio.api.input_serializers import Input, names_of
from videos.limits import MAX_UNFINISHED_JOBS


class SpendableTokens(serializers.Serializer[Any]):
    """What a user can spend."""

    balance = serializers.IntegerField(min_value=0, help_text="Tokens left.")
    unlimited = serializers.BooleanField(help_text="true: video jobs are not charged.")


class ConcurrentJobs(serializers.Serializer[User]):
    """How many unfinished video jobs a user has, and may have."""

    running = serializers.SerializerMethodField()
    limit = serializers.SerializerMethodField()

    def get_running(self, user: User) -> int:
        """Video jobs that are PENDING or RUNNING."""
        return user.video_jobs.live().count()

    def get_limit(self, user: User) -> int:
        """How many of them an account may have."""
        return MAX_UNFINISHED_JOBS


class Me(serializers.Serializer[User]):
    """The caller."""

    id = serializers.UUIDField(help_text="The account's id.")
    email = serializers.CharField(help_text="The account's e-mail address, in lower case.")
    emailVerified = serializers.SerializerMethodField(help_text="true: the account's owner reads this address.")
    name = serializers.CharField(help_text="As the user wants to be called; empty until set.")
    isStaff = serializers.BooleanField(source="is_staff", help_text="true: an admin, who may act on any object.")
    tokens = SpendableTokens(source="token_account", help_text="What the account can spend.")
    concurrentJobs = ConcurrentJobs(source="*", help_text="Unfinished video jobs, and how many are allowed.")
    createdAt = Timestamp(source="created_at", help_text="When the account was created.")

    def get_emailVerified(self, user: User) -> bool:  # noqa: N802 - of the field
        """Whether a mailed link, or Google, has proved that."""
        return user.email_verified_at is not None


FIXED = ("id", "email", "emailVerified", "isStaff")  # of `Me`


class MeChanges(Input):
    """What users may change about their account."""

    name = Text(
        max_length=100, allow_blank=True, required=False, help_text='As the user wants to be called; "" removes it.'
    )

    def shown_names(self) -> Spellings:
        """A client may send the whole account back."""
        return names_of(Me)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Raises ValidationError for a change that would be lost. The balance may have changed since it was read."""
        shown = Me(caller(self.context["request"])).data
        lost = {
            sent.spelling: "Must be omitted, or sent unchanged: it cannot be changed here."
            for name, sent in self.sent_back.items()
            if name in FIXED and sent.value != shown[name]
        }
        if lost:
            raise serializers.ValidationError(lost)
        return attrs


class DeletionForm(Input):
    """The confirmation of a deletion."""

    password = Password(
        max_length=SIGN_IN_LENGTH,
        required=False,
        help_text="The account's password. Not needed within 10 minutes of a sign-in.",
    )


class ExportStatus(serializers.Serializer[Any]):
    """An export that is not finished yet."""

    status = serializers.ChoiceField(choices=["preparing"], help_text="Request it again after `Retry-After` seconds.")


class Costs(serializers.Serializer[Any]):
    """Prices, in tokens."""

    videoJob = serializers.IntegerField(min_value=0, help_text="The price of a video job, in tokens.")


class Balance(serializers.Serializer[Any]):
    """The balance and the prices."""

    balance = serializers.IntegerField(min_value=0, help_text="Tokens left.")
    costs = Costs(help_text="Prices, in tokens.")

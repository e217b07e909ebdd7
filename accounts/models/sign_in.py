"""Attempts to sign in, and the sessions that the accepted ones begin."""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from studio.models import Record


class Method(models.TextChoices):
    """How a user proved who they are."""

    PASSWORD = "password"  # noqa: S105 - no secret
    GOOGLE = "google"


class SignInQuerySet(models.QuerySet["SignIn"]):
    """Attempts, with the query that the purge needs."""

    def older_than(self, moment: datetime) -> Self:
        """The attempts before the moment."""
        return self.filter(created_at__lt=moment)


class SignIn(Record):
    """One attempt to sign in, accepted or refused. What the client typed is not kept.

    `accounts.sign_in.history` writes one at every attempt, also for an unknown e-mail address: the time that a response
    takes must not show whether an account exists.
    """

    class Channel(models.TextChoices):
        """Where a user can sign in."""

        API = "api", "API"
        BACK_OFFICE = "admin", "Back office"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="sign_ins",
        db_index=False,  # the index below begins with it
        help_text="Empty: no account has the e-mail address that was typed.",
    )
    channel = models.CharField(max_length=10, choices=Channel, db_column="door")
    method = models.CharField(max_length=10, choices=Method, default=Method.PASSWORD, db_default=Method.PASSWORD.value)
    succeeded = models.BooleanField()
    client_ip = models.GenericIPAddressField(
        null=True, blank=True, db_column="address", help_text="Of IPv6, the network of the household."
    )
    client = models.CharField(max_length=300, blank=True, help_text="The program, as it calls itself.")

    objects = SignInQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = (
            # a user's page: their sign-ins, newest first
            models.Index(fields=("user", "-created_at", "-id"), name="sign_ins_of_user"),
            # all attempts, newest first; and the old ones to delete
            models.Index(fields=("-created_at", "-id"), name="sign_ins_newest_first"),
            # the list, from one client IP
            models.Index(fields=("client_ip", "-created_at"), name="sign_ins_of_address"),
        )
        constraints = (models.CheckConstraint(name="sign_in_door_is_known", condition=Q(channel__in=("api", "admin"))),)

    def __str__(self) -> str:
        return f"{self.get_channel_display()}, {self.created_at:%Y-%m-%d %H:%M:%S}"


class SessionQuerySet(models.QuerySet["Session"]):
    """Sessions, with the queries and the one change that several modules need."""

    def live(self) -> Self:
        """The sessions that can still be refreshed."""
        return self.filter(ended_at=None, expires_at__gt=Now())

    def end(self, reason: "Session.End") -> int:
        """End those that have not ended yet, at once; returns their number."""
        return self.filter(ended_at=None).update(ended_at=Now(), end_reason=reason, updated_at=Now())


class Session(Record):
    """A sign-in to the API that is still in use: a family of refresh tokens, of which only the newest is valid.

    `accounts.sign_in.sessions` writes it.
    """

    class End(models.TextChoices):
        """Why a session ended."""

        SIGNED_OUT = "signed_out", "signed out"
        ENDED = "ended", "ended by the user from another session"
        PASSWORD_CHANGED = "password_changed", "the password was changed"
        REUSED = "reused", "a used refresh token was sent again: possibly stolen"
        STAFF = "staff", "ended by staff"
        ACCOUNT_DELETED = "account_deleted", "the account was deleted"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="sessions", db_index=False
    )
    method = models.CharField(max_length=10, choices=Method, default=Method.PASSWORD)
    signed_in_at = models.DateTimeField(
        null=True, blank=True, help_text="Empty: the session continues a sign-in to a release before 1.2."
    )
    refresh_id = models.UUIDField(help_text="The `jti` of the valid refresh token.")
    former_refresh_id = models.UUIDField(
        null=True, blank=True, help_text="The `jti` of the token before it, which works for some seconds more."
    )
    refreshed_at = models.DateTimeField(help_text="When the valid refresh token was issued.")
    expires_at = models.DateTimeField(help_text="When the valid refresh token expires.")
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=20, choices=End, blank=True)
    client_ip = models.GenericIPAddressField(null=True, blank=True, help_text="Of the last sign-in or refresh.")
    client = models.CharField(max_length=300, blank=True, help_text="The program, as it called itself last.")

    objects = SessionQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = (
            # GET /auth/sessions, and a user's page: newest first
            models.Index(fields=("user", "-created_at", "-id"), name="sessions_of_user"),
            # the daily purge
            models.Index(fields=("expires_at",), name="sessions_by_expiry"),
        )
        constraints = (
            models.CheckConstraint(
                name="session_end_has_a_reason",
                condition=Q(ended_at=None, end_reason="") | (Q(ended_at__isnull=False) & ~Q(end_reason="")),
            ),
        )

    def __str__(self) -> str:
        return f"session {self.short_id}"

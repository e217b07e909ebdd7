"""Token accounts, and the append-only ledger behind every balance."""

from typing import Any, NoReturn

from django.conf import settings
from django.db import models
from django.db.models import Q

from studio.models import Record


class TokenAccount(Record):
    """What one user can spend. Only `accounts.ledger` writes the balance."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="token_account")
    balance = models.BigIntegerField(default=0)
    unlimited = models.BooleanField(default=False, help_text="Charges nothing; every job is still in the ledger.")
    video_job_count = models.PositiveIntegerField(  # `videos.limits` writes it
        default=0,
        db_default=0,
        db_column="video_jobs",  # its name in the releases that a rolling deploy replaces
        help_text="How many the user has; counting a million takes longer than showing a page.",
    )

    class Meta:
        ordering = ("user",)
        permissions = (("adjust_tokens", "Can grant tokens and correct balances"),)
        constraints = (models.CheckConstraint(name="balance_is_never_negative", condition=Q(balance__gte=0)),)

    def __str__(self) -> str:
        return f"tokens of {self.user}"


class AppendOnly(models.QuerySet["LedgerEntry"]):
    """Entries are added and read, and never changed; a correction is a new entry."""

    def update(self, **kwargs: Any) -> NoReturn:
        """Refused."""
        raise TypeError("ledger entries are never changed; record a correction instead")

    def delete(self) -> NoReturn:
        """Refused."""
        raise TypeError("ledger entries are never deleted; record a correction instead")


class LedgerEntry(Record):
    """One movement of tokens. The balance of an account is the sum of its entries, at every commit."""

    class Kind(models.TextChoices):
        """Why tokens moved; the values are what the API shows."""

        SIGNUP = "signup"
        GRANT = "grant"
        CHARGE = "charge"
        REFUND = "refund"
        ADJUSTMENT = "adjustment"
        OPENING = "opening"

    account = models.ForeignKey(TokenAccount, on_delete=models.PROTECT, related_name="entries")
    kind = models.CharField(max_length=20, choices=Kind)
    amount = models.BigIntegerField(help_text="Positive into the account, negative out of it.")
    balance_after = models.BigIntegerField()
    # No foreign key: the entry stays when the job is deleted.
    video_job_id = models.UUIDField(null=True, blank=True)
    note = models.CharField(max_length=500, blank=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = AppendOnly.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        verbose_name_plural = "ledger entries"
        indexes = (
            # GET /tokens/ledger: an account's entries, newest first
            models.Index(fields=("account", "-created_at", "-id"), name="ledger_of_account"),
            # the back office: all entries, newest first
            models.Index(fields=("-created_at", "-id"), name="ledger_newest_first"),
        )
        constraints = (
            models.UniqueConstraint(
                name="one_entry_a_job_and_kind", fields=("video_job_id", "kind"), condition=~Q(video_job_id=None)
            ),
            models.UniqueConstraint(name="one_signup_an_account", fields=("account",), condition=Q(kind="signup")),
            models.UniqueConstraint(name="one_opening_an_account", fields=("account",), condition=Q(kind="opening")),
            models.CheckConstraint(
                name="job_entries_name_their_job",
                condition=Q(kind__in=("charge", "refund"), video_job_id__isnull=False)
                | Q(kind__in=("signup", "grant", "adjustment", "opening"), video_job_id__isnull=True),
            ),
            models.CheckConstraint(
                name="entry_moves_the_right_way",
                condition=Q(kind="charge", amount__lte=0)
                | Q(kind__in=("signup", "grant", "refund", "opening"), amount__gte=0)
                | Q(kind="adjustment"),
            ),
            models.CheckConstraint(name="balance_after_is_never_negative", condition=Q(balance_after__gte=0)),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.amount:+,} tokens"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write a new entry. Raises TypeError for a saved one."""
        if not self._state.adding:
            raise TypeError("ledger entries are never changed; record a correction instead")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refused."""
        raise TypeError("ledger entries are never deleted; record a correction instead")

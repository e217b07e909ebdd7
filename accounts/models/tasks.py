"""Work for one account that runs in the background: mails, exports, deletions. The row is the queue."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from studio.models import Record


class AccountTask(Record):
    """One piece of work. `accounts.tasks` adds, claims and finishes it; `operations.account_tasks` runs it.

    A mail's row has no text and no token: both are made when the mail is sent.
    """

    class Kind(models.TextChoices):
        """What is to be done."""

        VERIFY_EMAIL = "verify_email", "mail: verify the address"
        RESET_PASSWORD = "reset_password", "mail: reset the password"
        PASSWORD_CHANGED = "password_changed", "mail: the password was changed"
        WEBHOOK_DISABLED = "webhook_disabled", "mail: a webhook was disabled"
        EXPORT = "export", "export the account's data"
        DELETION = "deletion", "delete the account's data"
        DEMO = "demo", "fill the account with demo data"

    kind = models.CharField(max_length=20, choices=Kind)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="account_tasks",
        help_text="Empty for a mail: the address may have no account.",
    )
    email = models.EmailField(blank=True, db_index=True, help_text="Whom a mail is for, as it was typed.")
    due_at = models.DateTimeField(help_text="When it is to be tried next.")
    lease = models.UUIDField(null=True, blank=True, help_text="Which claim holds the task.")
    attempts = models.PositiveSmallIntegerField(default=0)
    last_error = models.CharField(max_length=500, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True, help_text="When the last attempt was given up.")
    origin = models.CharField(
        max_length=300, blank=True, db_default="", help_text="Scheme and host of the links in an export."
    )
    content = models.BinaryField(null=True, blank=True, help_text="The ZIP of an export.")

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = (
            # the sweeper: tasks that are due
            models.Index(fields=("due_at",), condition=Q(finished_at=None, failed_at=None), name="account_tasks_due"),
            # the daily purge
            models.Index(fields=("created_at",), name="account_tasks_by_age"),
        )
        constraints = (
            models.UniqueConstraint(
                name="one_unfinished_export_a_user",
                fields=("user",),
                condition=Q(kind="export", finished_at=None, failed_at=None),
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.short_id}"

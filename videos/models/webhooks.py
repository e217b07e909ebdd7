"""The rows of webhooks: where events are sent, and each message that is sent there."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from studio.models import Record
from videos.limits import WEBHOOK_PLACES
from videos.models.events import Event

TEST = "webhook.test"  # the type of a message that a user asks for
URL_MAX = 1000  # characters


class WebhookEndpoint(Record):
    """An address of a receiver. `videos.webhooks.endpoints` writes it.

    The secrets are readable, because signing needs them. They are in no list, log, export or page of the admin.
    """

    class Reason(models.TextChoices):
        """Why nothing is sent there."""

        OWNER = "owner", "switched off by its owner"
        STAFF = "staff", "switched off by staff"
        GONE = "gone", "the receiver responded 410 Gone"
        FAILING = "failing", "all attempts failed for five days"

    # db_index=False: the constraint's index begins with it
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    place = models.PositiveSmallIntegerField(help_text="Its place among the owner's webhooks; there are ten.")
    url = models.CharField(max_length=URL_MAX)
    description = models.CharField(max_length=200, blank=True)
    events = models.JSONField(help_text="The kinds of events that are sent.")
    origin = models.CharField(max_length=300, help_text="Scheme and host of the links in messages.")
    secret = models.CharField(max_length=100, editable=False)
    previous_secret = models.CharField(max_length=100, blank=True, editable=False)
    previous_valid_until = models.DateTimeField(
        null=True, editable=False, help_text="Until then, messages are signed with the previous secret, too."
    )
    disabled_at = models.DateTimeField(null=True)
    disabled_reason = models.CharField(max_length=20, choices=Reason, blank=True)
    last_number = models.BigIntegerField(help_text="The owner's last event of which messages were made.")
    failing_since = models.DateTimeField(null=True, help_text="The first failed attempt since the last success.")

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = (
            # its index serves the list of an owner's webhooks
            models.UniqueConstraint(name="one_webhook_a_place", fields=("owner", "place")),
            models.CheckConstraint(name="webhook_place_is_known", condition=Q(place__in=WEBHOOK_PLACES)),
            models.CheckConstraint(
                name="webhook_disabled_for_a_reason",
                condition=Q(disabled_at=None, disabled_reason="")
                | Q(~Q(disabled_reason=""), disabled_at__isnull=False),
            ),
            models.CheckConstraint(
                name="previous_webhook_secret_ends",
                condition=Q(previous_secret="", previous_valid_until=None)
                | Q(~Q(previous_secret=""), previous_valid_until__isnull=False),
            ),
        )

    def __str__(self) -> str:
        """Without the URL, which may contain a password of the receiver."""
        return f"webhook {self.short_id}"


class WebhookDelivery(Record):
    """One message to one endpoint. `videos.webhooks.delivery` claims and sends it; the row is its place in the queue.

    While a worker sends it, it has a lease, which ends at `due_at`.
    """

    class State(models.TextChoices):
        """Whether it has arrived."""

        PENDING = "pending", "waiting, or will be tried again"
        DELIVERED = "delivered", "delivered"
        FAILED = "failed", "given up"

    # db_index=False: an index and a constraint begin with it
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    number = models.BigIntegerField(null=True, help_text="Of its event; a test has none.")
    kind = models.CharField(max_length=20, choices=[*Event.Kind.choices, (TEST, TEST)])
    job_id = models.UUIDField(null=True)  # not a foreign key: the message outlives its job
    body = models.TextField(help_text="As it is sent, at each attempt.")
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    due_at = models.DateTimeField(null=True, help_text="When it is tried next, or when the lease ends.")
    lease = models.UUIDField(null=True, help_text="Which claim is sending it.")
    attempts = models.PositiveSmallIntegerField(default=0)
    attempted_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    response_status = models.PositiveSmallIntegerField(null=True, help_text="Of the last attempt.")
    last_error = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = (
            # the workers, and the check that they run: messages that are due
            models.Index(fields=("due_at",), condition=Q(due_at__isnull=False), name="webhooks_due"),
            # the dispatch: how many messages of an endpoint wait
            models.Index(fields=("endpoint",), condition=Q(due_at__isnull=False), name="webhooks_waiting"),
            # the workers: how many messages an endpoint is being sent
            models.Index(fields=("endpoint",), condition=Q(lease__isnull=False), name="webhooks_being_sent"),
            # the log of an endpoint, newest first
            models.Index(fields=("endpoint", "-created_at", "-id"), name="webhooks_of_endpoint"),
            # the daily purge
            models.Index(fields=("created_at",), name="webhooks_by_age"),
        )
        constraints = (
            models.UniqueConstraint(name="one_delivery_an_event", fields=("endpoint", "number")),
            models.CheckConstraint(
                name="webhook_pending_if_and_only_if_due",
                condition=Q(state="pending", due_at__isnull=False)
                | Q(state__in=("delivered", "failed"), due_at__isnull=True, lease__isnull=True),
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.short_id}"

    @property
    def message_id(self) -> str:
        """The header `webhook-id`: the same at every attempt, so that a receiver recognises a repeat."""
        return f"msg_{self.pk.hex}"

"""Keys with which scripts use the API, in place of a password."""

from django.conf import settings
from django.db import models

from studio.models import Record


class ApiKey(Record):
    """A key of one user. Only its hash is stored; `accounts.sign_in.api_keys` makes and checks keys."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_keys", db_index=False
    )
    name = models.CharField(max_length=100, help_text="What the key is for, in the user's words.")
    prefix = models.CharField(max_length=20, help_text="The key's first characters, to recognise it.")
    digest = models.CharField(max_length=64, unique=True, editable=False, help_text="SHA-256 of the key, in hex.")
    scopes = models.JSONField(default=list, help_text="What the key may do, such as videos:read.")
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: never.")
    last_used_at = models.DateTimeField(null=True, blank=True, help_text="To the hour.")
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "-id")
        verbose_name = "API key"
        permissions = (("revoke_apikey", "Can revoke API keys"),)
        indexes = (
            # GET /api-keys, and a user's page: newest first
            models.Index(fields=("user", "-created_at", "-id"), name="api_keys_of_user"),
            # the back office's search for a key that was found somewhere
            models.Index(fields=("prefix",), name="api_keys_by_prefix"),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

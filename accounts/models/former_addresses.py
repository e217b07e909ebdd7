"""Addresses of deleted accounts, as hashes."""

from django.db import models

from studio.models import Record


class FormerAddress(Record):
    """The hash of a deleted account's address: a new account of it gets no sign-up tokens.

    `accounts.own_account.former_addresses` writes and reads it. Without the secret key, the hash reveals no address.
    """

    digest = models.CharField(max_length=64, unique=True, editable=False, help_text="HMAC-SHA256 of it, in hex.")
    expires_at = models.DateTimeField(help_text="When the row is forgotten.")

    class Meta:
        ordering = ("expires_at", "id")
        verbose_name_plural = "former addresses"
        indexes = (
            # the daily purge
            models.Index(fields=("expires_at",), name="former_addresses_by_expiry"),
        )

    def __str__(self) -> str:
        return f"former address {self.short_id}"

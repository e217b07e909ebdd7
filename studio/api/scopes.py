"""What an API key may do. A view declares the first half as `scope`; `accounts.sign_in.api_keys` refuses the rest."""

from typing import Any

from rest_framework.permissions import SAFE_METHODS

# Each scope with what it permits; a key has at least one. There is no scope to change an account.
SCOPES = {
    "videos:read": "list, read and download video jobs, list the models, and see webhooks and their deliveries",
    "videos:write": "create, cancel, retry and delete video jobs, choose a look's default video, and manage webhooks",
    "looks:read": "list and read looks, and their links",
    "looks:write": "create, change and delete looks, and share them by link",
    "account:read": "read the account, its balance and its ledger",
}


def required_scope(view: Any, method: str | None) -> str | None:
    """The scope that a key needs to send this method to the view; None if no key may send it.

    A view's `scope` is the first half, such as "videos", or the whole where a POST only reads.
    """
    scope = str(getattr(view, "scope", None))
    if ":" not in scope:
        scope = f"{scope}:{'read' if method in SAFE_METHODS else 'write'}"
    return scope if scope in SCOPES else None

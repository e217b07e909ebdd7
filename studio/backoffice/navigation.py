"""The back office's sidebar, and the names of its pages."""

from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.http import HttpRequest
from django.urls import reverse_lazy

# The name of a row of each table, and of the list: in the menu, and on the table's pages.
NAMES = {
    "videos.VideoJob": ("video job", "video jobs"),
    "videos.VideoModel": ("model on offer", "models on offer"),
    "videos.WebhookEndpoint": ("webhook", "webhooks"),
    "videos.WebhookDelivery": ("webhook delivery", "webhook deliveries"),
    "looks.Look": ("look", "looks"),
    "accounts.User": ("user", "users"),
    "accounts.TokenAccount": ("token account", "token accounts"),
    "accounts.SignIn": ("sign-in", "sign-ins"),
    "accounts.AccountTask": ("account task", "account tasks"),
    "accounts.Session": ("session", "sessions"),
    "accounts.ApiKey": ("API key", "API keys"),
    "accounts.LedgerEntry": ("ledger entry", "ledger entries"),
    "auditlog.LogEntry": ("change", "changes by staff"),
    "axes.AccessAttempt": ("blocked sign-in", "blocked sign-ins"),
    "otp_totp.TOTPDevice": ("second factor", "second factors"),
    "auth.Group": ("role", "roles"),
}
SECTIONS = {
    "videos": "Videos",
    "looks": "Looks",
    "accounts": "Users",
    **dict.fromkeys(("auditlog", "axes", "otp_totp", "auth", "django_rq"), "Operations"),
}


def name_pages() -> None:
    """Set the names of all tables and apps, also of libraries; Django's pages read them from there.

    At start instead of in `Meta`: a library's cannot be edited, and a name should need no migration.
    """
    for label, (one, several) in NAMES.items():
        options = apps.get_model(label)._meta
        options.verbose_name, options.verbose_name_plural = one, several
    for label, title in SECTIONS.items():
        apps.get_app_config(label).verbose_name = title


def _item(title: str, icon: str, view: str, *permissions: str) -> dict[str, Any]:
    """A line of the menu, for users with any of the permissions; for all users if it names none."""
    item: dict[str, Any] = {"title": title, "icon": icon, "link": reverse_lazy(view)}
    return item | {"permission": _has_any(permissions)} if permissions else item


def _list(label: str, icon: str) -> dict[str, Any]:
    """The line of a table's list, for users who may see it."""
    app, model = label.lower().split(".")
    _, title = NAMES[label]
    return _item(title[0].upper() + title[1:], icon, f"admin:{app}_{model}_changelist", f"{app}.view_{model}")


def _has_any(permissions: tuple[str, ...]) -> Callable[[HttpRequest], bool]:
    return lambda request: any(map(request.user.has_perm, permissions))


def _section(title: str, *items: dict[str, Any]) -> dict[str, Any]:
    return {"title": title, "separator": True, "items": list(items)}


SIDEBAR: dict[str, Any] = {
    "show_search": True,
    "navigation": [
        {"items": [_item("Dashboard", "monitoring", "admin:index")]},
        _section(
            "Videos",
            _list("videos.VideoJob", "movie"),
            _list("videos.VideoModel", "tune"),
            _list("videos.WebhookEndpoint", "webhook"),
            _list("videos.WebhookDelivery", "send"),
        ),
        _section("Looks", _list("looks.Look", "checkroom")),
        _section(
            "Users",
            _list("accounts.User", "group"),
            _list("accounts.TokenAccount", "savings"),
            _list("accounts.SignIn", "login"),
            _list("accounts.Session", "devices"),
            _list("accounts.ApiKey", "key"),
            _list("accounts.LedgerEntry", "receipt_long"),
            _list("accounts.AccountTask", "outgoing_mail"),
        ),
        _section(
            "Operations",
            _item("Queues", "dynamic_feed", "django_rq:home", "videos.operate_videojob"),
            _list("auditlog.LogEntry", "history"),
            _list("axes.AccessAttempt", "lock"),
            _list("otp_totp.TOTPDevice", "phonelink_lock"),
            _list("auth.Group", "badge"),
            _item("API documentation", "api", "docs"),
        ),
    ],
}

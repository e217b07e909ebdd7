"""The back office's sidebar: what there is, in the words of those who look for it, for those who may see it."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.urls import reverse_lazy


def _item(title: str, icon: str, view: str, *permissions: str) -> dict[str, Any]:
    """One line; shown to who has any of the permissions, or to everybody where it names none."""
    item: dict[str, Any] = {"title": title, "icon": icon, "link": reverse_lazy(view)}
    return item | {"permission": _has_any(permissions)} if permissions else item


def _has_any(permissions: tuple[str, ...]) -> Callable[[HttpRequest], bool]:
    return lambda request: any(map(request.user.has_perm, permissions))


SIDEBAR: dict[str, Any] = {
    "show_search": True,
    "navigation": [
        {"items": [_item("Dashboard", "monitoring", "admin:index")]},
        {
            "title": "Videos",
            "separator": True,
            "items": [
                _item("Video jobs", "movie", "admin:videos_videojob_changelist", "videos.view_videojob"),
                _item("Models on offer", "tune", "admin:videos_videomodel_changelist", "videos.view_videomodel"),
            ],
        },
        {
            "title": "Looks",
            "separator": True,
            "items": [_item("Looks", "checkroom", "admin:looks_look_changelist", "looks.view_look")],
        },
        {
            "title": "People",
            "separator": True,
            "items": [
                _item("People", "group", "admin:accounts_user_changelist", "accounts.view_user"),
                _item(
                    "Token accounts", "savings", "admin:accounts_tokenaccount_changelist", "accounts.view_tokenaccount"
                ),
                _item("Sign-ins", "login", "admin:accounts_signin_changelist", "accounts.view_signin"),
                _item("Ledger", "receipt_long", "admin:accounts_ledgerentry_changelist", "accounts.view_ledgerentry"),
            ],
        },
        {
            "title": "Operations",
            "separator": True,
            "items": [
                _item("Queues", "dynamic_feed", "django_rq:home", "videos.operate_videojob"),
                _item("Who changed what", "history", "admin:auditlog_logentry_changelist", "auditlog.view_logentry"),
                _item("Blocked sign-ins", "lock", "admin:axes_accessattempt_changelist", "axes.view_accessattempt"),
                _item("Roles", "badge", "admin:auth_group_changelist", "auth.view_group"),
                _item("API documentation", "api", "docs"),
            ],
        },
    ],
}

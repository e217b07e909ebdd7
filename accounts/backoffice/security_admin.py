"""The back office of sign-in: blocked sign-ins and second factors."""

from typing import Any

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import admin, messages
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django_otp.plugins.otp_static import admin as _static_admin  # noqa: F401 -- registers the pages that are unregistered below
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp import admin as _totp_admin  # noqa: F401 -- registers the pages that are unregistered below
from django_otp.plugins.otp_totp.models import TOTPDevice
from unfold.decorators import action

from accounts.sign_in import lockout, second_factor
from accounts.sign_in.identity import caller
from studio.backoffice.base import ReadOnlyAdmin, badge, moment

# The library's pages show the secrets, which are the second factor itself.
admin.site.unregister((StaticDevice, TOTPDevice))


def _title(attempt: AccessAttempt) -> str:
    return f"{attempt.username} from {attempt.ip_address}"


AccessAttempt.add_to_class("__str__", _title)  # the library's title names neither account nor client IP


@admin.register(AccessAttempt)
class BlockedSignInAdmin(ReadOnlyAdmin):
    """Recent wrong passwords, and the sign-ins that they block. An admin can end a block at once."""

    list_display = ("account", "client_ip", "state", "wrong_passwords", "last_one", "path_info")
    list_display_links = ("account", "client_ip")
    search_fields = ("username", "ip_address")
    search_help_text = "Part of an account's e-mail address or of a client IP."
    fields = ("account", "client_ip", "until", "wrong_passwords", "last_one", "user_agent", "path_info")
    readonly_fields = ("account", "client_ip", "until", "wrong_passwords", "last_one")
    list_before_template = "admin/note.html"
    actions = ("unblock_several",)
    actions_detail = ("unblock",)

    @admin.display(ordering="username")
    def account(self, attempt: AccessAttempt) -> str:
        """The e-mail address that was typed."""
        return attempt.username or "-"

    @admin.display(description="client IP", ordering="ip_address")
    def client_ip(self, attempt: AccessAttempt) -> str:
        """For IPv6, its /64 network."""
        return attempt.ip_address or "-"

    @admin.display(ordering="failures_since_start")
    def wrong_passwords(self, attempt: AccessAttempt) -> int:
        return int(attempt.failures_since_start)

    @admin.display(ordering="attempt_time")
    def last_one(self, attempt: AccessAttempt) -> str:
        return moment(attempt.attempt_time)

    @badge(description="sign-ins", colours={"blocked": "danger", "open": ""})
    def state(self, attempt: Any) -> tuple[str, str]:
        """Whether the account is blocked at this client IP, and until when."""
        ends = attempt.ends if hasattr(attempt, "ends") else lockout.blocked_until([attempt])
        if end := ends.get(attempt.pk):
            return "blocked", f"Blocked until {timezone.localtime(end):%H:%M:%S}"
        return "open", "Not blocked"

    @admin.display(description="sign-ins")
    def until(self, attempt: Any) -> str:
        """The state on the row's page, which has no coloured labels."""
        return self.state(attempt)[1]

    def complete(self, request: HttpRequest, rows: list[Any]) -> None:
        """Read the blocks of the page in one statement."""
        ends = lockout.blocked_until(rows)
        for attempt in rows:
            attempt.ends = ends

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
        text = (
            f"{settings.AXES_FAILURE_LIMIT} wrong passwords for an account from one client IP block its sign-ins from "
            f"there for {minutes} minutes. Deactivated users are under “Users”."
        )
        return super().changelist_view(request, {"note": text, **(extra_context or {})})

    def has_unblock_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("axes.delete_accessattempt"))

    @action(description="Unblock", url_path="unblock", permissions=["unblock"])  # type: ignore[untyped-decorator]
    def unblock(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let the account sign in again from this client IP."""
        attempt = self.get_object(request, object_id)
        if attempt is None:
            raise Http404
        if "confirmed" not in request.POST:
            text = f"{attempt.username} can try to sign in again from {attempt.ip_address} at once."
            return self.confirmation_page(request, attempt, title="Unblock", text=text, button="Yes: unblock")
        return self._unblock(request, [attempt])

    @admin.action(description="Unblock", permissions=["unblock"])
    def unblock_several(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        attempts = list(queryset)
        text = "These accounts can try to sign in again from these client IPs at once."
        page = self.ask_about_several(request, attempts, title="Unblock", text=text, button="Yes: unblock")
        return page or self._unblock(request, attempts)

    def _unblock(self, request: HttpRequest, attempts: list[Any]) -> HttpResponse:
        lockout.unblock(attempts=attempts, actor=caller(request))
        self.message_user(request, f"Unblocked: {', '.join(map(str, attempts))}.", messages.SUCCESS)
        return redirect("admin:axes_accessattempt_changelist")


@admin.register(TOTPDevice)
class SecondFactorAdmin(ReadOnlyAdmin):
    """The second factors. Delete one if its user lost the phone and the recovery codes."""

    list_display = ("user", "confirmed", "created_at", "last_used_at")
    list_filter = ("confirmed",)
    list_select_related = ("user",)
    search_fields = ("user__email",)
    fields = ("user", "confirmed", "created_at", "last_used_at")

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return bool(request.user.has_perm("otp_totp.delete_totpdevice"))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Also delete the recovery codes."""
        second_factor.reset(user=obj.user)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for device in queryset.select_related("user"):
            second_factor.reset(user=device.user)

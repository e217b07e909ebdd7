"""The back office of sign-in: who is locked out after wrong passwords, and who has a second factor."""

from typing import Any

from axes.models import AccessAttempt
from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django_otp.plugins.otp_static import admin as _static_admin  # noqa: F401 -- registers what is taken off below
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp import admin as _totp_admin  # noqa: F401 -- registers what is taken off below
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts import second_factor
from studio.admin import ReadOnlyAdmin

# Their own pages show the secrets: who reads one has the second factor.
admin.site.unregister((StaticDevice, TOTPDevice))


class _RemovableAdmin(ReadOnlyAdmin):
    """To look at and to remove, by whom Django's permissions allow it."""

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """As for any table."""
        opts = self.opts
        return request.user.has_perm(f"{opts.app_label}.delete_{opts.model_name}")


@admin.register(AccessAttempt)
class SignInLockAdmin(_RemovableAdmin):
    """Wrong passwords of the last while. Delete the rows of an account, and it is open again at once."""

    list_display = ("username", "ip_address", "failures_since_start", "attempt_time", "path_info")
    search_fields = ("username", "ip_address")
    fields = ("username", "ip_address", "user_agent", "path_info", "failures_since_start", "attempt_time")


@admin.register(TOTPDevice)
class SecondFactorAdmin(_RemovableAdmin):
    """Who has a second factor. Delete one for a person who has lost phone and recovery codes."""

    list_display = ("user", "confirmed", "created_at", "last_used_at")
    list_filter = ("confirmed",)
    list_select_related = ("user",)
    search_fields = ("user__email",)
    fields = ("user", "confirmed", "created_at", "last_used_at")

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """The recovery codes go with it."""
        second_factor.reset(user=obj.user)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        """The same for several people."""
        for device in queryset.select_related("user"):
            second_factor.reset(user=device.user)

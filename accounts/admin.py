"""The back office of people and tokens. Accounts and entries are read here and written by `accounts.ledger`."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.http import HttpRequest
from rest_framework_simplejwt.token_blacklist import admin as _admin  # noqa: F401 -- registers what is taken off below
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from accounts import ledger, security_admin  # noqa: F401 -- registers its pages
from accounts.models import LedgerEntry, TokenAccount, User
from studio.admin import BackOfficeAdmin, ReadOnlyAdmin

# They show refresh tokens: who reads one can act as its owner.
admin.site.unregister((BlacklistedToken, OutstandingToken))


@admin.register(User)
class PersonAdmin(UserAdmin, BackOfficeAdmin):  # type: ignore[type-arg]  # Django's class takes none when it runs
    """People: find, add, lock out. Nobody is deleted, the ledger names them."""

    fieldsets = (
        (None, {"fields": ("email", "password", "balance")}),
        ("What they may do", {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        ("When", {"fields": ("last_login", "created_at", "updated_at")}),
    )
    add_fieldsets = ((None, {"classes": ("wide",), "fields": ("email", "password1", "password2", "is_staff")}),)
    readonly_fields = ("balance", "last_login", "created_at", "updated_at")
    list_display = ("email", "is_staff", "is_active", "balance", "created_at")
    list_filter = ("is_staff", "is_active", "token_account__unlimited")
    list_select_related = ("token_account",)
    search_fields = ("email", "id")
    ordering = ("email",)

    @admin.display(description="tokens", ordering="token_account__balance")
    def balance(self, user: User) -> str:
        """What the person can spend."""
        account = user.token_account
        return "unlimited" if account.unlimited else str(account.balance)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """A new person gets a token account, in the transaction that Django's form runs in."""
        super().save_model(request, obj, form, change)
        if not change:
            ledger.open_account(user=obj, tokens=settings.SIGNUP_TOKENS)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Never: unset `is_active` instead."""
        return False


@admin.register(TokenAccount)
class TokenAccountAdmin(ReadOnlyAdmin):
    """What everybody can spend."""

    list_display = ("user", "balance", "unlimited", "updated_at")
    list_filter = ("unlimited",)
    list_select_related = ("user",)
    search_fields = ("user__email", "id")


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin):
    """Every movement of tokens."""

    list_display = ("created_at", "email", "kind", "amount", "balance_after", "video_job_id", "note", "actor")
    list_filter = ("kind",)
    list_select_related = ("account__user", "actor")
    search_fields = ("account__user__email", "video_job_id", "note")

    @admin.display(ordering="account__user__email")
    def email(self, entry: LedgerEntry) -> str:
        """Whose tokens they were."""
        return entry.account.user.email

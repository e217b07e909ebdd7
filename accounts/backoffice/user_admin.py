"""The back office of users."""

import uuid
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth import admin as auth_admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import action

from accounts import access, ledger, roles
from accounts.backoffice.recent_activity import KEYS, SIGN_INS, TOKENS, RecentTable, recent
from accounts.backoffice.user_forms import NewPasswordForm, NewUserForm, TokensForm, UserForm
from accounts.models import User
from accounts.roles import Role
from studio.backoffice import audit
from studio.backoffice.base import BackOfficeAdmin, badge
from studio.errors import StudioError


class RoleFilter(DropdownFilter):  # type: ignore[misc]  # unfold is untyped
    """Filters by the role, which is a group of the same name."""

    title = "role"
    parameter_name = "role"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(role.value, str(role.label)) for role in Role if role]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        """Filter by staff first, who have an index."""
        if not self.value():
            return queryset
        named = Q(groups__name=self.value())
        if self.value() == Role.ADMIN:  # a user of Django's createsuperuser is in no group
            named |= Q(is_superuser=True)
        return queryset.filter(pk__in=User.objects.filter(named, is_staff=True).values("pk"))


@admin.register(User)
class UserAdmin(auth_admin.UserAdmin, BackOfficeAdmin):  # type: ignore[type-arg,misc]  # takes none when it runs; stubs differ
    """Users: find, add, deactivate, grant tokens. Users are never deleted, because the ledger refers to them."""

    form = UserForm
    add_form = NewUserForm
    change_password_form = NewPasswordForm
    fieldsets = (
        (None, {"fields": ("email", "state", "balance", "password_page")}),
        ("Permissions", {"fields": ("role",)}),
        ("Dates", {"fields": ("last_login", "signed_out_at", "created_at", "id")}),
    )
    add_fieldsets = ((None, {"classes": ("wide",), "fields": ("email", "password1", "password2", "role")}),)
    readonly_fields = ("state", "balance", "password_page", "last_login", "signed_out_at", "created_at", "id")
    list_display: tuple[str, ...] = ("email", "role", "balance", "last_login", "can_sign_in")
    list_filter = (RoleFilter, "is_active", "token_account__unlimited")
    list_filter_submit = True
    list_select_related = ("token_account",)
    search_fields = ("^email", "=id")
    search_help_text = "The beginning of an e-mail address or of an id."
    ordering = ("email",)
    filter_horizontal = ()
    actions_detail = ("tokens", "sign_out", "deactivate", "reactivate")
    change_form_outer_after_template = "admin/accounts/recent.html"
    recent_tables: tuple[RecentTable, ...] = (TOKENS, SIGN_INS, KEYS)

    @admin.display(description="tokens", ordering="token_account__balance")
    def balance(self, user: User) -> str:
        account = user.token_account
        return "unlimited" if account.unlimited else f"{account.balance:,}"

    def tokens_text(self, user: User) -> str:
        return f"{user.email} has {self.balance(user)} tokens."

    @admin.display(description="role")
    def role(self, user: User) -> str:
        return str(roles.role_of(user).label) if user.is_staff else "-"

    @badge(description="account", colours={"active": "", "deactivated": "danger"})
    def can_sign_in(self, user: User) -> str:
        """Whether the account may sign in; the only red word of the list."""
        return "active" if user.is_active else "deactivated"

    @admin.display(description="account")
    def state(self, user: User) -> str:
        return "Can sign in." if user.is_active else "Deactivated. “Reactivate”, above, undoes that."

    @admin.display(description="password")
    def password_page(self, user: User) -> str:
        url = reverse("admin:auth_user_password_change", args=(user.pk,))
        text = "Set a new password"
        return format_html('<a href="{}" class="underline">{}</a>: it signs the user out everywhere.', url, text)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups")

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Hide the password from staff who may not set one."""
        fieldsets: Any = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return fieldsets
        kept = tuple(name for name in fieldsets[0][1]["fields"] if name != "password_page")
        return ((None, {"fields": kept}), *fieldsets[1:])

    def get_form(self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any) -> Any:
        """Only an admin sets roles; other staff see them."""
        form = super().get_form(request, obj, change=change, **kwargs)
        if "role" in form.base_fields:
            form.base_fields["role"].disabled = not request.user.is_superuser
        return form

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Create a new user's token account, in the transaction of Django's form."""
        super().save_model(request, obj, form, change)
        if not change:
            ledger.open_account(user=obj, tokens=settings.SIGNUP_TOKENS)
        if "role" in form.changed_data:
            before, after = roles.role_of(obj), Role(form.cleaned_data["role"])
            roles.assign(user=obj, role=after)
            audit.record(obj, role=(before.label, after.label))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Add the user's recent activity, as far as the viewer may see it."""
        try:
            tables = recent(user_id=uuid.UUID(unquote(object_id)), viewer=request.user, tables=self.recent_tables)
        except ValueError:
            tables = []
        return super().change_view(request, object_id, form_url, {"recent": tables, **(extra_context or {})})

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only an admin changes an admin: a user who sets a password can sign in with it."""
        user: Any = request.user
        if isinstance(obj, User) and obj.is_superuser and not user.is_superuser:
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False

    def has_adjust_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("accounts.adjust_tokens"))

    # -- Actions on a user, each with a page that asks for confirmation

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """Omit “reactivate” for an active user, and “deactivate” for an inactive one."""
        user = self.get_object(request, str(object_id))
        needless = "reactivate" if user is None or user.is_active else "deactivate"
        return [one for one in super().get_actions_detail(request, object_id) if one.method.__name__ != needless]  # type: ignore[misc]

    @action(description="Tokens", url_path="tokens", permissions=["adjust"])  # type: ignore[untyped-decorator]
    def tokens(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Grant tokens or correct the balance: a form, a confirmation, and the entry."""
        user = self._user(request, object_id)
        form = TokensForm(request.POST or None, balance=user.token_account.balance)
        if not form.is_valid():
            text = self.tokens_text(user)
            return self.confirmation_page(request, user, title="Tokens", text=text, button="Continue", form=form)
        if request.POST.get("step") != "sure":
            return self.confirmation_page(
                request, user, title="Tokens", text=form.summary(user), button="Confirm", form=form.hidden()
            )
        try:
            entry = form.write_entry(user=user, actor=request.user)
        except StudioError as exc:
            self.message_user(request, f"Nothing was changed. {exc.message}", messages.ERROR)
        else:
            self.log_change(request, user, f"{entry.kind} of {entry.amount} tokens: {entry.note}")
            self.message_user(request, f"Done. {user.email} has {entry.balance_after:,} tokens now.", messages.SUCCESS)
        return redirect("admin:accounts_user_change", user.pk)

    @action(description="Sign out everywhere", url_path="sign-out", permissions=["change"])  # type: ignore[untyped-decorator]
    def sign_out(self, request: HttpRequest, object_id: str) -> HttpResponse:
        text = "{email} must sign in again, here and in every program that uses the API. Jobs continue."
        return self._confirm(request, object_id, "Sign out everywhere", text, access.sign_out_everywhere)

    @action(description="Deactivate", url_path="deactivate", permissions=["change"])  # type: ignore[untyped-decorator]
    def deactivate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        text = "{email} can no longer sign in, and is signed out everywhere at once. Jobs continue; nothing is deleted."
        return self._confirm(request, object_id, "Deactivate", text, roles.deactivate)

    @action(description="Reactivate", url_path="reactivate", permissions=["change"])  # type: ignore[untyped-decorator]
    def reactivate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._confirm(request, object_id, "Reactivate", "{email} can sign in again.", access.reactivate)

    def _confirm(self, request: HttpRequest, object_id: str, title: str, text: str, act: Any) -> HttpResponse:
        user = self._user(request, object_id)
        if not self.has_change_permission(request, user):
            raise PermissionDenied
        if "confirmed" not in request.POST:
            return self.confirmation_page(
                request, user, title=title, text=text.format(email=user.email), button=f"Yes: {title}"
            )
        if user == request.user and act is roles.deactivate:
            self.message_user(request, "You cannot deactivate yourself; ask another admin.", messages.ERROR)
            return redirect("admin:accounts_user_change", user.pk)
        try:
            act(user=user)
        except StudioError as exc:
            self.message_user(request, f"Nothing was changed. {exc.message}", messages.ERROR)
        else:
            self.log_change(request, user, f"{title}.")
            self.message_user(request, f"Done: {title} ({user.email}).", messages.SUCCESS)
        return redirect("admin:accounts_user_change", user.pk)

    def _user(self, request: HttpRequest, object_id: str) -> User:
        user: User | None = self.get_object(request, unquote(object_id))
        if user is None:
            raise Http404
        if not self.has_view_permission(request, user):
            raise PermissionDenied
        return user

"""The back office of account tasks: mails, exports and deletions, with the errors of those that fail."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from unfold.contrib.filters.admin import DropdownFilter

from accounts import tasks
from accounts.models import AccountTask
from accounts.sign_in.identity import caller
from studio.backoffice import audit
from studio.backoffice.base import ReadOnlyAdmin, badge

STATES = {"done": "done", "given up": "given up", "fails": "fails; will be tried again", "waiting": "waiting"}


class StateFilter(DropdownFilter):  # type: ignore[misc]  # unfold is untyped
    """Filters by the state of the tasks."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(STATES.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[AccountTask]) -> QuerySet[AccountTask]:
        states: dict[str, dict[str, Any]] = {
            "done": {"finished_at__isnull": False},
            "given up": {"failed_at__isnull": False},
            "fails": {"finished_at": None, "failed_at": None, "last_error__gt": ""},
            "waiting": {"finished_at": None, "failed_at": None, "last_error": ""},
        }
        return queryset.filter(**states.get(self.value() or "", {}))


@admin.register(AccountTask)
class AccountTaskAdmin(ReadOnlyAdmin):
    """Mails, exports and deletions of accounts. What failed can be tried again; a mail's text is not kept."""

    list_display = ("created_at", "kind", "recipient", "state", "attempts", "due_at", "last_error")
    list_filter = ("kind", StateFilter)
    list_filter_submit = True
    list_select_related = ("user",)
    search_fields = ("^email", "^user__email", "=id")
    search_help_text = "The beginning of an e-mail address or of an id."
    fields = ("kind", "recipient", "attempts", "due_at", "last_error", "finished_at", "failed_at", "created_at", "id")
    readonly_fields = ("recipient",)
    actions = ("try_again",)

    @admin.display(description="for")
    def recipient(self, task: AccountTask) -> str:
        """The account, or the address that was typed: it may have no account."""
        return task.user.email if task.user else task.email

    @badge(description="state", colours={"done": "success", "given up": "danger", "fails": "warning", "waiting": ""})
    def state(self, task: AccountTask) -> tuple[str, str]:
        name = "waiting"
        if task.finished_at:
            name = "done"
        elif task.failed_at:
            name = "given up"
        elif task.last_error:
            name = "fails"
        return name, STATES[name]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AccountTask]:
        """Without the exports: a list would read megabytes."""
        return super().get_queryset(request).defer("content")

    def has_repeat_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("accounts.change_accounttask"))

    @admin.action(description="Try again", permissions=["repeat"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[AccountTask]) -> HttpResponse:
        """Make the chosen tasks due at once, after a confirmation; finished ones, and those in progress, stay."""
        chosen = list(queryset)
        text = "These tasks run again at once. Those that are done or in progress stay as they are."
        page = self.ask_about_several(request, chosen, title="Try again", text=text, button="Yes: try again")
        if page:
            return page
        repeated = [task for task in chosen if tasks.try_again(task=task)]
        for task in repeated:
            audit.record_action(task, "Try again", actor=caller(request))
        left = len(chosen) - len(repeated)
        note = f" {left} are done or in progress, and were left as they are." if left else ""
        self.message_user(request, f"{len(repeated)} will be tried again at once.{note}", messages.SUCCESS)
        return redirect("admin:accounts_accounttask_changelist")

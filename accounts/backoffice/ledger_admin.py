"""The back office of tokens: balances and ledger entries. `accounts.ledger` writes them."""

import tempfile
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.contrib.filters.admin import DropdownFilter

from accounts.backoffice import exports
from accounts.models import LedgerEntry, TokenAccount, User
from studio.backoffice.base import DaysFilter, ReadOnlyAdmin


@admin.register(TokenAccount)
class TokenAccountAdmin(ReadOnlyAdmin):
    """Balances. To change one, open the user and press “Tokens”."""

    list_display = ("email", "balance", "unlimited", "updated_at")
    list_filter = ("unlimited",)
    list_select_related = ("user",)
    ordering = ("user__email",)
    search_fields = ("^user__email", "=id")
    search_help_text = "The beginning of an e-mail address or of an id."

    @admin.display(ordering="user__email")
    def email(self, account: TokenAccount) -> str:
        return str(account.user)


class ActorFilter(DropdownFilter):  # type: ignore[misc]  # unfold is untyped
    """Filters entries by the member of staff who wrote them."""

    title = "by"
    parameter_name = "actor"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The staff; all users would be a long list."""
        staff = User.objects.filter(is_staff=True).order_by("email")
        return [(str(pk), email) for pk, email in staff.values_list("pk", "email")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LedgerEntry]) -> QuerySet[LedgerEntry]:
        known = self.value() in {value for value, _ in self.lookup_choices}
        return queryset.filter(actor=self.value()) if known else queryset


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin):
    """Every movement of tokens, with exports."""

    list_display = ("created_at", "user", "kind", "amount", "balance_after", "job", "note", "by")
    list_filter = ("kind", ("created_at", DaysFilter), ActorFilter)
    list_filter_submit = True
    list_select_related = ("account__user", "actor")
    search_fields = ("^account__user__email", "=video_job_id", "=id")
    search_help_text = "The beginning of an e-mail address, or of the id of an entry or of its video job."
    list_before_template = "admin/accounts/exports.html"
    fields = ("created_at", "user", "kind", "amount", "balance_after", "job", "note", "by", "id")
    readonly_fields = ("user", "job", "by")

    @admin.display(ordering="account__user__email")
    def user(self, entry: LedgerEntry) -> str:
        url = reverse("admin:accounts_user_change", args=(entry.account.user_id,))
        return format_html('<a href="{}">{}</a>', url, entry.account.user)

    @admin.display(description="video job")
    def job(self, entry: LedgerEntry) -> str:
        """The job's short id; the job itself may be deleted."""
        return f"video {str(entry.video_job_id)[:8]}" if entry.video_job_id else "-"

    @admin.display(description="by")
    def by(self, entry: LedgerEntry) -> str:
        return str(entry.actor) if entry.actor else "-"

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("export.csv", view(self.as_csv), name="accounts_ledgerentry_csv"),
            path("export.xlsx", view(self.as_xlsx), name="accounts_ledgerentry_xlsx"),
            *super().get_urls(),
        ]

    def as_csv(self, request: HttpRequest) -> HttpResponseBase:
        """The filtered list, of any length."""
        entries = self._listed(request)
        response = StreamingHttpResponse(exports.csv_lines(entries), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{self._name()}.csv"'
        return response

    def as_xlsx(self, request: HttpRequest) -> HttpResponseBase:
        """The filtered list, up to XLSX_MAX rows."""
        entries = self._listed(request)
        number = entries.order_by().count()  # the list itself counts only up to COUNTED_MOST
        if number > exports.XLSX_MAX:
            text = f"{number:,} entries are too many for an XLSX, which takes up to {exports.XLSX_MAX:,}. "
            self.message_user(request, f"{text}Filter them by date, or take the CSV.", messages.ERROR)
            return redirect(f"{reverse('admin:accounts_ledgerentry_changelist')}?{request.GET.urlencode()}")
        file = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
        exports.write_xlsx(entries, file)
        file.seek(0)
        return FileResponse(file, as_attachment=True, filename=f"{self._name()}.xlsx")

    def _listed(self, request: HttpRequest) -> QuerySet[LedgerEntry]:
        if not self.has_view_permission(request):
            raise PermissionDenied
        entries: QuerySet[LedgerEntry] = self.get_changelist_instance(request).queryset
        return entries

    def _name(self) -> str:
        return f"ledger-{timezone.now():%Y%m%d-%H%M%S}"

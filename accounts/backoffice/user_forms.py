"""The forms of a user's pages in the back office."""

import uuid
from typing import Any

from django import forms
from django.db import transaction
from django.utils.html import format_html_join
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminRadioSelectWidget, UnfoldAdminTextInputWidget

from accounts import ledger, roles
from accounts.models import LedgerEntry, Session, User
from accounts.roles import Role
from accounts.sign_in import sessions
from studio.errors import StudioError


def _role_field() -> forms.ChoiceField:
    return forms.ChoiceField(
        choices=Role.choices,
        widget=UnfoldAdminRadioSelectWidget,
        required=False,
        help_text=format_html_join(
            "",
            "<div><strong>{}</strong>: {}</div>",
            (
                *((role.label, meaning) for role, meaning in roles.MEANINGS.items()),
                ("A new role", "signs the user out everywhere. “Roles”, in the menu, lists the permissions of each."),
            ),
        ),
    )


class UserForm(UserChangeForm):  # type: ignore[misc]  # unfold is untyped
    """E-mail address and role; the password has a page of its own."""

    role = _role_field()

    class Meta:
        model = User
        fields = ("email", "password")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].initial = roles.role_of(self.instance).value

    def clean_role(self) -> str:
        """The role, unless no other admin would be left."""
        role = str(self.cleaned_data["role"])
        if role != Role.ADMIN and self.instance.is_superuser:
            try:
                roles.require_other_admin(self.instance)
            except StudioError as exc:
                raise forms.ValidationError(exc.message) from exc
        return role


class NewPasswordForm(AdminPasswordChangeForm):  # type: ignore[misc]  # unfold is untyped
    """A new password for a user, set by staff. Their tokens are refused from then on; this shows it in the tables."""

    def save(self, commit: bool = True) -> Any:
        with transaction.atomic():
            user = super().save(commit)
            sessions.end_all(user=user, reason=Session.End.PASSWORD_CHANGED)
        return user


class NewUserForm(UserCreationForm):  # type: ignore[misc]  # unfold is untyped
    """A new user, with the tokens of a sign-up."""

    role = _role_field()

    class Meta:
        model = User
        fields = ("email",)


class TokensForm(forms.Form):
    """A number of tokens, and the reason."""

    GRANT, ADJUSTMENT = LedgerEntry.Kind.GRANT.value, LedgerEntry.Kind.ADJUSTMENT.value

    kind = forms.ChoiceField(
        label="Kind",
        choices=[
            (GRANT, "A grant: a sale or a gift"),
            (ADJUSTMENT, "A correction of the balance"),
        ],
        initial=GRANT,
        widget=UnfoldAdminRadioSelectWidget,
    )
    tokens = forms.IntegerField(
        min_value=-ledger.TOKENS_MAX,
        max_value=ledger.TOKENS_MAX,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="A whole number. A correction may be negative: -50 takes 50 tokens away.",
    )
    reason = forms.CharField(
        max_length=ledger.NOTE_MAX,
        widget=UnfoldAdminTextInputWidget,
        help_text="For example the invoice or the ticket. The user sees it, too.",
    )
    # the id of the new entry, so that a double post writes it once
    entry_id = forms.UUIDField(initial=uuid.uuid4, widget=forms.HiddenInput)
    step = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, balance: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.balance = balance

    def clean(self) -> dict[str, Any]:
        """Report on the form what the ledger would refuse."""
        form: dict[str, Any] = super().clean() or {}
        tokens = form.get("tokens")
        if tokens == 0:
            self.add_error("tokens", "Zero changes nothing.")
        elif tokens is not None and form.get("kind") == self.GRANT and tokens < 0:
            self.add_error("tokens", "A grant adds tokens; choose a correction to take some away.")
        elif tokens is not None and self.balance + tokens < 0:
            self.add_error("tokens", f"The balance is {self.balance:,}; it cannot go below zero.")
        return form

    def summary(self, user: User) -> str:
        """The sentence that asks for confirmation."""
        form = self.cleaned_data
        word = "Grant" if form["kind"] == self.GRANT else "Correct by"
        after = self.balance + form["tokens"]
        return (
            f"{word} {form['tokens']:+,} tokens for {user.email}: the balance goes from {self.balance:,} to {after:,}. "
            f"The reason: {form['reason']}"
        )

    def hidden(self) -> "TokensForm":
        """Repeat the values in hidden fields, for the page that asks for confirmation."""
        sure = TokensForm({**self.data.dict(), "step": "sure"}, balance=self.balance)  # type: ignore[attr-defined]
        for field in sure.fields.values():
            field.widget = forms.HiddenInput()
        return sure

    def write_entry(self, *, user: User, actor: Any) -> LedgerEntry:
        """Write the entry. Raises InvalidInput and InsufficientFunds."""
        form = self.cleaned_data
        write = ledger.grant if form["kind"] == self.GRANT else ledger.adjust
        return write(user=user, tokens=form["tokens"], note=form["reason"], actor=actor, entry_id=form["entry_id"])

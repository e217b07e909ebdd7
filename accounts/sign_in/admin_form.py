"""The sign-in form of the back office."""

from typing import Any

from django.core.exceptions import ValidationError
from unfold.forms import AuthenticationForm

from accounts.sign_in import lockout


class BackOfficeSignIn(AuthenticationForm):  # type: ignore[misc]  # unfold is untyped
    """E-mail address and password; the error of a blocked sign-in says what to do."""

    def clean(self) -> Any:
        """Raises ValidationError."""
        try:
            return super().clean()
        except ValidationError as exc:
            if not lockout.is_blocked(self.request):
                raise
            seconds = lockout.refusal(self.request, email=self.cleaned_data.get("username", "")).retry_after_seconds
            minutes = max(round(seconds / 60), 1)
            raise ValidationError(
                f"Too many failed attempts. Try again in {minutes} minutes, or ask an admin to unblock "
                "yours under “Blocked sign-ins”.",
                code="locked_out",
            ) from exc

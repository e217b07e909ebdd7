"""System checks of the accounts, for `manage.py check --database default` and `migrate`."""

from typing import Any

from django.core import checks
from django.db import OperationalError, ProgrammingError

from studio.emails import normal_email

DOUBLES_NAMED = 20  # accounts in the message


@checks.register(checks.Tags.database)
def each_email_has_one_account(databases: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Warn of accounts whose e-mail address is a second spelling of another account's, from before normalisation."""
    from accounts.models import User  # noqa: PLC0415 - models can be imported only now

    if not databases:
        return []
    try:
        left = list(User.objects.filter(email__regex=r"@.*[^\x01-\x7f]").order_by("email").values_list("pk", "email"))
    except (OperationalError, ProgrammingError):  # before the first migration
        return []
    if not left:
        return []
    named = ", ".join(f"{pk} ({normal_email(email)})" for pk, email in left[:DOUBLES_NAMED])
    return [
        checks.Warning(
            f"{len(left)} accounts have an e-mail address that is not normalised: {named}.",
            hint="Each is a second account of that address, and signs in with its own spelling. Agree with its owner "
            "which of the two to keep, and deactivate the other.",
            id="accounts.W001",
        )
    ]

"""The reasons why a token is refused: each a 401 that says what to do."""

from typing import Any

from rest_framework.exceptions import AuthenticationFailed


class AccountInactive(AuthenticationFailed):
    """The token's account is deactivated."""

    default_code = "account_inactive"
    default_detail: Any = "The account is deactivated."

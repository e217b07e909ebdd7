"""Users with their sessions and keys, their token accounts, and the ledger behind every balance."""

from accounts.models.api_keys import ApiKey
from accounts.models.former_addresses import FormerAddress
from accounts.models.ledger import AppendOnly, LedgerEntry, TokenAccount
from accounts.models.sign_in import Method, Session, SessionQuerySet, SignIn, SignInQuerySet
from accounts.models.tasks import AccountTask
from accounts.models.users import User, UserManager

__all__ = [
    "AccountTask",
    "ApiKey",
    "AppendOnly",
    "FormerAddress",
    "LedgerEntry",
    "Method",
    "Session",
    "SessionQuerySet",
    "SignIn",
    "SignInQuerySet",
    "TokenAccount",
    "User",
    "UserManager",
]

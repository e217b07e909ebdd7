"""The only writer of token balances: every movement is one ledger entry and one conditional update, together."""

import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import models, transaction
from django.db.models import F
from django.db.models.functions import Now

from accounts.models import LedgerEntry, TokenAccount, User
from studio.backoffice import audit
from studio.db.statements import Insert, Param, Statement, Update
from studio.errors import InsufficientFunds, InvalidInput
from studio.observability.counters import Metric

logger = logging.getLogger(__name__)

NOTE_MAX = 500  # characters; the column's width
TOKENS_MAX = 1_000_000_000  # in one manual entry; far above any sale, so more is a typing error
Kind = LedgerEntry.Kind
TOKENS = Metric(
    "studio_tokens_total",
    "Tokens moved, by kind of ledger entry; the ledger is authoritative",
    {"kind": Kind.values},
)


def has_charges(*, user: User) -> bool:
    """Whether the user ever spent tokens, refunded ones included."""
    return LedgerEntry.objects.filter(account__user=user, kind=Kind.CHARGE, amount__lt=0).exists()


def open_account(*, user: User, tokens: int, unlimited: bool = False) -> TokenAccount:
    """Create a new user's account, with `tokens` as its sign-up entry."""
    with transaction.atomic():
        account = TokenAccount.objects.create(user=user, unlimited=unlimited)
        if tokens:
            _record(account=account, kind=Kind.SIGNUP, amount=tokens)
    return account


@dataclass(frozen=True, kw_only=True)
class Opening:
    """The balance that a user brings from the legacy system."""

    user: User
    tokens: int
    unlimited: bool
    note: str


def open_imported_accounts(*, openings: Sequence[Opening]) -> None:
    """Create the accounts of imported users, each with one entry for the tokens that they bring.

    Call in the transaction that creates the users.
    """
    accounts = TokenAccount.objects.bulk_create(
        TokenAccount(user=opening.user, balance=opening.tokens, unlimited=opening.unlimited) for opening in openings
    )
    LedgerEntry.objects.bulk_create(
        LedgerEntry(
            account=account,
            kind=Kind.OPENING,
            amount=opening.tokens,
            balance_after=opening.tokens,
            note=opening.note,
        )
        for account, opening in zip(accounts, openings, strict=True)
    )


def refund_imported(*, user_id: uuid.UUID, job_id: uuid.UUID, tokens: int, note: str) -> int:
    """Refund the price that the legacy system charged for a job, at most once a job; returns the tokens refunded."""
    with transaction.atomic():
        account = lock_account(user_id=user_id)
        if account.unlimited or not tokens:
            return 0
        entry = _record(account=account, kind=Kind.REFUND, amount=tokens, job_id=job_id, note=note)
    return tokens if entry else 0


def lock_account(*, user_id: uuid.UUID) -> TokenAccount:
    """Lock the user's account until the transaction ends. Slots and tokens are decided under this lock only.

    Lock order: a job's row first, then the account. Raises TokenAccount.DoesNotExist.
    """
    row = _ACCOUNT.row(user_id=user_id)
    if row is None:
        raise TokenAccount.DoesNotExist
    return TokenAccount.from_db("default", _COLUMNS, row)


_COLUMNS = [field.attname for field in TokenAccount._meta.concrete_fields]
_ACCOUNT = Statement(
    # no_key: other transactions can still insert rows that refer to the account
    lambda: (
        TokenAccount.objects.select_for_update(no_key=True)
        .filter(user=Param("user_id", models.UUIDField()))
        .order_by()
        .values_list(*_COLUMNS)
    )
)


def can_pay(*, account: TokenAccount, tokens: int) -> bool:
    """Whether a charge of this many tokens would succeed."""
    return account.unlimited or account.balance >= tokens


def charge(*, account: TokenAccount, job_id: uuid.UUID, tokens: int, note: str = "", actor: User | None = None) -> int:
    """Charge a locked account for a new job, at most once a job; returns the tokens charged.

    A free job has a charge of 0. `actor` is the staff member who created the job.

    Raises InsufficientFunds, with nothing written.
    """
    amount = 0 if account.unlimited else tokens
    _record(account=account, kind=Kind.CHARGE, amount=-amount, job_id=job_id, note=note, actor=actor)
    return amount


def refund(*, user_id: uuid.UUID, job_id: uuid.UUID, note: str, actor: User | None = None) -> int:
    """Refund a job's charge, at most once a job; returns the tokens refunded, 0 for a repeat."""
    with transaction.atomic():
        account = lock_account(user_id=user_id)
        charged = account.entries.filter(kind=Kind.CHARGE, video_job_id=job_id).first()
        if charged is None or charged.amount == 0:
            return 0
        tokens = -charged.amount
        entry = _record(account=account, kind=Kind.REFUND, amount=tokens, job_id=job_id, note=note, actor=actor)
    return tokens if entry else 0


def grant(
    *, user: User, tokens: int, note: str, actor: User | None = None, entry_id: uuid.UUID | None = None
) -> LedgerEntry:
    """Add tokens to a user's account. Raises InvalidInput if a number or the note is out of bounds.

    With an `entry_id`, a repeat changes nothing and returns the first entry.
    """
    if not 0 < tokens <= TOKENS_MAX:
        raise InvalidInput(f"A grant is a whole number of tokens from 1 to {TOKENS_MAX:,}.")
    return _by_hand(user=user, kind=Kind.GRANT, tokens=tokens, note=note, actor=actor, entry_id=entry_id)


def adjust(
    *, user: User, tokens: int, note: str, actor: User | None = None, entry_id: uuid.UUID | None = None
) -> LedgerEntry:
    """Correct a balance, upwards or downwards, with a reason; repeats as in `grant`.

    Raises InvalidInput for a number or a note out of bounds, and InsufficientFunds where the balance is too small.
    """
    if not 0 < abs(tokens) <= TOKENS_MAX:
        raise InvalidInput(f"A correction is a whole number of tokens, not 0, up to {TOKENS_MAX:,} either way.")
    if not note.strip():
        raise InvalidInput("A correction needs a reason.")
    return _by_hand(user=user, kind=Kind.ADJUSTMENT, tokens=tokens, note=note, actor=actor, entry_id=entry_id)


def _by_hand(
    *, user: User, kind: Kind, tokens: int, note: str, actor: User | None, entry_id: uuid.UUID | None
) -> LedgerEntry:
    if len(note) > NOTE_MAX:
        raise InvalidInput(f"The note is longer than {NOTE_MAX} characters.")
    with transaction.atomic():
        account = lock_account(user_id=user.pk)
        earlier = account.entries.filter(pk=entry_id).first() if entry_id else None
        if earlier:
            return earlier
        if account.balance + tokens < 0:
            raise InsufficientFunds(f"The balance is {account.balance}; it cannot go below zero.")
        entry = _record(account=account, kind=kind, amount=tokens, note=note, actor=actor, entry_id=entry_id)
        assert entry is not None  # only entries of a job can be repeats; other repeats were found above
        facts = {"tokens": f"{tokens:+,}", "balance": f"{entry.balance_after:,}", "reason": note}
        audit.record_action(account, kind.label, actor=actor, **facts)
    logger.info("balance.changed", extra={"user_id": user.pk, "tokens": tokens, "kind": kind})
    return entry


def _record(
    *,
    account: TokenAccount,
    kind: Kind,
    amount: int,
    job_id: uuid.UUID | None = None,
    note: str = "",
    actor: User | None = None,
    entry_id: uuid.UUID | None = None,
) -> LedgerEntry | None:
    """Write one entry and its effect on the balance; None, with nothing changed, for a repeat of a job's entry.

    The account must be locked (or new). The entry comes first, to recognise a repeat even if the balance is spent.
    """
    entry = LedgerEntry(
        id=entry_id or uuid.uuid4(),
        account=account,
        kind=kind,
        amount=amount,
        balance_after=account.balance + amount,
        video_job_id=job_id,
        note=note,
        actor=actor,
    )
    if entry.balance_after < 0:
        if job_id and LedgerEntry.objects.filter(video_job_id=job_id, kind=kind).exists():
            return None
        raise InsufficientFunds.of(balance=account.balance, price=-amount)
    if not _ENTRY.run(entry):
        return None
    if not _MOVE.run(account_id=account.pk, amount=amount, least=-amount):
        # the balance was not locked; the caller's transaction rolls the entry back
        raise InsufficientFunds.of(balance=account.balance, price=-amount)
    account.balance += amount
    transaction.on_commit(lambda: TOKENS.add(kind.value, amount=abs(amount)))
    return entry


# An entry's unique references make a repeat a no-op.
_ENTRY = Insert(LedgerEntry, ignore_conflicts=True)
_MOVE = Update(
    lambda: TokenAccount.objects.filter(
        pk=Param("account_id", models.UUIDField()), balance__gte=Param("least", models.BigIntegerField())
    ),
    balance=F("balance") + Param("amount", models.BigIntegerField()),
    updated_at=Now(),
)

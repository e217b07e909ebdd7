"""The whole import. It can be repeated: rows that exist here already stay unchanged."""

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from accounts.models import LedgerEntry
from operations.legacy_import.looks import LookMover, ProductMover, ShareMover
from operations.legacy_import.mover import Mover, uuids
from operations.legacy_import.report import Report
from operations.legacy_import.schema import TRANSACTIONS
from operations.legacy_import.source import Row, Source, Unmoved
from operations.legacy_import.users import UserMover
from operations.legacy_import.video_jobs import JobMover, LinkMover

# in this order: a row comes after the rows that it refers to
MOVERS: tuple[type[Mover[Any]], ...] = (UserMover, LookMover, ProductMover, ShareMover, JobMover, LinkMover)


@dataclass(frozen=True)
class Move:
    """The result: what the source has that is not moved, and the report."""

    unmoved: Unmoved
    report: Report


def move(*, source_url: str, report: Report, dry_run: bool) -> Move:
    """Move everything that does not exist here yet.

    Each batch is one transaction; the next call completes an interrupted move. With `dry_run` all of it is one
    transaction that is rolled back. Raises InvalidInput for a source with unknown tables, and Unavailable for one that
    cannot be read.
    """
    with Source(source_url) as source:
        unmoved = source.read_schema()
        if dry_run:
            with transaction.atomic():
                _move_all(source, report)
                transaction.set_rollback(True)
        else:
            _move_all(source, report)
    return Move(unmoved, report)


def _move_all(source: Source, report: Report) -> None:
    shared = source.shared_files()
    for mover in MOVERS:
        mover(source=source, report=report, shared_files=shared).move()
    _compare_tokens(source, report)


def _compare_tokens(source: Source, report: Report) -> None:
    """Compare the history of tokens, which an opening entry replaces here, with the balances."""
    report.tokens["transactions"], report.tokens["transactions_sum"] = source.transactions()
    report.tokens["balances_of_nobody"] = source.orphaned_balances()
    for rows in source.last_balances():
        _compare_batch(rows, report)


def _compare_batch(rows: list[Row], report: Report) -> None:
    entries = LedgerEntry.objects.filter(kind="opening", account__user__in=uuids(row["user_id"] for row in rows))
    opened = {
        str(user_id): amount
        for user_id, amount in entries.filter(account__unlimited=False).values_list("account__user_id", "amount")
    }
    for row in rows:
        amount = opened.get(row["user_id"])
        if amount is not None and row["balance_after"] is not None and amount != row["balance_after"]:
            sentence = f"The last transaction left {row['balance_after']} tokens, but the balance was {amount}."
            report.add(TRANSACTIONS.name, f"user {row['user_id']}", "differs", sentence)

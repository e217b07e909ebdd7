"""The whole move: what is in the other database comes here, any number of times, with the same outcome."""

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from accounts.models import LedgerEntry
from operations.importer.looks import LookMover, ProductMover, ShareMover
from operations.importer.moving import Mover, uuids
from operations.importer.report import Report
from operations.importer.schema import TRANSACTIONS
from operations.importer.source import Row, Source, Unmoved
from operations.importer.users import PeopleMover
from operations.importer.video_jobs import JobMover, LinkMover

# in this order: what refers to something comes after it
MOVERS: tuple[type[Mover[Any]], ...] = (PeopleMover, LookMover, ProductMover, ShareMover, JobMover, LinkMover)


@dataclass(frozen=True)
class Move:
    """What was found, and what was done."""

    unmoved: Unmoved
    report: Report


def move(*, source_url: str, report: Report, dry_run: bool) -> Move:
    """Move everything that is not here yet.

    A batch is written whole or not at all; what ends half-way is completed by the next call. With `dry_run` all of it
    happens in one transaction that is taken back. Raises InvalidInput for a source that is not of the known shape, and
    Unavailable for one that cannot be read.
    """
    with Source(source_url) as source:
        unmoved = source.examine()
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
    """The history of tokens is not moved: the opening entry stands for it. It is compared with the balances."""
    report.tokens["transactions"], report.tokens["transactions_sum"] = source.transactions()
    report.tokens["balances_of_nobody"] = source.orphans()
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
            sentence = f"The last transaction left {row['balance_after']} tokens, the balance was {amount}; it counts."
            report.tell(TRANSACTIONS.name, f"user {row['user_id']}", "differs", sentence)

"""Compares what should agree: balances with the ledger, jobs with charges and counts, rows with files, both ways.

Tables are read by primary key, a page at a time: no cursor is held, so memory and locks do not grow with the tables.
`operations.reconciliation.daily` does the same a bit at a time, in the sweeper.
"""

import logging
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import BigIntegerField, Count, F, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce, Now

from accounts import ledger
from accounts.models import LedgerEntry, TokenAccount
from operations.reconciliation.lost_files import StorageFails, lost_files
from operations.reconciliation.mismatches import Mismatch
from operations.reconciliation.rounds import JOBS, Round
from operations.reconciliation.stray_files import stored_names, stray_names
from studio.media.storage import disposal, media_storage
from videos.limits import count_jobs
from videos.models import IMPORTED, VideoJob
from videos.phases import Phase

logger = logging.getLogger(__name__)

ACCOUNTS = 200  # a page: each account's entries are summed up, and some have a hundred thousand
PROGRESS_EVERY = 100_000  # jobs, or files, between two lines of progress


def reconcile(*, fix: bool, progress: Callable[[str], None] = lambda line: None) -> Iterator[Mismatch]:
    """Everything that does not agree, as it is found: money first, files after. Nothing is logged: its caller says it.

    With `fix`, files that nothing refers to are given up, jobs are counted again and refunds are copied from the
    ledger; nothing else is touched. A storage that fails is a mismatch. `progress` gets a line now and then.
    """
    for mismatch in _everything(progress):
        if fix:
            mend(mismatch)
        yield mismatch


def _everything(progress: Callable[[str], None]) -> Iterator[Mismatch]:
    for name, find in MONEY_STEPS.items():
        way, compared = Round(), 0
        while not way.is_over:
            before = compared
            rows, found = find(way)
            compared += rows
            yield from found
            if before // PROGRESS_EVERY != compared // PROGRESS_EVERY:
                progress(f"{compared:,} {name} compared with the ledger")
    yield from _all_lost_files(progress)
    try:
        yield from (stray_file(name) for name in stray_names(stored_names(media_storage())))
    except Exception as exc:  # a storage backend raises what its vendor raises
        yield storage_failure(exc)


def _all_lost_files(progress: Callable[[str], None]) -> Iterator[Mismatch]:
    way, asked = Round(), 0
    while not way.is_over:
        page = way.page(VideoJob.objects.filter(phase=Phase.SUCCEEDED).values_list("pk", "video"), JOBS)
        try:
            yield from lost_files(page)
        except StorageFails as exc:
            yield Mismatch("storage", f"{exc} {asked:,} videos were asked for before; the others were not.")
            return
        if asked // PROGRESS_EVERY != (asked + len(page)) // PROGRESS_EVERY:
            progress(f"{asked + len(page):,} videos asked for in the storage")
        asked += len(page)


def stray_file(name: str) -> Mismatch:
    """Nothing refers to it."""
    return Mismatch("stray file", f"Nothing refers to the file {name}.", file=name)


def storage_failure(exc: Exception) -> Mismatch:
    """The files could not be listed."""
    return Mismatch("storage", f"The storage cannot list its files: {exc}.")


def compare_accounts(way: Round) -> tuple[int, list[Mismatch]]:
    """The next accounts: how many they are, and what of their balances and counts does not agree."""
    entries = LedgerEntry.objects.filter(account=OuterRef("pk")).order_by().values("account")
    jobs = VideoJob.objects.filter(owner=OuterRef("user")).order_by().values("owner")
    # one statement: its two sides are of one moment
    rows = TokenAccount.objects.annotate(
        total=_or_zero(entries.values(sum=Sum("amount"))), counted=_or_zero(jobs.values(number=Count("pk")))
    )
    page = way.page(rows.values_list("pk", "user_id", "balance", "total", "video_job_count", "counted"), ACCOUNTS)
    found = []
    for pk, user_id, balance, total, says, counted in page:
        if balance != total:
            found.append(Mismatch("balance", f"Account {pk} has {balance} tokens, its entries sum to {total}."))
        if says != counted:
            sentence = f"Account {pk} says {says} video jobs; there are {counted}."
            found.append(Mismatch("count", sentence, miscounted=user_id))
    return len(page), found


def compare_jobs(way: Round) -> tuple[int, list[Mismatch]]:
    """The next jobs: how many they are, and what of their charges and refunds does not agree."""
    rows = VideoJob.objects.annotate(charge=Subquery(_entry("charge")), in_ledger=_or_zero(_entry("refund")))
    names = ("pk", "provider", "tokens_charged", "charge", "tokens_refunded", "in_ledger")
    page = way.page(rows.values_list(*names), JOBS)
    return len(page), [mismatch for row in page for mismatch in _of_job(*row)]


def _of_job(
    pk: uuid.UUID, provider: str, tokens: int, charge: int | None, copied: int, returned: int
) -> Iterator[Mismatch]:
    # what came from another system was paid there
    if charge is None and provider != IMPORTED:
        yield Mismatch("charge", f"Job {pk} has no charge in the ledger.")
    if charge is not None and charge != -tokens:
        yield Mismatch("charge", f"Job {pk} says {tokens} tokens, its charge {charge}.")
    if returned > tokens:
        yield Mismatch("refund", f"Job {pk} was charged {tokens} tokens and {returned} were returned.")
    if copied != returned:
        sentence = f"Job {pk} says that {copied} tokens were returned, the ledger {returned}."
        yield Mismatch("refund", sentence, outdated=pk)


MONEY_STEPS: dict[str, Callable[[Round], tuple[int, list[Mismatch]]]] = {
    "accounts": compare_accounts,
    "jobs": compare_jobs,
}


def mend(mismatch: Mismatch) -> bool:
    """Set right what can be without a person's decision; whether it could."""
    if mismatch.miscounted:
        with transaction.atomic():
            account = ledger.lock_account(user_id=mismatch.miscounted)  # no job is made or deleted meanwhile
            jobs = VideoJob.objects.filter(owner=mismatch.miscounted).count()
            count_jobs(user_id=mismatch.miscounted, more=jobs - account.video_job_count)
    elif mismatch.outdated:
        VideoJob.objects.filter(pk=mismatch.outdated).update(tokens_refunded=_or_zero(_entry("refund")))
    elif mismatch.file:
        disposal.dispose([mismatch.file])
    else:
        return False
    return True


def copy_refunds(*, failed_within: timedelta) -> None:
    """Copy refunds from the ledger to jobs that failed just now and do not show them.

    The release before 0014 does not copy them, and may run beside this one during a deploy.
    """
    recent = VideoJob.objects.filter(phase=Phase.FAILED, completed_at__gte=Now() - failed_within)
    outdated = recent.annotate(in_ledger=_or_zero(_entry("refund"))).exclude(tokens_refunded=F("in_ledger"))
    for job_id in list(outdated.order_by("pk").values_list("pk", flat=True)[:JOBS]):
        VideoJob.objects.filter(pk=job_id).update(tokens_refunded=_or_zero(_entry("refund")))


def _entry(kind: str) -> Any:
    return LedgerEntry.objects.filter(video_job_id=OuterRef("pk"), kind=kind).values("amount")


def _or_zero(rows: Any) -> Coalesce:
    return Coalesce(Subquery(rows, output_field=BigIntegerField()), 0)

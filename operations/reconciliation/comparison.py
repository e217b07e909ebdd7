"""Compares balances with the ledger, jobs with charges and counts, and rows with stored files, both ways.

Tables are read by primary key, a page at a time: no cursor is held, so memory and locks do not grow with the tables.
`operations.reconciliation.daily` runs these comparisons in the sweeper.
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
from operations.reconciliation.stray_files import stored_names, stray_names
from operations.reconciliation.table_walk import JOBS_PAGE, TableWalk
from studio.media.storage import disposal, media_storage
from videos.limits import add_to_job_count
from videos.models import IMPORTED, VideoJob
from videos.phases import Phase

logger = logging.getLogger(__name__)

ACCOUNTS_PAGE = 200  # each account's entries are summed, and some accounts have a hundred thousand
PROGRESS_EVERY = 100_000  # jobs, or files, between two lines of progress


def reconcile(*, fix: bool, progress: Callable[[str], None] = lambda line: None) -> Iterator[Mismatch]:
    """Yield each mismatch at once: money first, then files. Logs nothing.

    With `fix`, unreferenced files are removed, jobs are counted again and refunds are copied from the ledger; nothing
    else changes. A storage that fails is a mismatch. `progress` gets a line now and then.
    """
    for mismatch in _everything(progress):
        if fix:
            fix_mismatch(mismatch)
        yield mismatch


def _everything(progress: Callable[[str], None]) -> Iterator[Mismatch]:
    for name, find in MONEY_STEPS.items():
        walk, compared = TableWalk(), 0
        while not walk.is_over:
            before = compared
            rows, found = find(walk)
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
    walk, checked = TableWalk(), 0
    while not walk.is_over:
        page = walk.page(VideoJob.objects.filter(phase=Phase.SUCCEEDED).values_list("pk", "video"), JOBS_PAGE)
        try:
            yield from lost_files(page)
        except StorageFails as exc:
            yield Mismatch("storage", f"{exc} {checked:,} videos were checked before that; the others were not.")
            return
        if checked // PROGRESS_EVERY != (checked + len(page)) // PROGRESS_EVERY:
            progress(f"{checked + len(page):,} videos checked in the storage")
        checked += len(page)


def stray_file(name: str) -> Mismatch:
    """A file that no row refers to."""
    return Mismatch("stray file", f"Nothing refers to the file {name}.", file=name)


def storage_failure(exc: Exception) -> Mismatch:
    """The storage cannot list its files."""
    return Mismatch("storage", f"The storage cannot list its files: {exc}.")


def compare_accounts(walk: TableWalk) -> tuple[int, list[Mismatch]]:
    """Compare the next page of accounts with the ledger and their jobs; return how many, and the mismatches."""
    entries = LedgerEntry.objects.filter(account=OuterRef("pk")).order_by().values("account")
    jobs = VideoJob.objects.filter(owner=OuterRef("user")).order_by().values("owner")
    # one statement, so that both sides are of one moment
    rows = TokenAccount.objects.annotate(
        total=_or_zero(entries.values(sum=Sum("amount"))), counted=_or_zero(jobs.values(number=Count("pk")))
    )
    page = walk.page(rows.values_list("pk", "user_id", "balance", "total", "video_job_count", "counted"), ACCOUNTS_PAGE)
    found = []
    for pk, user_id, balance, total, counter, counted in page:
        if balance != total:
            found.append(Mismatch("balance", f"Account {pk} has {balance} tokens, its entries sum to {total}."))
        if counter != counted:
            sentence = f"Account {pk} counts {counter} video jobs; there are {counted}."
            found.append(Mismatch("count", sentence, miscounted=user_id))
    return len(page), found


def compare_jobs(walk: TableWalk) -> tuple[int, list[Mismatch]]:
    """Compare the next page of jobs with their charges and refunds; return how many, and the mismatches."""
    rows = VideoJob.objects.annotate(charge=Subquery(_entry("charge")), in_ledger=_or_zero(_entry("refund")))
    names = ("pk", "provider", "tokens_charged", "charge", "tokens_refunded", "in_ledger")
    page = walk.page(rows.values_list(*names), JOBS_PAGE)
    return len(page), [mismatch for row in page for mismatch in _of_job(*row)]


def _of_job(
    pk: uuid.UUID, provider: str, tokens: int, charge: int | None, copied: int, returned: int
) -> Iterator[Mismatch]:
    # the owner paid for an imported job in the legacy system
    if charge is None and provider != IMPORTED:
        yield Mismatch("charge", f"Job {pk} has no charge in the ledger.")
    if charge is not None and charge != -tokens:
        yield Mismatch("charge", f"Job {pk} has {tokens} tokens, its charge {charge}.")
    if returned > tokens:
        yield Mismatch("refund", f"Job {pk} was charged {tokens} tokens and {returned} were returned.")
    if copied != returned:
        sentence = f"Job {pk} shows {copied} returned tokens, the ledger {returned}."
        yield Mismatch("refund", sentence, outdated=pk)


MONEY_STEPS: dict[str, Callable[[TableWalk], tuple[int, list[Mismatch]]]] = {
    "accounts": compare_accounts,
    "jobs": compare_jobs,
}


def fix_mismatch(mismatch: Mismatch) -> bool:
    """Fix what needs no person's decision; return whether it did."""
    if mismatch.miscounted:
        with transaction.atomic():
            account = ledger.lock_account(user_id=mismatch.miscounted)  # no job is created or deleted meanwhile
            jobs = VideoJob.objects.filter(owner=mismatch.miscounted).count()
            add_to_job_count(user_id=mismatch.miscounted, more=jobs - account.video_job_count)
    elif mismatch.outdated:
        _copy_refund(mismatch.outdated)
    elif mismatch.file:
        disposal.dispose([mismatch.file])
    else:
        return False
    return True


def copy_refunds(*, failed_within: timedelta) -> None:
    """Copy refunds from the ledger to jobs that failed recently and do not show them.

    The release before migration 0014 does not copy them, and may run beside this one during a deploy.
    """
    recent = VideoJob.objects.filter(phase=Phase.FAILED, completed_at__gte=Now() - failed_within)
    outdated = recent.annotate(in_ledger=_or_zero(_entry("refund"))).exclude(tokens_refunded=F("in_ledger"))
    for job_id in list(outdated.order_by("pk").values_list("pk", flat=True)[:JOBS_PAGE]):
        _copy_refund(job_id)


def _copy_refund(job_id: uuid.UUID) -> None:
    jobs = VideoJob.objects.filter(pk=job_id)
    with transaction.atomic():
        jobs.update(tokens_refunded=_or_zero(_entry("refund")))
        jobs.record_updates()


def _entry(kind: str) -> Any:
    return LedgerEntry.objects.filter(video_job_id=OuterRef("pk"), kind=kind).values("amount")


def _or_zero(rows: Any) -> Coalesce:
    return Coalesce(Subquery(rows, output_field=BigIntegerField()), 0)

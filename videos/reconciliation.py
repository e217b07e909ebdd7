"""Compares what should agree: balances with the ledger, jobs with charges and counts, rows with files, both ways."""

import logging
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.core.files.storage import Storage
from django.db import transaction
from django.db.models import BigIntegerField, Count, F, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce, Now

from accounts import ledger
from accounts.models import LedgerEntry, TokenAccount
from looks.models import Look, Product
from studio.models import Disposal
from studio.storage import disposal, media_storage
from videos.models import IMPORTED, JobInput, VideoJob, VideoJobQuerySet
from videos.phases import Phase

logger = logging.getLogger(__name__)

FOLDERS = ("videos", "inputs", "looks")  # what we name files after; others in the storage are not ours
BATCH = 1000  # rows at a time


@dataclass(frozen=True)
class Mismatch:
    """Two things that do not agree, in a sentence.

    What mends it: removing `file`, counting the jobs of the user `miscounted` again, or copying the refund of the job
    `outdated` from the ledger.
    """

    kind: str
    sentence: str
    file: str = ""
    miscounted: uuid.UUID | None = None
    outdated: uuid.UUID | None = None


def reconcile(*, fix: bool, go_on: Callable[[], None] = lambda: None) -> list[Mismatch]:
    """Everything that does not agree.

    With `fix`, files that nothing refers to are given up, jobs are counted again and refunds are copied from the
    ledger; nothing else is touched.

    `go_on` is called before every call to the storage, and may raise to end it all. Raises what the storage raises.
    """
    counts = recount() if fix else list(_counts())  # before the storage is asked, which may be away
    refunds = copy_refunds() if fix else list(_refunds())
    found = [*_balances(), *counts, *_charges(), *refunds, *_lost_files(go_on), *_stray_files(media_storage(), go_on)]
    for mismatch in found:
        logger.error("mismatch", extra={"kind": mismatch.kind, "sentence": mismatch.sentence})
    if fix:
        disposal.dispose([mismatch.file for mismatch in found if mismatch.file])
    return found


def _balances() -> Iterator[Mismatch]:
    entries = LedgerEntry.objects.filter(account=OuterRef("pk")).order_by().values("account")
    total = Subquery(entries.values(sum=Sum("amount")), output_field=BigIntegerField())
    wrong = TokenAccount.objects.annotate(total=Coalesce(total, 0)).exclude(balance=F("total"))
    for account in wrong.iterator(BATCH):
        yield Mismatch(
            "balance", f"Account {account.pk} has {account.balance} tokens, its entries sum to {account.total}."
        )


def _counts() -> Iterator[Mismatch]:
    jobs = VideoJob.objects.filter(owner=OuterRef("user")).order_by().values("owner").values(number=Count("pk"))
    counted = Coalesce(Subquery(jobs, output_field=BigIntegerField()), 0)
    for account in TokenAccount.objects.annotate(counted=counted).exclude(video_jobs=F("counted")).iterator(BATCH):
        sentence = f"Account {account.pk} says {account.video_jobs} video jobs; there are {account.counted}."
        yield Mismatch("count", sentence, miscounted=account.user_id)


def recount() -> list[Mismatch]:
    """Set wrong numbers of jobs right, as a release before they were kept has left them; returns what was wrong."""
    found = list(_counts())
    for mismatch in found:
        assert mismatch.miscounted
        with transaction.atomic():
            account = ledger.lock_account(user_id=mismatch.miscounted)  # nobody makes one meanwhile, nor deletes one
            jobs = VideoJob.objects.filter(owner=mismatch.miscounted).count()
            ledger.count_jobs(user_id=mismatch.miscounted, more=jobs - account.video_jobs)
    return found


def _charges() -> Iterator[Mismatch]:
    charge = LedgerEntry.objects.filter(video_job_id=OuterRef("pk"), kind="charge").values("amount")
    facts = VideoJob.objects.annotate(charge=Subquery(charge)).values_list("id", "tokens_charged", "charge")
    for job_id, tokens, paid in facts.exclude(charge=-F("tokens_charged")).iterator(BATCH):
        yield Mismatch("charge", f"Job {job_id} says {tokens} tokens, its charge {paid}.")
    # what came from another system was paid there
    for job_id, _, _ in facts.filter(charge=None).exclude(provider=IMPORTED).iterator(BATCH):
        yield Mismatch("charge", f"Job {job_id} has no charge in the ledger.")


def _refunds(jobs: VideoJobQuerySet | None = None) -> Iterator[Mismatch]:
    facts = (
        (VideoJob.objects.all() if jobs is None else jobs)
        .annotate(in_ledger=_refund_in_ledger())
        .values_list("id", "tokens_charged", "tokens_refunded", "in_ledger")
    )
    for job_id, tokens, _, returned in facts.filter(in_ledger__gt=F("tokens_charged")).iterator(BATCH):
        yield Mismatch("refund", f"Job {job_id} was charged {tokens} tokens and {returned} were returned.")
    for job_id, _, copied, returned in facts.exclude(tokens_refunded=F("in_ledger")).iterator(BATCH):
        sentence = f"Job {job_id} says that {copied} tokens were returned, the ledger {returned}."
        yield Mismatch("refund", sentence, outdated=job_id)


def _refund_in_ledger() -> Coalesce:
    refund = LedgerEntry.objects.filter(video_job_id=OuterRef("pk"), kind="refund").values("amount")
    return Coalesce(Subquery(refund, output_field=BigIntegerField()), 0)


def copy_refunds(*, failed_within: timedelta | None = None) -> list[Mismatch]:
    """Copy refunds from the ledger to jobs that do not show them; to all of them, or to those that failed just now.

    Returns what was wrong. The release before 0014 does not copy them, and may run beside this one during a deploy.
    """
    jobs = None
    if failed_within:
        jobs = VideoJob.objects.filter(phase=Phase.FAILED, completed_at__gte=Now() - failed_within)
    found = list(_refunds(jobs))
    for mismatch in found:
        if mismatch.outdated:
            VideoJob.objects.filter(pk=mismatch.outdated).update(tokens_refunded=_refund_in_ledger())
    return found


def _lost_files(go_on: Callable[[], None]) -> Iterator[Mismatch]:
    storage = media_storage()
    for job in VideoJob.objects.filter(phase=Phase.SUCCEEDED).only("id", "video").iterator(BATCH):
        go_on()
        if not storage.exists(str(job.video.name)):
            yield Mismatch("lost file", f"Job {job.pk} succeeded, and its video {job.video.name} is gone.")


def _stray_files(storage: Storage, go_on: Callable[[], None]) -> Iterator[Mismatch]:
    """Files that no row refers to. The storage is read first: what is stored meanwhile is not looked at."""
    names = [name for folder in FOLDERS for name in _files(storage, folder, go_on)]
    known = set(_known_files())
    for name in names:
        if name not in known:
            yield Mismatch("stray file", f"Nothing refers to the file {name}.", file=name)


def _files(storage: Storage, folder: str, go_on: Callable[[], None]) -> Iterator[str]:
    go_on()
    try:
        folders, files = storage.listdir(folder)
    except (FileNotFoundError, NotImplementedError):  # nothing stored there yet; or a storage that lists nothing
        return
    for name in files:
        yield f"{folder}/{name}"
    for name in folders:
        yield from _files(storage, f"{folder}/{name}", go_on)


def _known_files() -> Iterator[str]:
    yield from Disposal.objects.values_list("name", flat=True).iterator(BATCH)
    yield from JobInput.objects.values_list("file_name", flat=True).iterator(BATCH)
    yield from Product.objects.values_list("thumbnail", flat=True).iterator(BATCH)
    for rows in (VideoJob.objects.values_list("video", "poster"), Look.objects.values_list("image", "thumbnail")):
        for pair in rows.iterator(BATCH):
            yield from pair

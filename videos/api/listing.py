"""Reads pages of video jobs by filters, and their totals, with statements that are compiled once."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any

from django.db import models
from django.db.models import Q

from accounts.models import LedgerEntry
from studio.db.statements import InPage, Param, Row, Statement
from studio.errors import InvalidInput
from videos.models import VideoJob, VideoJobQuerySet
from videos.phases import Status

_NEWEST_FIRST = ("-created_at", "-id")
_KINDS = 256  # compiled lists to cache: more than there are combinations of filters


@dataclass(frozen=True, kw_only=True)
class Filters:
    """The filters of a list; None and () match all. `total` is the number of matching jobs, where it is known."""

    owner_id: uuid.UUID | None = None
    look_id: uuid.UUID | None = None
    statuses: tuple[Status, ...] = ()
    mock_mode: bool | None = None
    total: int | None = None


class UnknownCursor(InvalidInput):
    """The caller has, and had, no job with the id in `before`."""

    code = "unknown_cursor"

    def __init__(self) -> None:
        super().__init__(errors={"before": ["You have no video job with this id. List from the start again."]})


def page(
    *, filters: Filters, columns: Sequence[str], skip: int, limit: int, before: uuid.UUID | None = None
) -> tuple[list[Row], int]:
    """The rows of a page, newest first, each with its id before the columns; and the number of matching jobs.

    With `before`, in place of `skip`, the page follows that job, which need not match the filters. Raises
    UnknownCursor.
    """
    statements = _statements(
        filters.owner_id is not None, filters.look_id is not None, filters.statuses, filters.mock_mode, tuple(columns)
    )
    values: dict[str, Any] = {"owner_id": filters.owner_id, "look_id": filters.look_id}

    def count() -> int:
        return statements.all_ids.count(**values) if filters.total is None else filters.total

    if before is not None:
        moment = _created_at(before, filters.owner_id)
        return statements.following.rows(**values, moment=moment, id=before, skip=0, limit=limit), count()
    if skip == 0:
        rows = statements.rows.rows(**values, skip=0, limit=limit)
        return rows, len(rows) if len(rows) < limit else count()
    total = count()
    return _from_the_nearer_end(statements, values, skip=skip, limit=limit, total=total), total


def _created_at(job_id: uuid.UUID, owner_id: uuid.UUID | None) -> datetime:
    """When the job was created; of a deleted job, when it was charged.

    The charge comes just before the job, under the lock of the account, so no other job of the owner is in between.
    """
    for statement in (_JOB, _CHARGE):
        row = statement.row(id=job_id)
        if row and owner_id in {None, row[0]}:
            moment: datetime = row[1]
            return moment
    raise UnknownCursor


_JOB = Statement(
    lambda: VideoJob.objects.filter(pk=Param("id", models.UUIDField())).order_by().values_list("owner", "created_at")
)
_CHARGE = Statement(
    lambda: (
        LedgerEntry.objects.filter(video_job_id=Param("id", models.UUIDField()), kind=LedgerEntry.Kind.CHARGE)
        .order_by()
        .values_list("account__user", "created_at")
    )
)


def _from_the_nearer_end(
    statements: "_Statements", values: dict[str, Any], *, skip: int, limit: int, total: int
) -> list[Row]:
    """Skips in the index alone, from whichever end is nearer: the middle page costs most."""
    behind = max(total - skip - limit, 0)  # rows after the page
    if skip <= behind:
        return statements.skipping.rows(**values, skip=skip, limit=limit)
    size = max(min(limit, total - skip), 0)
    return statements.skipping_backwards.rows(**values, skip=behind, limit=size)


@lru_cache(maxsize=_KINDS)
def _statements(*kind: Any) -> "_Statements":
    return _Statements(*kind)


@dataclass
class _Statements:
    """The statements for one combination of filters."""

    of_owner: bool
    of_look: bool
    statuses: tuple[Status, ...]
    mock_mode: bool | None
    columns: tuple[str, ...]

    @cached_property
    def rows(self) -> Statement:
        return Statement(lambda: self._jobs().with_retries().values_list("pk", *self.columns), in_pages=True)

    @cached_property
    def following(self) -> Statement:
        """The rows after a position, found by the index of the order."""
        moment, job_id = Param("moment", models.DateTimeField()), Param("id", models.UUIDField())
        is_older = Q(created_at__lt=moment) | Q(pk__lt=job_id)
        jobs = self._jobs().filter(is_older, created_at__lte=moment)
        return Statement(lambda: jobs.with_retries().values_list("pk", *self.columns), in_pages=True)

    @cached_property
    def skipping(self) -> Statement:
        return self._found_by(Statement(lambda: self._jobs().values_list("pk"), in_pages=True))

    @cached_property
    def skipping_backwards(self) -> Statement:
        return self._found_by(Statement(lambda: self._jobs().reverse().values_list("pk"), in_pages=True))

    @cached_property
    def all_ids(self) -> Statement:
        return Statement(lambda: self._jobs().order_by().values_list("pk"))

    def _found_by(self, page: Statement) -> Statement:
        jobs = VideoJob.objects.filter(InPage("pk", page)).order_by(*_NEWEST_FIRST).with_retries()
        return Statement(lambda: jobs.values_list("pk", *self.columns))

    def _jobs(self) -> VideoJobQuerySet:
        jobs = VideoJob.objects.order_by(*_NEWEST_FIRST)
        if self.of_owner:
            jobs = jobs.filter(owner=Param("owner_id", models.UUIDField()))
        if self.of_look:
            jobs = jobs.filter(look_videos__look=Param("look_id", models.UUIDField()))
        if self.statuses:
            jobs = jobs.with_status(*self.statuses)
        return jobs if self.mock_mode is None else jobs.filter(mock_mode=self.mock_mode)

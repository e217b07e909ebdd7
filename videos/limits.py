"""The limits of an account: the price of a video, how many jobs run at once, the count of all, and its webhooks."""

import uuid

from django.db import models
from django.db.models import F
from django.db.models.functions import Greatest, Now

from accounts.models import TokenAccount
from studio.db.statements import Param, Update

VIDEO_PRICE_TOKENS = 50  # the price of a video job, in tokens; docs/api.md
MAX_UNFINISHED_JOBS = 3  # the rule of three: an account has at most three unfinished jobs; constraint `one_job_a_slot`
JOB_SLOTS = tuple(range(1, MAX_UNFINISHED_JOBS + 1))  # each unfinished job holds one, by a constraint
MAX_WEBHOOKS = 10  # of an account; docs/api.md
WEBHOOK_PLACES = tuple(range(1, MAX_WEBHOOKS + 1))  # each webhook holds one, by a constraint


def add_to_job_count(*, user_id: uuid.UUID, more: int) -> None:
    """Add `more` to the account's count of jobs, in the transaction that creates or deletes them. Locks the account."""
    _COUNT.run(user_id=user_id, more=more)


_COUNT = Update(
    lambda: TokenAccount.objects.filter(user=Param("user_id", models.UUIDField())),
    # a release without the count may have left it too low; that must not prevent a deletion
    video_job_count=Greatest(F("video_job_count") + Param("more", models.IntegerField()), 0),
    updated_at=Now(),
)

"""The displayed progress of a generating job: the provider's figure or an estimate by age, whichever is more."""

import time
from typing import Any

from django.db import models
from django.db.models import F, Value
from django.db.models.functions import Cast, Coalesce, Floor, Greatest, Least, Power
from django.utils import timezone

from videos.models import VideoJob

SUBMITTED, GENERATED = 5, 90  # percent, displayed once the provider has accepted the job, and once it has finished
EXPECTED_SECONDS = 60  # a usual generation; for the estimate where the provider reports no progress
_MOST_HALVINGS = 50  # no percent is left then; PostgreSQL raises an error for a power that underflows
_SPAN = GENERATED - 1 - SUBMITTED


def elapsed(job: VideoJob) -> float:
    """Seconds since the job was submitted."""
    return time.time() - (job.started_at or timezone.now()).timestamp()


def display_progress(percentage: int) -> int:
    """The percentage to show when the provider reports this one."""
    return SUBMITTED + _SPAN * min(max(percentage, 0), 100) // 100


def estimated() -> Any:
    """The percentage to show without a report, as an SQL expression: each minute, half of what is left."""
    minutes = age() / Value(float(EXPECTED_SECONDS))
    left = Power(Value(0.5), Least(Greatest(minutes, Value(0.0)), Value(float(_MOST_HALVINGS))))
    share = Cast(Floor(_SPAN * (Value(1.0) - left)), models.IntegerField())
    return Greatest(F("progress_percentage"), SUBMITTED + share)


def age() -> Any:
    """`elapsed` by the database's clock, as an SQL expression; of a job whose submit is unknown, since its creation."""
    return _SecondsSince(Coalesce("started_at", "created_at"))


class _SecondsSince(models.Func):
    output_field = models.FloatField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "EXTRACT(EPOCH FROM STATEMENT_TIMESTAMP() - %(expressions)s)::double precision"
        return self.as_sql(compiler, connection, template=template, **context)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "((JULIANDAY('now') - JULIANDAY(%(expressions)s)) * 86400.0)"
        return self.as_sql(compiler, connection, template=template, **context)

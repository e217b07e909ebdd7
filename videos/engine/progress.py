"""How far a generating job is shown to be: by its age, or as its provider tells, whichever is more."""

import time
from typing import Any

from django.db import models
from django.db.models import F, Value
from django.db.models.functions import Cast, Coalesce, Floor, Greatest, Least, Power
from django.utils import timezone

from videos.models import VideoJob

SUBMITTED, GENERATED = 5, 90  # percent shown when the provider has accepted, and when it is done
EXPECTED_SECONDS = 60  # a usual generation, to estimate progress where the provider tells none
_MOST_HALVINGS = 50  # no percent is left then; PostgreSQL takes a power that is next to nothing for an error
_SPAN = GENERATED - 1 - SUBMITTED


def elapsed(job: VideoJob) -> float:
    """Seconds since the job was handed over."""
    return time.time() - (job.started_at or timezone.now()).timestamp()


def told(percentage: int) -> int:
    """What is shown when the provider says that it has done so much of its work."""
    return SUBMITTED + _SPAN * min(max(percentage, 0), 100) // 100


def estimated() -> Any:
    """What is shown where the provider says nothing, as the database reckons it: each minute, half of what is left."""
    minutes = _SecondsSince(Coalesce("started_at", "created_at")) / Value(float(EXPECTED_SECONDS))
    left = Power(Value(0.5), Least(Greatest(minutes, Value(0.0)), Value(float(_MOST_HALVINGS))))
    share = Cast(Floor(_SPAN * (Value(1.0) - left)), models.IntegerField())
    return Greatest(F("progress_percentage"), SUBMITTED + share)


class _SecondsSince(models.Func):
    output_field = models.FloatField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "EXTRACT(EPOCH FROM STATEMENT_TIMESTAMP() - %(expressions)s)::double precision"
        return self.as_sql(compiler, connection, template=template, **context)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "((JULIANDAY('now') - JULIANDAY(%(expressions)s)) * 86400.0)"
        return self.as_sql(compiler, connection, template=template, **context)

"""Related rows as a JSON list, so that one statement reads them together with their parent."""

from datetime import UTC, datetime
from typing import Any

from django.db import models


class JSONRows(models.Aggregate):
    """The rows of a group as one JSON list, in no particular order."""

    name = "JSONRows"
    function = "JSON_GROUP_ARRAY"
    output_field = models.JSONField()

    def as_postgresql(self, compiler: Any, connection: Any) -> Any:
        return self.as_sql(compiler, connection, function="JSONB_AGG")


def moment(text: str) -> datetime:
    """A time of such a row. SQLite writes no offset, and means UTC."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)

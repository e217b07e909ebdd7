"""Which upstreams the product has: one, and for a time another one before it that Google has retired."""

import contextlib
from collections.abc import Iterator

from tests.chaos.database import Database
from tests.chaos.vendors import MODEL, RETIRED

NEARLY_SUSPENDED = 2  # refusals in a row; with the third one (videos.suspension) the product switches an upstream off

_IS_USED = f"provider = 'google_omni' AND upstream_model = '{MODEL}'"
_IS_RETIRED = f"provider = 'google_omni' AND upstream_model = '{RETIRED}'"


def use_one_upstream(database: Database) -> None:
    """Only the one that the fake is, whatever day it is."""
    database.execute(f"UPDATE videos_upstream SET retires_on = NULL, is_enabled = ({_IS_USED})")


@contextlib.contextmanager
def retired_upstream(database: Database, *, refusals: int = 0) -> Iterator[None]:
    """Meanwhile orders go first to a model that Google no longer has, and that has refused so many in a row already.

    What either upstream has refused before is forgotten.
    """
    database.execute("UPDATE videos_upstream SET refusals = 0, suspended_at = NULL, suspended_because = ''")
    database.execute(f"UPDATE videos_upstream SET is_enabled = TRUE, refusals = {refusals} WHERE {_IS_RETIRED}")
    try:
        yield
    finally:
        database.execute(f"UPDATE videos_upstream SET is_enabled = FALSE WHERE {_IS_RETIRED}")


def suspended_models(database: Database) -> set[str]:
    """The upstreams' models that the product has switched off by itself."""
    rows = database.rows("SELECT upstream_model FROM videos_upstream WHERE suspended_at IS NOT NULL")
    return {str(row["upstream_model"]) for row in rows}

"""The upstreams of the product: one and, in some flows, a retired one before it."""

import contextlib
from collections.abc import Iterator

from tests.chaos.database import Database
from tests.chaos.vendors import MODEL, RETIRED

NEARLY_SUSPENDED = 2  # refusals in a row; the third one suspends an upstream (videos.suspension)

_IS_USED = f"provider = 'google_omni' AND upstream_model = '{MODEL}'"
_IS_RETIRED = f"provider = 'google_omni' AND upstream_model = '{RETIRED}'"


def use_one_upstream(database: Database) -> None:
    """Enable only the upstream that the fake provides, whatever today's date is."""
    database.execute(f"UPDATE videos_upstream SET retires_on = NULL, is_enabled = ({_IS_USED})")


@contextlib.contextmanager
def retired_upstream(database: Database, *, refusals: int = 0) -> Iterator[None]:
    """Inside the block, jobs go first to a model that Google has retired, with this many refusals in a row already.

    Earlier refusals of both upstreams are reset.
    """
    database.execute("UPDATE videos_upstream SET refusals = 0, suspended_at = NULL, suspended_because = ''")
    database.execute(f"UPDATE videos_upstream SET is_enabled = TRUE, refusals = {refusals} WHERE {_IS_RETIRED}")
    try:
        yield
    finally:
        database.execute(f"UPDATE videos_upstream SET is_enabled = FALSE WHERE {_IS_RETIRED}")


def suspended_models(database: Database) -> set[str]:
    """The models of the upstreams that the product has suspended."""
    rows = database.rows("SELECT upstream_model FROM videos_upstream WHERE suspended_at IS NOT NULL")
    return {str(row["upstream_model"]) for row in rows}

"""The order of the short form: each of four processes gets two of these, then the rest as it finishes."""

from pathlib import Path

import pytest

# Long tests first, each followed by a short one; a random order takes up to a minute longer.
PAIRS = (
    ("test_scenarios[0]", "test_breaks_an_invariant_without[repeated-entries]"),
    ("test_scenarios[1]", "test_breaks_an_invariant_without[no-rehint]"),
    ("test_scenarios[2]", "test_upheavals"),
    ("test_killed_around_every_call", "test_breaks_an_invariant_without[unfenced]"),
    ("test_killed_at_statements[submit]", "test_killed_at_statements[create claim poll]"),
    ("test_killed_while_another_upstream_takes_the_job", "test_killed_at_statements[transfer]"),
)
_PLACES = {name: place for place, name in enumerate(name for pair in PAIRS for name in pair)}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the tests of this folder; unnamed ones come last."""
    if all(item.path.parent == Path(__file__).parent for item in items):
        items.sort(key=lambda item: _PLACES.get(item.name, len(_PLACES)))

"""In which order the short form is begun: four processes get two of these each, and the rest as they come to an end."""

from pathlib import Path

import pytest

# The long ones first, with a short one behind each; in any order they took up to a minute longer.
PAIRS = (
    ("test_scenarios[0]", "test_goes_red_without[repeated-entries]"),
    ("test_scenarios[1]", "test_goes_red_without[no-rehint]"),
    ("test_scenarios[2]", "test_upheavals"),
    ("test_killed_around_every_call", "test_goes_red_without[unfenced]"),
    ("test_killed_at_statements[submit]", "test_killed_at_statements[create take look]"),
    ("test_killed_while_another_upstream_takes_the_job", "test_killed_at_statements[transfer]"),
)
_PLACES = {name: place for place, name in enumerate(name for pair in PAIRS for name in pair)}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the suite's own; what is not named comes last."""
    if all(item.path.parent == Path(__file__).parent for item in items):
        items.sort(key=lambda item: _PLACES.get(item.name, len(_PLACES)))

"""docs/logs.md has every event that the code logs, and no other."""

from tests.log_events import PAGE, documented, events, table

COMMAND = "run `python -m tests.log_events --write`, and fill in what is new"


def test_table_has_the_events_of_the_code() -> None:
    assert sorted(documented()) == events(), COMMAND
    assert PAGE.read_text().endswith(table(documented())), COMMAND  # no line but those


def test_every_event_has_a_meaning() -> None:
    assert [event.name for event, meaning in documented().items() if not meaning] == [], COMMAND

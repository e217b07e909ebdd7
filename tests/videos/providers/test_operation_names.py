"""Only valid names get into URLs: any other path would be requested with our key."""

from pathlib import Path

import pytest

from tests.fakes.google import FakeGoogle
from tests.videos.providers.conftest import GOOGLES, Make, ask, begin, poll
from videos.providers import operation_names
from videos.providers.base import Refused
from videos.providers.mock import Mock
from videos.providers.registry import PROVIDERS

EVIL = (
    "v1_../../../../etc/passwd?x=1#",
    "../files/7",
    "a/../b",
    "..",
    ".",
    "a//b",
    "/a",
    "a/",
    "a?b",
    "a#b",
    "a%2e%2e",
    "a\\b",
    "a b",
    "é",
    "a\n",
    "",
)


@pytest.mark.parametrize("name", GOOGLES)
def test_other_paths_are_never_requested(name: str, make: Make, google: FakeGoogle, tmp_path: Path) -> None:
    adapter, request = make(name), ask(name)

    for operation in EVIL:
        with pytest.raises(Refused, match="is not the name of an operation"):
            poll(adapter, operation, request)
        with pytest.raises(Refused, match="is not the name of an operation"):
            adapter.check_file(operation, request)
        with pytest.raises(Refused, match="is not the name of an operation"):
            adapter.fetch(operation, request, tmp_path / "x.mp4")

    assert google.account.calls == []
    assert [operation_names.is_own(provider=name, operation=operation) for operation in EVIL] == [False] * len(EVIL)


@pytest.mark.parametrize("name", GOOGLES)
def test_names_from_a_provider_are_valid(name: str, make: Make, google: FakeGoogle) -> None:
    operation = begin(make(name), name, google).name

    assert operation_names.is_own(provider=name, operation=operation)
    operation_names.require_path(operation)


def test_names_from_the_mock_are_valid() -> None:
    given = Mock().start(ask("google_veo")).name

    assert operation_names.is_own(provider="mock", operation=given)
    assert not operation_names.is_own(provider="mock", operation="operations/abc")


def test_every_provider_has_a_valid_example() -> None:
    for name in PROVIDERS:
        assert operation_names.is_own(provider=name, operation=operation_names.example(provider=name))


@pytest.mark.parametrize(
    ("name", "operation"),
    [
        ("google_veo", "v1_7"),
        ("google_veo", "files/7"),
        ("google_vertex", "models/veo/operations/7"),
        ("google_omni", "models/veo/operations/7"),
        ("imported", "models/veo/operations/7"),
    ],
)
def test_names_of_another_form_are_invalid(name: str, operation: str) -> None:
    assert not operation_names.is_own(provider=name, operation=operation)


@pytest.mark.parametrize("operation", ["interactions/v1_7", "projects/a.org:b/locations/x/operations/7-8_9=="])
def test_another_spelling_is_still_polled(operation: str) -> None:
    operation_names.require_path(operation)

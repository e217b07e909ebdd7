"""A short fuzzing of every operation, in this process; `make fuzz` does it for longer, on the whole product."""

import os
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase
from hypothesis.errors import Unsatisfiable
from rest_framework_simplejwt.tokens import AccessToken
from schemathesis import Case
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup
from schemathesis.generation.modes import GenerationMode

from accounts.registration import create_user
from studio.wsgi import application
from tests.fuzz.__main__ import CONFIG

SEED = int(os.environ.get("FUZZ_SEED") or 20_261_124)
EXAMPLES = 4  # of each operation, kind of data and user; some 15 s in all on an idle machine

pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.once]


@pytest.fixture(autouse=True)
def _connection_stays(db: None) -> Iterator[None]:
    """A request closes the connection after it, and so the test's transaction; Django's test client does the same."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def schema(_connection_stays: None) -> Any:
    return schemathesis.openapi.from_wsgi("/openapi.json", application, config=SchemathesisConfig.from_path(CONFIG))


@pytest.fixture(params=["user", "admin"])
def token(request: Any, _connection_stays: None, settings: Any) -> str:
    rates = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {
        "DEFAULT_THROTTLE_RATES": dict.fromkeys(rates, "1000000/min"),
    }
    is_admin = request.param == "admin"
    user = create_user(email="ann@example.com", password="lorry-violet-42", staff=is_admin, unlimited=True)
    return str(AccessToken.for_user(user))


@pytest.mark.parametrize("mode", GenerationMode)
def test_every_operation_responds_as_the_schema_says(schema: Any, token: str, mode: GenerationMode) -> None:
    print(f"FUZZ_SEED={SEED}")  # noqa: T201 -- shown with a failure
    found = []
    for result in schema.get_all_operations():
        operation = result.ok()
        try:
            _fuzz(operation.as_strategy(generation_mode=mode), token)
        except (FailureGroup, Unsatisfiable) as exc:
            if isinstance(exc, FailureGroup):  # Unsatisfiable: the operation has no invalid case
                found.append(f"{operation.label}: {exc}")

    assert found == []


def _fuzz(cases: Any, token: str) -> None:
    @hypothesis.seed(SEED)
    @hypothesis.settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(case=cases)
    def send(case: Case) -> None:
        # identity: schemathesis requests gzip of a WSGI application, but does not decode it
        case.call_and_validate(headers={"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"})

    send()

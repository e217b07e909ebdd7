"""The difference between this machine's clock and the database's, and its warning."""

import json
import shutil
import subprocess
import sys

import pytest
from django.db import connection

from studio.env import PROJECT
from studio.observability import clock_skew
from studio.observability.clock_skew import Skew
from studio.observability.health import Finding, Health

FAKETIME = shutil.which("faketime")


@pytest.mark.parametrize(("theirs", "seconds"), [(1001.0, 0.0), (991.0, 10.0), (1021.0, -20.0)])
def test_difference_is_to_the_middle_of_the_round_trip(theirs: float, seconds: float) -> None:
    elapsed = iter([5.0, 7.0])  # the round trip takes 2 s

    skew = clock_skew.measure(database=lambda: theirs, here=lambda: 1000.0, elapsed=lambda: next(elapsed))

    assert skew == Skew(seconds=seconds, error=1.0)


@pytest.mark.parametrize(
    ("skew", "sentence"),
    [
        (Skew(0.2, 0.01), ""),
        (Skew(-5.5, 1.0), ""),  # a slow response proves nothing
        (Skew(7.26, 0.01), "This machine's clock is 7.3 s ahead of the database's (±0.0 s): "),
        (Skew(-6.5, 1.0), "This machine's clock is 6.5 s behind the database's (±1.0 s): "),
    ],
)
def test_difference_that_is_surely_too_large_degrades(skew: Skew, sentence: str) -> None:
    found = clock_skew.finding_for(skew)

    if not sentence:
        assert found == Finding(Health.OK, "This machine's clock and the database's differ by less than 5 s.")
    else:
        end = "from 10 s on, other machines refuse its tokens. Set both by NTP."
        assert found == Finding(Health.DEGRADED, f"{sentence}{end}")


@pytest.mark.django_db
def test_database_is_asked() -> None:
    found = clock_skew.finding()

    assert found.health == Health.OK
    if connection.vendor == "postgresql":
        assert abs(clock_skew.measure(database=clock_skew._database_clock).seconds) < 3


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(FAKETIME is None, reason="faketime is not installed")
@pytest.mark.parametrize("shift", ["+30", "-30"])
def test_doctor_on_a_machine_whose_clock_is_wrong(shift: str) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no clock of its own")
    assert FAKETIME
    command = [FAKETIME, "-f", f"{shift}s", sys.executable, "manage.py", "doctor", "--json"]

    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=120)

    found = json.loads(done.stdout)["clock"]
    side = "ahead of" if shift == "+30" else "behind"
    assert (done.returncode, found["status"]) == (1, "degraded")
    assert found["detail"].startswith(f"This machine's clock is 30.0 s {side} the database's")

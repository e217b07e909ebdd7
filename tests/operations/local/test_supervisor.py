"""The supervisor restarts parts that end, and stops all of them in order."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from operations.local.supervisor import Backoff, Console, Part, Supervisor

# Part of a script: true, and Ctrl+C for us, when the script runs for the second time.
SECOND_TIME_INTERRUPT = "{ test -e $HERE/again && kill -INT $PPID; } || { touch $HERE/again; false; }"
HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def shell(name: str, script: str, *, stage: int = 0) -> Part:
    return Part(name, ["sh", "-c", script], stage=stage)


def signal_us(*numbers: int, after_seconds: float) -> None:
    def send() -> None:
        for number in numbers:
            os.kill(os.getpid(), number)
            time.sleep(0.02)

    threading.Timer(after_seconds, send).start()


def ends(process_id: int) -> bool:
    """Whether it ends within five seconds; a zombie counts as ended."""
    for _ in range(100):
        try:
            if psutil.Process(process_id).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False


class Stage:
    """A supervisor whose console is a pipe, and whose signal handlers are restored afterwards."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._reader, self._writer = os.pipe()
        self.console = Console(file_descriptor=self._writer)
        self.supervisor = Supervisor(logs=folder / "logs", console=self.console)

    def start(self, *parts: Part) -> None:
        for part in parts:
            self.supervisor.start(part, environment={"HERE": str(self.folder)})

    def wait_for(self, name: str) -> str:
        path = self.folder / name
        deadline = time.monotonic() + 10
        while not path.exists() or not path.read_text().endswith("\n"):
            assert time.monotonic() < deadline, f"no {name}"
            time.sleep(0.02)
        return path.read_text().strip()

    def lines(self) -> list[str]:
        """All lines of the console, once its output has ended."""
        self.console.flush(within_seconds=2)
        os.set_blocking(self._reader, False)
        return os.read(self._reader, 1_000_000).decode().splitlines()

    def close(self) -> None:
        os.close(self._reader)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    before = {number: signal.getsignal(number) for number in HANDLED}
    stage = Stage(tmp_path)
    yield stage
    stage.supervisor.stop()
    stage.close()
    for number, handler in before.items():
        signal.signal(number, handler)


def test_delays_double_up_to_thirty_seconds() -> None:
    backoff = Backoff()

    delays = [backoff.delay_after(alive_seconds=1) for _ in range(9)]

    assert delays == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_delays_start_over_after_thirty_seconds_of_life() -> None:
    backoff = Backoff()
    for _ in range(5):
        backoff.delay_after(alive_seconds=29)

    delays = [backoff.delay_after(alive_seconds=30), backoff.delay_after(alive_seconds=1)]

    assert delays == [0.5, 1]


@pytest.mark.slow
def test_output_carries_the_name_of_its_part_and_goes_to_its_log(stage: Stage) -> None:
    stage.start(
        shell("web", "echo out; printf 'err\\n\\377' >&2; echo done > $HERE/web; sleep 60"),
        shell("sweeper", "echo hello; echo done > $HERE/sweeper; sleep 60", stage=1),
    )
    stage.wait_for("web")
    stage.wait_for("sweeper")

    stage.supervisor.stop()

    lines = stage.lines()
    assert sorted(line for line in lines if " is process " not in line) == [
        "sweeper | hello",
        "web     | err",
        "web     | out",
        "web     | \N{REPLACEMENT CHARACTER}",
    ]
    assert (stage.folder / "logs" / "web.log").read_bytes() == b"out\nerr\n\xef\xbf\xbd\n"
    assert (stage.folder / "logs" / "sweeper.log").read_text() == "hello\n"


@pytest.mark.slow
@pytest.mark.parametrize(("death", "how"), [("exit 3", "ended with status 3"), ("kill -9 $$", "was killed by SIGKILL")])
def test_part_that_ends_is_restarted(death: str, how: str, stage: Stage) -> None:
    stage.supervisor.catch_signals()
    stage.start(shell("web", f"echo started; {SECOND_TIME_INTERRUPT}; {death}"))

    stage.supervisor.run()

    stage.supervisor.stop()
    restarts = [line for line in stage.lines() if "starts again" in line]
    assert restarts[0] == f"up      | web {how}; it starts again in 0.5 s"
    assert (stage.folder / "logs" / "web.log").read_text() == "started\nstarted\n"


@pytest.mark.slow
def test_children_of_an_ended_part_are_killed_before_the_next_start(stage: Stage) -> None:
    stage.supervisor.catch_signals()
    stage.start(shell("web", f"{SECOND_TIME_INTERRUPT} || {{ sleep 60 & echo $! > $HERE/child; }}; exit 1"))

    stage.supervisor.run()

    assert ends(int(stage.wait_for("child")))


@pytest.mark.slow
def test_part_that_cannot_be_started_is_tried_again(stage: Stage) -> None:
    stage.supervisor.catch_signals()
    stage.start(Part("web", ["echo", "x" * 3_000_000]))  # longer than any command line may be
    signal_us(signal.SIGINT, after_seconds=1.2)

    stage.supervisor.run()

    failures = [line.partition(": ")[0] for line in stage.lines()]
    assert failures == ["web     | cannot be started"] * 2


@pytest.mark.slow
def test_part_is_prepared_before_every_start(stage: Stage) -> None:
    stage.supervisor.catch_signals()
    prepared: list[float] = []
    prepare: Callable[[], None] = lambda: prepared.append(time.monotonic())
    stage.start(Part("valkey", ["sh", "-c", SECOND_TIME_INTERRUPT], stage=2, prepare=prepare))

    stage.supervisor.run()

    assert len(prepared) == 2


@pytest.mark.slow
def test_parts_end_stage_by_stage(stage: Stage) -> None:
    def slow_to_end(name: str, seconds: float, number: int) -> Part:
        script = (
            f"trap 'sleep {seconds}; echo {name} >> $HERE/order; exit' TERM; echo up > $HERE/{name}; sleep 60 & wait"
        )
        return shell(name, script, stage=number)

    stage.start(slow_to_end("valkey", 0, 2), slow_to_end("sweeper", 0.1, 1), slow_to_end("web", 0.3, 0))
    for name in ("valkey", "sweeper", "web"):
        stage.wait_for(name)

    stage.supervisor.stop()

    assert stage.wait_for("order").split() == ["web", "sweeper", "valkey"]


@pytest.mark.slow
def test_part_that_does_not_end_is_killed_with_its_children(stage: Stage) -> None:
    stage.start(shell("web", "trap '' TERM; sleep 60 & echo $! > $HERE/child; wait; sleep 60"))
    child = int(stage.wait_for("child"))
    began_at = time.monotonic()

    stage.supervisor.stop()

    assert 3.4 < time.monotonic() - began_at < 5
    assert ends(child)


@pytest.mark.slow
def test_second_ctrl_c_kills_at_once(stage: Stage) -> None:
    stage.supervisor.catch_signals()
    stage.start(shell("web", "trap '' TERM; echo up > $HERE/web; while :; do sleep 1; done"))
    stage.wait_for("web")
    began_at = time.monotonic()
    signal_us(signal.SIGINT, after_seconds=0.1)
    signal_us(signal.SIGINT, after_seconds=0.6)

    stage.supervisor.run()
    stage.supervisor.stop()

    assert time.monotonic() - began_at < 3


@pytest.mark.slow
def test_signal_that_comes_twice_at_once_counts_as_one(stage: Stage) -> None:
    stage.supervisor.catch_signals()
    stage.start(
        shell("web", "trap 'sleep 0.5; echo orderly > $HERE/end; exit' TERM; echo up > $HERE/web; sleep 60 & wait")
    )
    stage.wait_for("web")
    signal_us(signal.SIGINT, signal.SIGINT, after_seconds=0.1)
    signal_us(signal.SIGTERM, after_seconds=0.5)

    stage.supervisor.run()
    stage.supervisor.stop()

    assert stage.wait_for("end") == "orderly"


def test_signal_before_it_runs_interrupts_the_preparation(stage: Stage) -> None:
    stage.supervisor.catch_signals()

    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGTERM)


def test_hang_up_that_nohup_ignores_stays_ignored(stage: Stage) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    stage.supervisor.catch_signals()

    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN

"""The console and the log files of `manage.py up`."""

import os
import pty
import time
from pathlib import Path

from operations.local.supervisor import Console, LogFile, Part, Supervisor


def test_full_log_file_is_renamed(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "logs" / "web.log", limit_bytes=10)

    for line in (b"first\n", b"second\n", b"third\n"):
        log.write(line)

    assert {path.name: path.read_text() for path in (tmp_path / "logs").iterdir()} == {
        "web.log": "third\n",
        "web.log.1": "second\n",
    }


def test_log_file_is_appended_to(tmp_path: Path) -> None:
    LogFile(tmp_path / "web.log").write(b"before\n")

    LogFile(tmp_path / "web.log").write(b"after\n")

    assert (tmp_path / "web.log").read_text() == "before\nafter\n"


def test_console_without_a_reader_blocks_nothing() -> None:
    reader, writer = os.pipe()
    console = Console(file_descriptor=writer)
    began_at = time.monotonic()

    for _ in range(5000):
        console.say("x" * 100)
    console.flush(within_seconds=0.1)

    assert time.monotonic() - began_at < 2
    os.close(reader)


def test_console_outlives_its_reader() -> None:
    reader, writer = os.pipe()
    console = Console(file_descriptor=writer)
    os.close(reader)

    console.say("into the void")
    console.say("again")
    console.flush(within_seconds=2)

    assert console.is_coloured is False


def test_names_are_coloured_on_a_terminal(tmp_path: Path) -> None:
    outer, inner = pty.openpty()
    supervisor = Supervisor(logs=tmp_path, console=Console(file_descriptor=inner))

    supervisor.say("hello")

    assert os.read(outer, 1000) == b"\033[1mup      | \033[0mhello\r\n"
    os.close(outer)
    os.close(inner)


def test_output_of_a_part_is_text(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    console = Console(file_descriptor=writer)
    supervisor = Supervisor(logs=tmp_path, console=console)
    script = r"printf 'a\033[2J\302\233\342\200\256b\tc\n\377\n'; sleep 60"

    supervisor.start(Part("web", ["sh", "-c", script]), environment={"HERE": str(tmp_path)})
    log = tmp_path / "web.log"
    with os.fdopen(reader, "rb") as shown:
        while not log.exists() or log.read_bytes().count(b"\n") < 2:
            time.sleep(0.02)
        supervisor.say("b\x1b")
        supervisor.stop()
        console.flush(within_seconds=5)
        lines = os.read(shown.fileno(), 100_000).decode().splitlines()

    assert log.read_text().splitlines() == ["a\\u001b[2J\\u009b\\u202eb\tc", "\ufffd"]
    assert [line.partition(" | ")[2] for line in lines if " | a" in line] == ["a\\u001b[2J\\u009b\\u202eb\tc"]
    assert [line.partition(" | ")[2] for line in lines if line.startswith("up ")][-1] == "b\\u001b"

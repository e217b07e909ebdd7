"""What the parts of `manage.py up` print reaches the console and the logs as text."""

import os
import time
from pathlib import Path

from operations.local.supervisor import Console, Part, Supervisor


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

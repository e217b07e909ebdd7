"""Runs one part in this process: `python -m benchmarks.part endpoints result.json [full]`."""

import signal
import sys
from importlib import import_module
from pathlib import Path

from benchmarks.report import Report


def main() -> None:
    """Measure, and leave nothing behind, whatever happens."""
    name, path, *size = sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that every block cleans up
    import_module(f"benchmarks.parts.{name}").run(Report(name, Path(path), full=size == ["full"]))


if __name__ == "__main__":
    main()

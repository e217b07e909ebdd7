"""`make clients`: every generator makes a client, which signs in, creates, polls, lists and downloads.

The exit status is 1 where one of them fails. Without Node.js, only the Python client is tried.
"""

import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("DATABASE_URL", "")

from tests.clients.generators import ENVIRONMENT, GENERATORS, Generator, NotHere, install, use
from tests.running import RunningStudio


def chosen() -> list[Generator]:
    """The named generators, as far as this machine can run them."""
    generators = [generator for generator in GENERATORS if not sys.argv[1:] or generator.name in sys.argv[1:]]
    try:
        if any(generator.is_node for generator in generators):
            install(every_generator=True)
    except NotHere as exc:
        skipped = ", ".join(generator.name for generator in generators if generator.is_node)
        sys.stderr.write(f"SKIPPED, because {exc}: {skipped}\n")
        return [generator for generator in generators if not generator.is_node]
    return generators


def main() -> int:
    """Try each client on the same server."""
    generators = chosen()
    failed = 0
    with tempfile.TemporaryDirectory(prefix="studio-clients-") as folder:
        studio = RunningStudio(Path(folder), **ENVIRONMENT)
        try:
            for generator in generators:
                try:
                    outcome = use(generator, studio).strip()
                except AssertionError as exc:
                    failed += 1
                    outcome = f"FAILED: {exc}"
                sys.stdout.write(f"{generator.name}: {outcome}\n")
                sys.stdout.flush()
        finally:
            studio.stop()
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())

"""Runs a command that dies with the process that started it: `python -m operations.local.die_with_parent COMMAND…`.

Where the kernel has no such signal (not Linux) the command simply runs.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>; kept across execve(2)


def main() -> None:
    """Ask for SIGKILL at the parent's death, then become the command."""
    parent = os.environ.pop("STUDIO_TETHERED_TO", "")
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if parent and os.getppid() != int(parent):  # it died before we could ask
            sys.exit(1)
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - the command comes from our own supervisor


if __name__ == "__main__":
    main()

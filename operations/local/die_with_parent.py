"""Runs a command that is killed when its parent process dies: `python -m operations.local.die_with_parent COMMAND…`.

Only Linux has this parent-death signal; on other systems the command simply runs.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>; kept across execve(2)


def main() -> None:
    """Ask for SIGKILL at the parent's death, then become the command."""
    parent = os.environ.pop("STUDIO_PARENT_PID", "")
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if parent and os.getppid() != int(parent):  # the parent died first
            sys.exit(1)
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - the command comes from our own supervisor


if __name__ == "__main__":
    main()

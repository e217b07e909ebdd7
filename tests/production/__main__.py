"""Follows the page on a fresh Debian in a folder: `python -m tests.production`, as root, with debootstrap installed.

The system shares this machine's network, so the ports of the page (80, 443, 5432, 6379, 8000) have to be free. This
module provides what the reader brings along: a repository, a host name, and a server in place of Google.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from studio.env import PROJECT
from tests.fakes.google import FakeGoogle
from tests.production import page

PORTS = (80, 443, 5432, 6379, 8000)
MOST_SECONDS = 600  # the promise of the page
SUITE = "bookworm"
# What this machine's package managers need to find their registries.
OF_THIS_MACHINE = ("/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf", "/etc/xdg/pip")
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
# The new system's own /proc and this machine's devices, until the shell ends.
ENTER = """
mount --bind /dev "$ROOT/dev"
mount --bind /dev/shm "$ROOT/dev/shm"
mount -t proc proc "$ROOT/proc"
exec chroot "$ROOT" /bin/bash /root/follow.sh
"""
AFTERWARDS = """
for account in studio www-data; do
    if runuser --user $account -- cat /etc/studio/studio.env 2>/dev/null; then
        echo "$account reads the settings"
        exit 1
    fi
done
for video in *.mp4; do test "$(head --bytes 8 $video | tail --bytes 4)" = ftyp; done
test "$(ls *.mp4 | wc --lines)" = 2
echo "== the videos are there"
"""


def main() -> None:
    """Prepare a system, follow the page, and print the seconds."""
    parser = argparse.ArgumentParser(prog="python -m tests.production", description=__doc__)
    parser.add_argument("--base", type=Path, help="a folder with a fresh Debian; made there once, and copied")
    arguments = parser.parse_args()
    _require()
    with tempfile.TemporaryDirectory(prefix="fresh-") as folder, FakeGoogle(work_seconds=3) as google:
        root = Path(folder) / "root"
        _make_system(root, base=arguments.base)
        _give(root, google_url=google.url)
        began_at = time.monotonic()
        status = _follow(root)
        seconds = time.monotonic() - began_at
        bought = len(google.calls("submit"))
        if status:
            _show_logs(root)
    if status or bought != 1:
        sys.exit(f"FAILED: the page ended with status {status}, and {bought} videos were bought.")
    if seconds > MOST_SECONDS:
        sys.exit(f"FAILED: it took {seconds:.0f} s; the page promises {MOST_SECONDS} s.")
    sys.stdout.write(f"The page works: {seconds:.0f} s from a fresh Debian to both videos.\n")


def _require() -> None:
    if os.geteuid() != 0:
        sys.exit("Cannot start: a fresh system can be made by root only.")
    if shutil.which("debootstrap") is None:
        sys.exit("Cannot start: debootstrap is missing; on Debian: apt install debootstrap")
    for port in PORTS:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                sys.exit(f"Cannot start: something on this machine listens on port {port}.")


def _make_system(root: Path, *, base: Path | None) -> None:
    made = base or root
    if not (made / "etc").exists():
        sources = "\n".join(path.read_text() for path in _apt_sources())
        mirror = next(line.split()[1] for line in sources.splitlines() if line.startswith(("URIs:", "deb ")))
        subprocess.run(["debootstrap", "--variant=minbase", SUITE, str(made), mirror], check=True)
    if made != root:
        subprocess.run(["cp", "--archive", str(made), str(root)], check=True)


def _apt_sources() -> list[Path]:
    folder = Path("/etc/apt/sources.list.d")
    return [path for path in (*folder.glob("*.sources"), *folder.glob("*.list")) if path.is_file()]


def _give(root: Path, *, google_url: str) -> None:
    """Provide what the reader of the page already has."""
    for name in OF_THIS_MACHINE:
        place = root / name.removeprefix("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "--recursive", "--dereference", name, str(place)], check=False)
    if AUTHORITIES.exists():
        shutil.copy(AUTHORITIES, root / "etc/this-machine.crt")
    policy = root / "usr/sbin/policy-rc.d"  # packages start their services, as they do under systemd
    policy.write_text("#!/bin/sh\nexit 0\n")
    policy.chmod(0o755)
    for path in _apt_sources():
        shutil.copy(path, root / "etc/apt/sources.list.d")
    with (root / "etc/hosts").open("a") as hosts:
        hosts.write("\n127.0.0.1 studio.example.com\n")
    subprocess.run(["git", "clone", "--quiet", "--bare", str(PROJECT), str(root / "srv/ai-studio.git")], check=True)
    shutil.copy(Path(__file__).with_name("systemctl.py"), root / "usr/local/bin/systemctl")
    (root / "usr/local/bin/systemctl").chmod(0o755)
    typed = page.script(
        {
            "https://git.example.com/ai-studio.git": "/srv/ai-studio.git",
            "GEMINI_API_KEY=your-key": f"GEMINI_API_KEY=fake-key\nGOOGLE_GEMINI_BASE_URL={google_url}",
        }
    )
    (root / "root/follow.sh").write_text(f"cd\n{typed}{AFTERWARDS}")


def _follow(root: Path) -> int:
    environment = {name: value for name, value in os.environ.items() if name.startswith("PIP_") or "proxy" in name}
    environment.pop("PIP_FIND_LINKS", None)  # a folder of this machine
    if AUTHORITIES.exists():
        environment["PIP_CERT"] = "/etc/this-machine.crt"
    environment |= {"ROOT": str(root), "HOME": "/root", "DEBIAN_FRONTEND": "noninteractive", "LANG": "C.UTF-8"}
    environment["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "/bin/bash", "-euc", ENTER]
    return subprocess.run(command, env=environment, check=False, stdin=subprocess.DEVNULL).returncode


def _show_logs(root: Path) -> None:
    for log in sorted((root / "var/log").glob("studio-*.log")):
        sys.stdout.write(f"\n== {log.name}\n{''.join(log.read_text().splitlines(keepends=True)[-20:])}")


if __name__ == "__main__":
    main()

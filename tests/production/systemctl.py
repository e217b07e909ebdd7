#!/usr/bin/python3
"""Stands in for systemctl on a system without systemd, for `tests.production`: runs the units of `deploy/systemd`.

It knows what those units use: Wants, Requires and After, drop-ins for `studio-`, instances, sockets, User, Group,
EnvironmentFile, Environment, WorkingDirectory, StateDirectory, UMask, Restart, and SIGKILL after TimeoutStopSec.
Other units are left to the system's init scripts. It sets no sandbox and no limit.
"""

import contextlib
import grp
import os
import pwd
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

UNITS = Path("/etc/systemd/system")
RUN = Path("/run/units")
LISTEN_FD = 3
Options = dict[str, list[str]]


def read(name: str) -> Options:
    """The options of a unit and of its drop-ins, by `Section.Name`; an empty value empties the list, as in systemd."""
    template = name.partition("@")[0] + "@." + name.rpartition(".")[2] if "@" in name else name
    kind = name.rpartition(".")[2]
    files = [UNITS / template, *sorted((UNITS / f"studio-.{kind}.d").glob("*.conf"))]
    found: Options = defaultdict(list)
    instance = name.partition("@")[2].rpartition(".")[0]
    for file in files:
        section = ""
        for raw in file.read_text().splitlines():
            line = raw.strip()
            if line.startswith("["):
                section = line.strip("[]")
            elif line and line[0] not in "#;":
                key, _, value = line.partition("=")
                found[f"{section}.{key}"].append(value.replace("%i", instance))
    return found


def one(options: Options, key: str, otherwise: str = "") -> str:
    return options[key][-1] if options[key] else otherwise


def many(options: Options, *keys: str) -> list[str]:
    return [word for key in keys for value in options[key] for word in value.split()]


def full(name: str) -> str:
    return name if "." in name else f"{name}.service"


def is_ours(name: str) -> bool:
    return name.startswith("studio")


def start(name: str) -> None:
    """Start the unit after the units that it wants; leave a running one alone."""
    if not is_ours(name):
        subprocess.run(["service", name.removesuffix(".service"), "start"], check=True)
        return
    if (RUN / name).exists():
        return
    options = read(name)
    wanted = many(options, "Unit.Wants", "Unit.Requires")
    # of the units before it, those that another unit wants: here, the one that prepares the database
    for other in [*wanted, *(unit for unit in many(options, "Unit.After") if is_ours(unit))]:
        if is_ours(other):
            start(other)
    RUN.mkdir(exist_ok=True)
    if name.endswith(".service"):
        begin(name, options)
    else:
        (RUN / name).write_text("")


def begin(name: str, options: Options) -> None:
    """Run a service: once and to its end, or in a process that starts it again."""
    if one(options, "Service.Type") == "oneshot":
        status = subprocess.run(**invocation(options, has_socket=False), check=False).returncode
        if status:
            sys.exit(f"Job for {name} failed with status {status}; see /var/log/{name}.log")
        (RUN / name).write_text("")
        return
    sock = listener(name)
    keeper = os.fork()
    if keeper == 0:
        os.setsid()
        keep(options, sock, Path(f"/var/log/{name}.log"))
        os._exit(0)
    (RUN / name).write_text(str(keeper))


def listener(name: str) -> socket.socket | None:
    """The address of the unit's socket."""
    unit = name.replace(".service", ".socket")
    if not (UNITS / unit).exists():
        return None
    host, _, port = one(read(unit), "Socket.ListenStream").rpartition(":")
    return socket.create_server((host, int(port)), backlog=2048)


def invocation(options: Options, *, has_socket: bool) -> dict[str, object]:
    """Arguments for subprocess: the command, as the unit's account, in its folder, with its settings."""
    account = pwd.getpwnam(one(options, "Service.User", "root"))
    group = grp.getgrnam(one(options, "Service.Group", account.pw_name))
    for state in many(options, "Service.StateDirectory"):
        folder = Path("/var/lib") / state
        folder.mkdir(parents=True, exist_ok=True)
        os.chown(folder, account.pw_uid, group.gr_gid)
        folder.chmod(int(one(options, "Service.StateDirectoryMode", "0755"), 8))
    environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
    environment |= {"HOME": account.pw_dir, "USER": account.pw_name}
    for assignment in (word for value in options["Service.Environment"] for word in shlex.split(value)):
        environment.update([assignment.split("=", 1)])
    for file in many(options, "Service.EnvironmentFile"):  # read by root, before the account changes
        for line in Path(file).read_text().splitlines():
            if line.strip() and line.lstrip()[0] not in "#;":
                key, _, value = line.partition("=")
                environment[key.strip()] = value.strip()
    groups = [each.gr_gid for each in grp.getgrall() if account.pw_name in each.gr_mem]
    umask = int(one(options, "Service.UMask", "0022"), 8)

    def become() -> None:
        os.setgroups([group.gr_gid, *groups])
        os.setgid(group.gr_gid)
        os.setuid(account.pw_uid)
        os.umask(umask)

    command = shlex.split(one(options, "Service.ExecStart"))
    if has_socket:  # sd_listen_fds(3): it is descriptor 3, and a variable names the process
        environment["LISTEN_FDS"] = "1"
        command = ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", *command]
    return {
        "args": command,
        "env": environment,
        "cwd": one(options, "Service.WorkingDirectory", "/"),
        "preexec_fn": become,
        "stdin": subprocess.DEVNULL,
        "pass_fds": [LISTEN_FD] if has_socket else [],
    }


def keep(options: Options, sock: socket.socket | None, log: Path) -> None:
    """Run the service until SIGTERM; start it again when it ends by itself."""
    if sock is not None:
        os.dup2(sock.detach(), LISTEN_FD)
    stopping = False
    child: subprocess.Popen[bytes] | None = None

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True
        if child:
            child.terminate()

    signal.signal(signal.SIGTERM, stop)
    with log.open("ab") as output:
        while not stopping:
            child = subprocess.Popen(**invocation(options, has_socket=sock is not None), stdout=output, stderr=output)
            while child.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(0.2 if not stopping else float(one(options, "Service.TimeoutStopSec", "90")))
                if stopping and child.poll() is None:
                    child.kill()
            time.sleep(0 if stopping else float(one(options, "Service.RestartSec", "0.1")))


def stop_unit(name: str) -> None:
    """SIGTERM to the keeper, which waits for the service."""
    mark = RUN / name
    if not is_ours(name):
        subprocess.run(["service", name.removesuffix(".service"), "stop"], check=True)
    elif name.endswith(".target"):
        for unit in list(RUN.glob("studio-*")):
            stop_unit(unit.name)
        mark.unlink(missing_ok=True)
    elif mark.exists():
        keeper = mark.read_text()
        mark.unlink()
        if keeper:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(keeper), signal.SIGTERM)
                while True:
                    os.kill(int(keeper), 0)
                    if " Z " in Path(f"/proc/{keeper}/stat").read_text():
                        break
                    time.sleep(0.1)


def main() -> None:
    """The commands of the page: daemon-reload, enable --now, start, stop, restart."""
    verb, *words = sys.argv[1:]
    names = [full(word) for word in words if not word.startswith("-")]
    if verb in {"start", "restart", "stop"} or (verb == "enable" and "--now" in words):
        for name in names:
            if verb in {"stop", "restart"}:
                stop_unit(name)
            if verb != "stop":
                start(name)
    elif verb not in {"daemon-reload", "enable", "mask"}:
        sys.exit(f"this systemctl does not know {verb}")


if __name__ == "__main__":
    main()

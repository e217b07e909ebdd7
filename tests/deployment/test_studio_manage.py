"""Commands on a server: with the settings of its services, by one wrapper, and not at all without settings."""

import getpass
import json
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from operations.local.banner import banner_text
from studio import env, settings_file
from studio.env import PROJECT

pytestmark = [pytest.mark.slow, pytest.mark.once]

WRAPPER = PROJECT / "deploy" / "studio-manage"
SECRETS = {"SECRET_KEY": f"it's=\"{'s' * 50}#;", "JWT_SIGNING_KEY": "j" * 64}
ASK = (
    "import json, os; from django.conf import settings as s; print(json.dumps([s.SECRET_KEY, str(s.DATA_DIR), "
    "s.ALLOWED_HOSTS, os.environ.get('CLOUDINARY_URL'), os.getuid(), os.getcwd()]))"
)
REFUSED = (
    "Cannot start: neither ENVIRONMENT nor DATA_DIR is set, so these are not the settings of the services here. Run "
    "commands as studio-manage COMMAND (docs/production.md). To try it out: make run, or set ENVIRONMENT=development.\n"
)


def run(*command: object, folder: Path = PROJECT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a process with only this environment."""
    return subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def settings_of(folder: Path, **settings: str) -> Path:
    path = folder / "studio.env"
    given = {"ENVIRONMENT": "production", "ALLOWED_HOSTS": "a.example.com", **SECRETS, **settings}
    path.write_text("# as on a server\n" + "".join(f"{name}={value}\n" for name, value in given.items()))
    return path


def output(done: subprocess.CompletedProcess[str]) -> list[object]:
    assert done.returncode == 0, done.stderr
    said: list[object] = json.loads(done.stdout.splitlines()[-1])
    return said


# -- The wrapper


def test_command_has_the_settings_of_the_services_and_none_of_its_callers(tmp_path: Path) -> None:
    file = settings_of(tmp_path, DATA_DIR=str(tmp_path / "data"))
    wrapper = tmp_path / "studio-manage"
    wrapper.symlink_to(WRAPPER)  # as in /usr/local/bin

    done = run(
        *(wrapper, "shell", "-v", "0", "-c", ASK),
        folder=tmp_path,
        STUDIO_SETTINGS=str(file),
        STUDIO_ACCOUNT=getpass.getuser(),
        CLOUDINARY_URL="cloudinary://a:caller@own",
        DATA_DIR=str(tmp_path / "of the caller"),
    )

    expected = [SECRETS["SECRET_KEY"], str(tmp_path / "data"), ["a.example.com"], None, os.getuid(), str(PROJECT)]
    assert output(done) == expected


def test_data_is_where_the_units_say_unless_the_file_does(tmp_path: Path) -> None:
    common = (PROJECT / "deploy" / "systemd" / "studio-.service.d" / "common.conf").read_text()
    units = dict(
        pair.split("=") for line in re.findall("^Environment=(.+)$", common, re.MULTILINE) for pair in line.split()
    )

    done = run(
        *(WRAPPER, "shell", "-v", "0", "-c", ASK),
        STUDIO_SETTINGS=str(settings_of(tmp_path)),
        STUDIO_ACCOUNT=getpass.getuser(),
    )

    assert output(done)[1] == units["DATA_DIR"]
    text = WRAPPER.read_text()
    assert all(f"{name}={value}" in text for name, value in units.items())
    assert re.findall(r"^umask (\d+)$", text, re.MULTILINE) == re.findall(r"^UMask=(\d+)$", common, re.MULTILINE)
    assert re.findall(r"^EnvironmentFile=(\S+)$", common, re.MULTILINE) == re.findall(r":-(/\S+\.env)\}", text)


@pytest.mark.skipif(os.getuid() != 0, reason="only root changes to another account")
def test_root_becomes_the_service() -> None:
    person = pwd.getpwnam("nobody")
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        settings_file.become("nobody")
        os.write(send, f"{os.getresuid()} {os.getresgid()} {os.getgroups()}".encode())
        os._exit(0)
    os.waitpid(child, 0)

    assert os.read(receive, 200).decode() == f"{(person.pw_uid,) * 3} {(person.pw_gid,) * 3} {[person.pw_gid]}"
    os.close(receive)
    os.close(send)


@pytest.mark.skipif(os.getuid() != 0, reason="only root changes to another account")
def test_root_names_the_account_of_the_service() -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are root's alone
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "deploy").mkdir()
        shutil.copy(WRAPPER, folder / "deploy")
        python = folder / ".venv" / "bin" / "python"  # the account `nobody` may not be able to read the real one
        python.parent.mkdir(parents=True)
        python.write_text('#!/bin/sh\necho "$(umask) $(pwd) $*"\n')
        python.chmod(0o755)
        file = settings_of(folder)

        done = run(folder / "deploy" / "studio-manage", "doctor", STUDIO_SETTINGS=str(file), STUDIO_ACCOUNT="nobody")

    named = f"0027 {folder} -m studio.settings_file --account nobody {file} manage.py doctor\n"
    assert (done.stdout, done.stderr) == (named, "")


def test_stranger_is_refused(tmp_path: Path) -> None:
    if os.getuid() == 0:
        pytest.skip("root is no stranger")
    done = run(WRAPPER, "doctor", STUDIO_SETTINGS=str(settings_of(tmp_path)), STUDIO_ACCOUNT="root")

    assert (done.returncode, done.stderr[:47]) == (1, "Cannot start: commands run as root or as root, ")


def test_file_that_systemd_reads_differently_is_refused(tmp_path: Path) -> None:
    file = settings_of(tmp_path, GEMINI_API_KEY="a-key # of the shop")

    done = run(WRAPPER, "doctor", STUDIO_SETTINGS=str(file), STUDIO_ACCOUNT=getpass.getuser())

    assert done.returncode == 1
    assert done.stderr.startswith(f"Cannot start: line 6 of {file} has a comment behind its value")
    assert "a-key" not in done.stderr


def test_container_has_its_settings_already(tmp_path: Path) -> None:
    given = {"ENVIRONMENT": "production", "ALLOWED_HOSTS": "a", "DATA_DIR": str(tmp_path), **SECRETS}

    done = run(WRAPPER, "shell", "-v", "0", "-c", ASK, STUDIO_SETTINGS="/nothing", **given)

    assert output(done)[:3] == [SECRETS["SECRET_KEY"], str(tmp_path), ["a"]]


def test_wrapper_without_any_settings_refuses() -> None:
    done = run(WRAPPER, "doctor", STUDIO_SETTINGS="/nothing")

    assert (done.returncode, done.stderr) == (
        1,
        "Cannot start: there is no /nothing, and neither ENVIRONMENT nor DATA_DIR is set.\n",
    )


# -- A command without settings


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A copy of the code without git, as in an image or an archive."""
    folder = tmp_path / "studio"
    ignore = shutil.ignore_patterns(".*", "data", "tests", "docs", "benchmarks", "__pycache__")
    shutil.copytree(PROJECT, folder, ignore=ignore)
    return folder


@pytest.mark.parametrize("command", [("manage.py", "check"), ("-m", "gunicorn", "studio.wsgi:application")])
def test_server_without_settings_gets_no_database_in_its_code(archive: Path, command: tuple[str, ...]) -> None:
    done = run(sys.executable, *command, folder=archive)

    assert (done.returncode, done.stderr) == (1, REFUSED)
    assert not (archive / "data").exists()


@pytest.mark.parametrize("git", ["folder", "file", "none"])
def test_working_copy_and_settings_suffice(archive: Path, git: str) -> None:
    mark = archive / ".git"
    if git == "folder":
        mark.mkdir()
    elif git == "file":  # of `git worktree`
        mark.write_text("gitdir: somewhere\n")
    else:
        (archive / ".env").write_text("ENVIRONMENT=development\n")
    done = run(sys.executable, "manage.py", "check", folder=archive)

    assert (done.returncode, done.stdout[:33]) == (0, "System check identified no issues"), done.stderr


@pytest.mark.parametrize(("given", "status"), [("", 0), ("LOG_LEVEL=INFO\n", 0), ("ENVIRONMENT=perhaps\n", 1)])
def test_make_run_needs_no_settings_and_respects_them(archive: Path, given: str, status: int) -> None:
    python = archive / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (archive / ".env").write_text(given)

    done = run("make", "-o", "python", "-o", ".venv/.installed", "run", "ARGS=--help", folder=archive)

    said = done.stdout if status == 0 else done.stderr
    assert ("Run the whole system" if status == 0 else "ENVIRONMENT is 'perhaps'") in said, done.stderr


@pytest.mark.parametrize("is_checkout", [True, False])
def test_command_of_the_banner_runs_as_it_is_pasted(
    is_checkout: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(env, "PROJECT", tmp_path)
    if is_checkout:
        (tmp_path / ".git").mkdir()

    place = re.search(r"start with: (.*)DATA_DIR=", banner_text({}))

    assert place
    assert place[1] == ("" if is_checkout else "ENVIRONMENT=development ")

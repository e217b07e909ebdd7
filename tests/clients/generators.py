"""The generators: how each makes a client from the schema, and the script that uses the client."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from tests.running import PASSWORD, RunningStudio

HERE = Path(__file__).parent
WORK = HERE / ".work"  # ignored by git: npm's packages, kept between runs, and a folder for each client
MODULES = WORK / "node_modules"
COMMAND_SECONDS = 120  # of a generator or a client; on an idle machine each takes some 5 s
INSTALL_SECONDS = 600  # for 450 MB over a slow line
ENVIRONMENT = {"MOCK_VIDEO_SECONDS": "1"}

Make = Callable[[str, Path], None]  # for the server at this URL, in this folder


class NotHere(Exception):
    """This machine lacks a program that a generator needs."""


@dataclass(frozen=True)
class Generator:
    """`make` generates the client, in `api`, from `openapi.json` in the folder; the script `source` uses it."""

    name: str
    source: str
    make: Make

    @property
    def is_node(self) -> bool:
        return self.source.endswith(".ts")


def _node(script: str, *arguments: str) -> list[str]:
    own = MODULES / "node" / "bin" / "node"  # some generators need a newer one than a distribution has
    return [str(own) if own.exists() else "node", str(MODULES / script), *arguments]


def _openapi_typescript(url: str, folder: Path) -> None:
    run(*_node("openapi-typescript/bin/cli.js", "openapi.json", "--output", "api/schema.ts"), folder=folder)


def _hey_api(url: str, folder: Path) -> None:
    run(*_node("@hey-api/openapi-ts/bin/run.js", "-i", "openapi.json", "-o", "api", "--no-log-file"), folder=folder)


def _orval(script: str, client: str) -> Make:
    def make(url: str, folder: Path) -> None:
        output = {"target": "api/client.ts", "client": client, "baseUrl": url}
        config = {"studio": {"input": "openapi.json", "output": output}}
        (folder / "orval.config.ts").write_text(f"export default {json.dumps(config)}")
        run(*_node(script, "--config", "orval.config.ts"), folder=folder)

    return make


def _openapi_python_client(url: str, folder: Path) -> None:
    config = {
        "content_type_overrides": dict.fromkeys(("video/mp4", "application/zip"), "application/octet-stream"),
        "post_hooks": [],
    }
    (folder / "config.json").write_text(json.dumps(config))
    command = (sys.executable, "-m", "openapi_python_client", "generate", "--path", "openapi.json")
    run(
        *command,
        "--meta",
        "none",
        "--output-path",
        "api",
        "--config",
        "config.json",
        "--fail-on-warning",
        folder=folder,
    )


GENERATORS = (
    Generator("openapi-python-client", "python_client.py", _openapi_python_client),
    Generator("openapi-typescript", "openapi_fetch.ts", _openapi_typescript),
    Generator("hey-api", "hey_api.ts", _hey_api),
    Generator("orval-7", "orval_axios.ts", _orval("orval7/dist/bin/orval.js", "axios-functions")),
    Generator("orval-8", "orval_fetch.ts", _orval("orval8/dist/bin/orval.mjs", "fetch")),
)


def run(*command: str, folder: Path, seconds: float = COMMAND_SECONDS) -> str:
    """The output of a command. Raises AssertionError where it fails, and TimeoutExpired."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=seconds)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-8000:]}\n{done.stderr[-8000:]}"
    return done.stdout


def install(*, every_generator: bool, seconds: float = INSTALL_SECONDS) -> None:
    """Install the packages of npm, unless these are installed. Raises NotHere."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise NotHere("Node.js and npm are not installed")
    wanted = (HERE / "package.json").read_text()
    every, some = WORK / "every-generator.json", WORK / "some-generators.json"  # package.json, once it is installed
    stamps = [every] if every_generator else [every, some]
    if any(stamp.exists() and stamp.read_text() == wanted for stamp in stamps):
        return
    WORK.mkdir(exist_ok=True)
    for name in ("package.json", ".npmrc"):
        shutil.copy(HERE / name, WORK)
    options = () if every_generator else ("--omit=dev",)
    try:
        run("npm", "install", "--loglevel=error", "--fetch-retries=0", *options, folder=WORK, seconds=seconds)
    except (AssertionError, subprocess.TimeoutExpired) as exc:
        raise NotHere(f"npm cannot install its packages: {exc}") from exc
    stamps[-1].write_text(wanted)


def use(generator: Generator, studio: RunningStudio) -> str:
    """Generate the client, compile it, and run it; returns its output. Raises AssertionError."""
    folder = WORK / generator.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    email = f"{generator.name}@example.com"
    with studio.client(email) as client:
        (folder / "openapi.json").write_bytes(client.get("/openapi.json").content)
    for name, colour in (("first", "red"), ("last", "blue"), ("reference", "green")):
        Image.new("RGB", (640, 360), colour).save(folder / f"{name}.png")
    generator.make(studio.url, folder)
    arguments = (studio.url, email, PASSWORD, str(folder))
    if not generator.is_node:
        shutil.copy(HERE / generator.source, folder / "main.py")
        return run(sys.executable, "main.py", *arguments, folder=folder)
    for name in ("scenario.ts", "node.d.ts", "tsconfig.json"):
        shutil.copy(HERE / name, folder)
    shutil.copy(HERE / generator.source, folder / "main.ts")
    run(*_node("typescript/bin/tsc", "--project", "tsconfig.json"), folder=folder)
    return run("node", "compiled/main.js", *arguments, folder=folder)

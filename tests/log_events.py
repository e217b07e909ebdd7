"""The table of log events in docs/logs.md: `python -m tests.log_events --write` brings it up to date with the code.

Events, levels, loggers and extras are read from the calls of loggers. What an event means is written by hand in the
table; a renamed event keeps it where logger, level and extras are still the same.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

PROJECT = Path(__file__).parents[1]
PAGE = PROJECT / "docs" / "logs.md"
SOURCES = ("gunicorn.conf.py", "accounts", "looks", "operations", "studio", "videos")
LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
HEAD = "| Event | Level | Logger | Extras | Meaning |\n| --- | --- | --- | --- | --- |\n"


@dataclass(frozen=True, order=True)
class Event:
    """One call of a logger, as the table shows it."""

    name: str
    level: str
    logger: str
    extras: str


def events() -> list[Event]:
    """Every event of the source, sorted."""
    paths = [path for source in SOURCES for path in _python_files(PROJECT / source)]
    trees = {path: ast.parse(path.read_text()) for path in paths}
    functions = {
        node.name: node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)
    }
    return sorted({event for path, tree in trees.items() for event in _Reader(path, tree, functions).events()})


def table(meanings: dict[Event, str]) -> str:
    """The table of these events, each with its meaning."""
    rows = [(*_cells(event), meaning) for event, meaning in sorted(meanings.items())]
    return HEAD + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def documented() -> dict[Event, str]:
    """The events of the page, with their meanings."""
    rows = [line.strip("| \n").split(" | ") for line in PAGE.read_text().partition(HEAD)[2].splitlines()]
    return {
        Event(*(cell.replace("`", "") if cell != "-" else "" for cell in cells[:4])): [*cells, ""][4].strip()
        for cells in rows
        if len(cells) >= 4
    }


def _cells(event: Event) -> tuple[str, ...]:
    extras = ", ".join(f"`{name}`" for name in event.extras.split(", ")) if event.extras else "-"
    return f"`{event.name}`", event.level, f"`{event.logger}`", extras


def _python_files(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


def _is_function(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


class _Reader:
    """Reads the calls of one module."""

    def __init__(self, path: Path, tree: ast.Module, functions: dict[str, ast.FunctionDef]) -> None:
        self._tree, self._functions = tree, functions
        self._logger = ".".join(path.relative_to(PROJECT).with_suffix("").parts)
        for value in _assigned(tree, "logger"):  # logging.getLogger("of another name")
            if isinstance(value, ast.Call) and value.args and isinstance(value.args[0], ast.Constant):
                self._logger = str(value.args[0].value)

    def events(self) -> Iterator[Event]:
        """The events of the module."""
        return self._events_in(self._tree, self._tree)

    def _events_in(self, node: ast.AST, scope: ast.AST) -> Iterator[Event]:
        """The events at or below the node; `scope` is its function, or the module."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS:
            receiver = ast.unparse(node.func.value)
            if receiver in {"logger", "self.access_log"} or receiver.startswith("logging.getLogger("):
                yield self._event(node, node.func, receiver, scope)
        scope = node if _is_function(node) else scope
        for child in ast.iter_child_nodes(node):
            yield from self._events_in(child, scope)

    def _event(self, call: ast.Call, method: ast.Attribute, receiver: str, scope: ast.AST) -> Event:
        arguments = list(call.args)
        level = {"exception": "ERROR"}.get(method.attr, method.attr.upper())
        if method.attr == "log":
            level = self._levels(arguments.pop(0), scope)
        name = arguments[0]
        if not (isinstance(name, ast.Constant) and isinstance(name.value, str)):
            raise TypeError(f"{self._logger}:{call.lineno}: the name of an event has to be a string in the call")
        extra = next((keyword.value for keyword in call.keywords if keyword.arg == "extra"), None)
        keys = dict.fromkeys(self._keys(extra, scope)) if extra else {}
        logger = {"self.access_log": "gunicorn.access"}.get(receiver, self._logger)
        if receiver.startswith("logging."):
            logger = ast.literal_eval(receiver.removeprefix("logging.getLogger(").removesuffix(")"))
        return Event(name.value, level, logger, ", ".join(keys))

    def _levels(self, level: ast.expr, scope: ast.AST) -> str:
        """Of `logger.log`: the levels that the variable may have, or that its module names."""
        for place in (scope, self._tree):
            values = [level, *_assigned(place, ast.unparse(level))] if place is scope else [place]
            found = {
                node.attr
                for value in values
                for node in ast.walk(value)
                if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "logging" and node.attr.isupper()
            }
            if found:
                return " or ".join(sorted(found))
        return "any"

    def _keys(self, extra: ast.expr, scope: ast.AST) -> Iterator[str]:
        if isinstance(extra, ast.Dict):
            yield from (str(key.value) for key in extra.keys if isinstance(key, ast.Constant))
        elif isinstance(extra, ast.BinOp):
            yield from self._keys(extra.left, scope)
            yield from self._keys(extra.right, scope)
        elif isinstance(extra, ast.Name):
            for value in _assigned(scope, extra.id) or _assigned(self._tree, extra.id):
                yield from self._keys(value, scope)
        elif isinstance(extra, ast.Call):
            function = self._functions.get(ast.unparse(extra.func).rpartition(".")[2])
            for node in ast.walk(function) if function else ():
                if isinstance(node, ast.Return) and node.value:
                    yield from self._keys(node.value, function or scope)


def _assigned(scope: ast.AST, name: str) -> list[ast.expr]:
    return [
        node.value
        for node in ast.walk(scope)
        if isinstance(node, ast.Assign) and any(ast.unparse(target) == name for target in node.targets)
    ]


def _renamed(event: Event, before: dict[Event, str]) -> str:
    """The meaning of the event that differed in its name only; of several, the one with a similar name, else ""."""
    alike = {old.name: text for old, text in before.items() if replace(old, name=event.name) == event}
    names = list(alike) if len(alike) == 1 else get_close_matches(event.name, alike, n=1, cutoff=0.85)
    return alike[names[0]] if names else ""


def _write() -> list[str]:
    """Update the table; returns the events that still lack a meaning."""
    before, found = documented(), events()
    by_name = {event.name: text for event, text in before.items()}
    meanings = {event: before.get(event) or by_name.get(event.name) or _renamed(event, before) for event in found}
    PAGE.write_text(PAGE.read_text().partition(HEAD)[0] + table(meanings))
    return [event.name for event, text in meanings.items() if not text]


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit(__doc__)
    if missing := _write():
        sys.exit(f"Say in {PAGE} what these mean: {', '.join(missing)}")

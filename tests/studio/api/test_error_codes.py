"""The list of error codes in the schema is complete."""

import ast
from collections.abc import Iterator
from pathlib import Path

from django.test import Client

from accounts.sign_in.refusals import TokenRefused
from studio import errors
from studio.api.error_codes import MEANINGS
from studio.env import PROJECT

APPS = ("studio", "accounts", "looks", "videos", "operations")
# Raised only for members of staff, in the back office and by commands: no response of the API has them.
OF_STAFF = {
    "wrong_code",
    "too_many_codes",
    "account_deleted",
    "attempt_unknown",
    "not_staff",
    "refund_limit_reached",
}


def sources() -> Iterator[Path]:
    for app in APPS:
        yield from (PROJECT / app).rglob("*.py")


def kinds(kind: type[errors.StudioError] = errors.StudioError) -> Iterator[type[errors.StudioError]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from kinds(narrower)


def codes_in(tree: ast.AST, names: set[str]) -> Iterator[str]:
    """The codes that are given to errors of these names."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name | ast.Attribute):
            name = call.func.id if isinstance(call.func, ast.Name) else call.func.attr
            for keyword in call.keywords:
                if name in names and keyword.arg == "code" and isinstance(keyword.value, ast.Constant):
                    yield keyword.value.value


def test_every_code_in_the_source_has_a_meaning(client: Client) -> None:
    client.get("/healthz")  # with the URLs, every module that raises is loaded
    classes = set(kinds())
    names = {kind.__name__ for kind in classes}

    codes = {kind.code for kind in classes} | {kind.default_code for kind in TokenRefused.__subclasses__()}
    for path in sources():
        codes |= set(codes_in(ast.parse(path.read_text()), names))

    assert codes - MEANINGS.keys() == OF_STAFF | {errors.StudioError.code}


def test_every_code_of_gunicorn_has_a_meaning() -> None:
    tree = ast.parse((PROJECT / "gunicorn.conf.py").read_text())
    [table] = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "REFUSALS"
    ]
    assert isinstance(table, ast.Dict)

    codes = {ast.literal_eval(value.elts[0]) for value in table.values if isinstance(value, ast.Tuple)}

    assert len(codes) == len(table.keys)
    assert codes <= MEANINGS.keys()

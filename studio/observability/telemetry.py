"""Errors to Sentry and traces to OpenTelemetry, if SENTRY_DSN and OTEL_EXPORTER_OTLP_ENDPOINT are set.

Unless they are, neither library is imported. Neither receives prompts, keys, e-mail addresses, bodies or headers.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from studio import __version__
from studio.observability import log, redaction

END_SECONDS = 2  # for sending the rest when a process ends
LOW_64_BITS = 2**64 - 1

_tracer: Any = None  # OpenTelemetry's, if tracing is on


def start(*, process: str) -> None:
    """Start reporting from this process, if configured; call it once, after any fork."""
    if settings.SENTRY_DSN:
        _start_sentry(process)
    if settings.OTEL_EXPORTER_OTLP_ENDPOINT:
        _start_tracing(process)


def flush() -> None:
    """Send the rest, in a process that ends without `atexit`."""
    if settings.SENTRY_DSN:
        import sentry_sdk  # noqa: PLC0415 - only if configured

        sentry_sdk.flush(timeout=END_SECONDS)
    if _tracer:
        from opentelemetry import trace  # noqa: PLC0415 - only if configured

        provider: Any = trace.get_tracer_provider()
        provider.force_flush(END_SECONDS * 1000)


def _start_sentry(process: str) -> None:
    import sentry_sdk  # noqa: PLC0415 - only if configured
    from sentry_sdk.integrations.atexit import AtexitIntegration  # noqa: PLC0415
    from sentry_sdk.integrations.dedupe import DedupeIntegration  # noqa: PLC0415
    from sentry_sdk.integrations.excepthook import ExcepthookIntegration  # noqa: PLC0415
    from sentry_sdk.integrations.logging import LoggingIntegration, ignore_logger  # noqa: PLC0415

    sentry_sdk.init(
        dsn=settings.SENTRY_DSN,
        environment=settings.ENVIRONMENT,
        release=__version__,
        # Every ERROR in the log is an event. Other integrations would send bodies, and add headers to vendor calls.
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[LoggingIntegration(), ExcepthookIntegration(), DedupeIntegration(), AtexitIntegration()],
        send_default_pii=False,
        include_local_variables=False,  # a prompt is one
        max_request_body_size="never",
        max_breadcrumbs=0,
        shutdown_timeout=END_SECONDS,
        before_send=_scrubbed,
    )
    ignore_logger("django.security.*")  # client errors; see studio.observability.log.ClientErrors
    sentry_sdk.set_tag("process", process)


def _scrubbed(event: Any, hint: Any) -> Any:
    """The redacted event, with the log context as tags."""
    event.pop("request", None)
    event.pop("user", None)
    event["tags"] = {**event.get("tags", {}), **log.parameters()}
    return redaction.redact_all(event, hiding=log.hidden())


def _start_tracing(process: str) -> None:
    from opentelemetry import trace  # noqa: PLC0415 - only if configured
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    global _tracer  # noqa: PLW0603 - one per process, as in OpenTelemetry itself
    provider = TracerProvider(resource=Resource.create({"service.name": f"ai-studio-{process}"}))
    # The exporter reads the endpoint, headers and time-outs from OTEL_EXPORTER_OTLP_… itself.
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    _tracer = provider.get_tracer("studio")


class Span:
    """An OpenTelemetry span; without tracing, a no-op."""

    def __init__(self, span: Any = None) -> None:
        self._span = span

    def describe(self, name: str, *, status: int) -> None:
        """Set the span's name, the request's method and route, and its status."""
        if self._span is None:
            return
        method, _, route = name.partition(" ")
        self._span.update_name(name)
        self._span.set_attributes(
            {"http.request.method": method, "http.route": route, "http.response.status_code": status}
        )
        if status >= 500:
            _fail(self._span, str(status))


_NOTHING = Span()


@contextmanager
def request_span(request: HttpRequest) -> Iterator[Span]:
    """The span of a request, as part of the caller's trace if it sent one (`traceparent`)."""
    if _tracer is None:
        yield _NOTHING
        return
    from opentelemetry import propagate, trace  # noqa: PLC0415 - only if configured

    caller = propagate.extract({"traceparent": request.headers.get("traceparent", "")})
    with _tracer.start_as_current_span("request", context=caller, kind=trace.SpanKind.SERVER) as span:
        yield Span(span)


@contextmanager
def job_span(step: str, job_id: uuid.UUID) -> Iterator[None]:
    """The span of a job's step. All steps of a job, in any process, form one trace, whose id is the job's."""
    if _tracer is None:
        yield
        return
    from opentelemetry import trace  # noqa: PLC0415 - only if configured

    parent = trace.set_span_in_context(trace.NonRecordingSpan(_job_context(job_id)))
    quiet = {"record_exception": False, "set_status_on_exception": False}  # its text may quote a vendor
    with _tracer.start_as_current_span(f"job {step}", context=parent, **quiet) as span:
        span.set_attributes({"studio.job_id": str(job_id), "studio.request_id": log.request_id()})
        try:
            yield
        except Exception as exc:
            _fail(span, type(exc).__name__)
            raise


def link_job(job_id: uuid.UUID) -> None:
    """Link the current request's span to the trace of the job that it created."""
    if _tracer is not None:
        from opentelemetry import trace  # noqa: PLC0415 - only if configured

        trace.get_current_span().add_link(_job_context(job_id), {"studio.job_id": str(job_id)})


def _job_context(job_id: uuid.UUID) -> Any:
    from opentelemetry import trace  # noqa: PLC0415 - only if configured

    sampled = trace.TraceFlags(trace.TraceFlags.SAMPLED)
    return trace.SpanContext(job_id.int, job_id.int & LOW_64_BITS, is_remote=True, trace_flags=sampled)


def _fail(span: Any, reason: str) -> None:
    from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415 - only if configured

    span.set_status(Status(StatusCode.ERROR, reason))

"""Answers about the process itself, for load balancers and people on call."""

from django.http import HttpRequest, JsonResponse


def healthz(request: HttpRequest) -> JsonResponse:
    """Alive: this process answers. Says nothing about what it depends on."""
    return JsonResponse({"status": "ok"})

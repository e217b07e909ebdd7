"""Paging: `?skip=0&limit=20`, and an envelope with the total."""

from typing import Any

from rest_framework import exceptions, pagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from studio.api.input_serializers import PageQuery


def envelope(items: Any, *, total: int | None, skip: int | None, limit: int | None) -> dict[str, Any]:
    """The response body of every list."""
    return {"items": items, "total": total, "skip": skip, "limit": limit}


class SkipLimitPagination(pagination.LimitOffsetPagination):
    """`?skip=0&limit=20`, returned as `{items, total, skip, limit}`; a malformed number is a 400."""

    offset_query_param = "skip"
    limit_query_param = "limit"
    default_limit = 20
    max_limit = 100
    max_skip = 1_000_000
    _SKIP = {"type": "integer", "minimum": 0, "maximum": max_skip}
    _LIMIT = {"type": "integer", "minimum": 1, "maximum": max_limit}

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> Any:
        PageQuery(data=request.query_params).is_valid(raise_exception=True)
        return super().paginate_queryset(queryset, request, view)

    def get_limit(self, request: Request) -> int:
        return min(self._number(request, self.limit_query_param, default=self.default_limit, least=1), self.max_limit)

    def get_offset(self, request: Request) -> int:
        skip = self._number(request, self.offset_query_param, default=0, least=0)
        if skip > self.max_skip:
            raise exceptions.ValidationError({self.offset_query_param: [f"Must be at most {self.max_skip}."]})
        return skip

    @classmethod
    def window(cls, request: Request) -> tuple[int, int]:
        """The `skip` and `limit` of a request, for views with paging of their own. Raises ValidationError."""
        pages = cls()
        return pages.get_offset(request), pages.get_limit(request)

    @staticmethod
    def _number(request: Request, name: str, *, default: int, least: int) -> int:
        values = request.query_params.getlist(name)
        if not values:
            return default
        if len(set(values)) > 1:
            raise exceptions.ValidationError({name: ["Given with different values. Give it once."]})
        value = values[0]
        # int() takes quadratic time for long numbers
        if not (value.isascii() and value.isdecimal() and len(value) <= 18) or int(value) < least:
            raise exceptions.ValidationError({name: [f"Must be a whole number of at least {least}."]})
        return int(value)

    def get_paginated_response(self, data: Any) -> Response:
        return Response(envelope(data, total=self.count, skip=self.offset, limit=self.limit))

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["items", "total", "skip", "limit"],
            "properties": {
                "items": schema | {"description": "The page, newest first."},
                "total": {"type": "integer", "minimum": 0, "description": "The number of items on all pages."},
                "skip": {**self._SKIP, "description": "The number of items before this page."},
                "limit": {**self._LIMIT, "description": "The most items of a page."},
            },
        }

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        skip = self._SKIP | {"default": 0}
        limit = self._LIMIT | {"default": self.default_limit}
        at_most = "The most items to return. More than 100 counts as 100."
        return [
            {"name": "skip", "in": "query", "description": "The number of newest items to leave out.", "schema": skip},
            {"name": "limit", "in": "query", "description": at_most, "schema": limit},
        ]

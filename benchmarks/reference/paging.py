"""The plain way's pages."""

from typing import Any

from rest_framework import pagination
from rest_framework.response import Response


class SkipLimit(pagination.LimitOffsetPagination):
    """DRF's own, with the contract's words."""

    offset_query_param, default_limit, max_limit = "skip", 20, 100

    def get_paginated_response(self, data: Any) -> Response:
        """The page in its envelope."""
        return Response({"items": data, "total": self.count, "skip": self.offset, "limit": self.limit})

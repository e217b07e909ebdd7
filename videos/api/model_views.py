"""The endpoint of the models on offer."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework.generics import ListAPIView

from studio.api.views import ApiView
from videos import catalogue
from videos.api.serializers import VideoModelOutput


@extend_schema_view(
    get=extend_schema(
        tags=["Video jobs"],
        operation_id="listVideoModels",
        summary="List video models",
        description="The models that this server offers, and what each accepts.",
        responses={200: OpenApiResponse(VideoModelOutput(many=True), description="A page of models.")},
    )
)
class VideoModelList(ApiView, ListAPIView[Any]):
    """The models that this server offers, and what each accepts."""

    scope = "videos"
    serializer_class = VideoModelOutput

    def get_queryset(self) -> Any:
        """A list in memory, not a query set: the catalogue is short."""
        return catalogue.offers()

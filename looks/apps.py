"""The app's registration."""

from django.apps import AppConfig


class LooksConfig(AppConfig):
    """Looks: pictures of outfits, and their products."""

    name = "looks"

    def ready(self) -> None:
        """Keep what staff change of looks; products and links are the owner's business."""
        from looks.models import Look  # noqa: PLC0415 - models can be imported only now
        from studio.backoffice import audit  # noqa: PLC0415 - the same

        audit.watch(Look, fields=("title", "notes", "visibility", "owner"))

"""The app's registration."""

from django.apps import AppConfig


class LooksConfig(AppConfig):
    """Looks (pictures of outfits) and their products."""

    name = "looks"

    def ready(self) -> None:
        """Record changes of looks by staff; products and links belong to the owner."""
        from looks.models import Look  # noqa: PLC0415 - models can be imported only now
        from studio.backoffice import audit  # noqa: PLC0415 - as above

        audit.watch(Look, fields=("title", "notes", "visibility", "owner"))

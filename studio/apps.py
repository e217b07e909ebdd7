"""The app's registration, and the admin's."""

from typing import Any

from django.apps import AppConfig
from django.contrib.admin.apps import SimpleAdminConfig
from django.contrib.admin.checks import check_admin_app, check_dependencies
from django.core import checks

from studio import navigation


class StudioConfig(AppConfig):
    """What every app shares."""

    name = "studio"

    def ready(self) -> None:
        """Bound the memory, and register the system checks and the health checks."""
        from studio import checks, examinations, memory  # noqa: F401, PLC0415 - the first one registers by itself

        memory.give_back()
        examinations.register_all()


class BackOfficeConfig(SimpleAdminConfig):
    """The admin, whose pages are found where the site's URLs are: a worker has none, and starts a third faster."""

    def ready(self) -> None:
        """Name the pages, and register the admin's own checks, which need the pages."""
        navigation.name_pages()
        checks.register(check_dependencies, checks.Tags.admin)
        checks.register(_check_pages, checks.Tags.admin)


def _check_pages(app_configs: Any, **options: Any) -> list[checks.CheckMessage]:
    from studio import urls  # noqa: F401, PLC0415 - finds them

    return check_admin_app(app_configs, **options)

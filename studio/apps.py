"""The app's registration, and the admin's."""

from typing import Any

from django.apps import AppConfig
from django.contrib.admin.apps import SimpleAdminConfig
from django.contrib.admin.checks import check_admin_app, check_dependencies
from django.core import checks

from studio.backoffice import navigation


class StudioConfig(AppConfig):
    """What every app shares."""

    name = "studio"

    def ready(self) -> None:
        """Configure the allocator, and register the system checks."""
        from studio import checks, malloc  # noqa: F401, PLC0415 - the first one registers by itself

        malloc.configure()


class BackOfficeConfig(SimpleAdminConfig):
    """The admin, whose pages are found where the site's URLs are: a worker has none, and starts a third faster."""

    def ready(self) -> None:
        """Name the pages, and register the admin's own checks, which need the pages."""
        navigation.name_pages()
        checks.register(check_dependencies, checks.Tags.admin)
        checks.register(_check_pages, checks.Tags.admin)


def _check_pages(app_configs: Any, **options: Any) -> list[checks.CheckMessage]:
    from studio import urls  # noqa: F401, PLC0415 - finds them

    return [*check_admin_app(app_configs, **options), *_check_that_pages_are_ours()]


def _check_that_pages_are_ours() -> list[checks.CheckMessage]:
    """Pages that a library has registered would let secrets be guessed (`BackOfficeAdmin.lookup_allowed`)."""
    from django.contrib import admin  # noqa: PLC0415 - models can be imported only now

    from studio.backoffice.base import BackOfficeAdmin  # noqa: PLC0415 - the same

    return [
        checks.Error(
            f"The pages of {model._meta.label} do not come from studio.backoffice.base.BackOfficeAdmin: their list can "
            "be asked for any column.",
            hint="Unregister them, or register pages of ours.",
            id="studio.E020",
        )
        for model, pages in admin.site._registry.items()
        if model._meta.managed and not isinstance(pages, BackOfficeAdmin)  # one that is not managed has no columns
    ]

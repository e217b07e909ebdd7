"""The app configurations of studio and of the admin."""

from typing import Any

from django.apps import AppConfig, apps
from django.contrib.admin.apps import SimpleAdminConfig
from django.contrib.admin.checks import check_admin_app, check_dependencies
from django.core import checks

from studio.backoffice import navigation


class StudioConfig(AppConfig):
    """The shared code of all apps."""

    name = "studio"

    def ready(self) -> None:
        from studio import checks, malloc  # noqa: F401, PLC0415 - the import registers the checks

        malloc.configure()


class BackOfficeConfig(SimpleAdminConfig):
    """The admin without autodiscovery: studio.urls does that, so that workers, without URLs, start a third faster."""

    def ready(self) -> None:
        navigation.name_pages()
        checks.register(check_dependencies, checks.Tags.admin)
        checks.register(_check_pages, checks.Tags.admin)


def _check_pages(app_configs: Any, **options: Any) -> list[checks.CheckMessage]:
    from studio import urls  # noqa: F401, PLC0415 - discovers the pages

    return [*check_admin_app(app_configs, **options), *_check_base_of_pages()]


def _check_base_of_pages() -> list[checks.CheckMessage]:
    """Filters of other pages would let users guess secrets (`BackOfficeAdmin.lookup_allowed`)."""
    from django.contrib import admin  # noqa: PLC0415 - models can be imported only now

    from studio.backoffice.base import BackOfficeAdmin  # noqa: PLC0415 - as above

    return [
        checks.Error(
            f"The admin of {model._meta.label} is not a studio.backoffice.base.BackOfficeAdmin: its list can be "
            "filtered by any column.",
            hint="Unregister it, or register a BackOfficeAdmin.",
            id="studio.E020",
        )
        for model in apps.get_models(include_auto_created=True)
        if admin.site.is_registered(model)
        and model._meta.managed  # other models have no columns
        and not isinstance(admin.site.get_model_admin(model), BackOfficeAdmin)
    ]

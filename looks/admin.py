"""The back office of looks: find them, correct their words, take them down. Pictures come through the API."""

from typing import Any

from django.contrib import admin
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from looks import curation
from looks.models import Look, LookShare, LookVideo, Product
from studio.admin import BackOfficeAdmin, ReadOnlyRows


def _picture(file: models.fields.files.FieldFile, side: int) -> str:
    return format_html('<img src="{}" alt="" style="max-height: {}px">', file.url, side) if file else "-"


class ProductRows(ReadOnlyRows):
    """The products of a look."""

    model = Product
    fields = ("picture", "name", "sku", "designer", "price", "currency", "product_url")
    readonly_fields = ("picture",)
    ordering = ("position",)

    def picture(self, product: Product) -> str:
        """Its thumbnail."""
        return _picture(product.thumbnail, 48)


class VideoRows(ReadOnlyRows):
    """The videos made for a look."""

    model = LookVideo
    fields = ("video", "status", "is_default")
    readonly_fields = ("status",)
    ordering = ("-video__created_at", "-video_id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[LookVideo]:
        """With the videos themselves."""
        return super().get_queryset(request).select_related("video")

    def status(self, row: LookVideo) -> str:
        """As the API shows it."""
        return str(row.video.status)


class ReaderRows(ReadOnlyRows):
    """The people whom a look is shared with."""

    model = LookShare
    fields = ("user", "created_at")
    readonly_fields = ("created_at",)
    verbose_name_plural = "shared with"

    def get_queryset(self, request: HttpRequest) -> QuerySet[LookShare]:
        """With the people themselves."""
        return super().get_queryset(request).select_related("user")


@admin.register(Look)
class LookAdmin(BackOfficeAdmin):
    """Looks of everybody."""

    list_display = ("small_picture", "title", "owner", "visibility", "created_at")
    list_display_links = ("small_picture", "title")
    list_filter = ("visibility", "created_at")
    list_select_related = ("owner",)
    search_fields = ("search_text", "owner__email", "id")
    fields = ("picture", "title", "notes", "visibility", "owner", "id", "created_at", "updated_at")
    readonly_fields = ("picture", "owner", "id", "created_at", "updated_at")
    inlines = (ProductRows, VideoRows, ReaderRows)

    @admin.display(description="")
    def small_picture(self, look: Look) -> str:
        """For the list."""
        return _picture(look.thumbnail, 64)

    def picture(self, look: Look) -> str:
        """For the page of one."""
        return _picture(look.thumbnail, 320)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Looks are made by their owners."""
        return False

    def save_model(self, request: HttpRequest, obj: Look, form: Any, change: bool) -> None:
        """By the same use case as everybody."""
        curation.update_look(look_id=obj.pk, title=obj.title, notes=obj.notes, visibility=obj.visibility)

    def delete_model(self, request: HttpRequest, obj: Look) -> None:
        """With its pictures."""
        curation.delete_look(look_id=obj.pk)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Look]) -> None:
        """Each with its pictures."""
        for look_id in queryset.values_list("pk", flat=True):
            curation.delete_look(look_id=look_id)

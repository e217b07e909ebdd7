"""The back office of looks: find and delete them, edit their texts, and choose their default video.

Pictures are uploaded through the API only.
"""

import uuid
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils.html import format_html

from accounts.sign_in.identity import caller
from looks import defaults, links, use_cases
from looks.models import Look, LookEmailShare, LookLink, LookShare, LookVideo, Product
from studio.backoffice import audit
from studio.backoffice.base import BackOfficeAdmin, DaysFilter, ReadOnlyRows, by_id, first_found, moment
from studio.emails import normal_email
from studio.errors import StudioError


def _picture(file: models.fields.files.FieldFile, side: int) -> str:
    return format_html('<img src="{}" alt="" style="max-height: {}px">', file.url, side) if file else "-"


def _button(url: str, text: str) -> str:
    """A button in a row that posts the page's own form to another URL: it works by keyboard and without scripts."""
    return format_html(
        '<button type="submit" formaction="{}" formnovalidate class="underline text-primary-600 '
        'dark:text-primary-500 cursor-pointer">{}</button>',
        url,
        text,
    )


class ProductRows(ReadOnlyRows):
    """A look's products."""

    model = Product
    fields = ("picture", "name", "sku", "designer", "price", "currency", "product_url")
    readonly_fields = ("picture",)
    ordering = ("position",)

    def picture(self, product: Product) -> str:
        return _picture(product.thumbnail, 48)


class VideoRows(ReadOnlyRows):
    """The videos of a look, each with a button that sets it as the default."""

    model = LookVideo
    fields = ("poster", "job", "status", "created", "default")
    readonly_fields = fields
    verbose_name_plural = "videos"
    ordering = ("-video__created_at", "-video_id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[LookVideo]:
        return super().get_queryset(request).select_related("video")

    @admin.display(description="")
    def poster(self, row: LookVideo) -> str:
        return _picture(row.video.poster, 64)

    def job(self, row: LookVideo) -> str:
        url = reverse("admin:videos_videojob_change", args=(row.video_id,))
        return format_html('<a href="{}">{}</a>', url, row.video)

    def status(self, row: LookVideo) -> str:
        return str(row.video.status)

    def created(self, row: LookVideo) -> str:
        return moment(row.video.created_at)

    def default(self, row: LookVideo) -> str:
        """A button that sets or unsets the video as the default."""
        act, text = ("unset", "Unset default") if row.is_default else ("set", "Set as default")
        return _button(reverse("admin:looks_look_default", args=(row.look_id, row.video_id, act)), text)


class ReaderRows(ReadOnlyRows):
    """The users whom a look is shared with."""

    model = LookShare
    fields = ("user", "created_at")
    readonly_fields = ("created_at",)
    verbose_name_plural = "shared with"

    def get_queryset(self, request: HttpRequest) -> QuerySet[LookShare]:
        return super().get_queryset(request).select_related("user")


class EmailRows(ReadOnlyRows):
    """The e-mail addresses that a look is shared with. They count for the accounts that have verified them."""

    model = LookEmailShare
    fields = ("email", "created_at")
    readonly_fields = ("created_at",)
    verbose_name_plural = "shared with e-mail addresses"


class LinkRows(ReadOnlyRows):
    """The links of a look, without their addresses: an address can be passed on, and staff see the look here."""

    model = LookLink
    fields = ("link", "state", "created_by", "created_at", "expires_at", "last_viewed_at", "revoke")
    readonly_fields = fields
    verbose_name_plural = "links for everyone"

    def get_queryset(self, request: HttpRequest) -> QuerySet[LookLink]:
        return super().get_queryset(request).select_related("created_by").defer("token")

    def link(self, link: LookLink) -> str:
        return link.short_id

    def state(self, link: LookLink) -> str:
        return links.state_of(link)

    @admin.display(description="")
    def revoke(self, link: LookLink) -> str:
        if links.state_of(link) != "active":
            return ""
        return _button(reverse("admin:looks_look_revoke_link", args=(link.look_id, link.pk)), "Revoke")


@admin.register(Look)
class LookAdmin(BackOfficeAdmin):
    """The looks of all users."""

    list_display = ("small_picture", "title", "owner_link", "visibility", "videos", "created_at")
    list_display_links = ("small_picture", "title")
    list_filter = ("visibility", ("created_at", DaysFilter))
    list_filter_submit = True
    list_select_related = ("owner",)
    search_fields = ("search_text",)
    search_help_text = (
        "Part of the title, the notes or a product; an owner's whole e-mail address; or the beginning of an id."
    )
    fields = ("picture", "title", "notes", "visibility", "owner_link", "id", "created_at", "updated_at")
    readonly_fields = ("picture", "owner_link", "id", "created_at", "updated_at")
    inlines = (VideoRows, ProductRows, ReaderRows, EmailRows, LinkRows)

    @admin.display(description="")
    def small_picture(self, look: Look) -> str:
        return _picture(look.thumbnail, 64)

    def picture(self, look: Look) -> str:
        return _picture(look.thumbnail, 320)

    @admin.display(description="owner", ordering="owner__email")
    def owner_link(self, look: Look) -> str:
        return format_html(
            '<a href="{}">{}</a>', reverse("admin:accounts_user_change", args=(look.owner_id,)), look.owner.email
        )

    @admin.display(description="videos")
    def videos(self, look: Any) -> int:
        return int(look.video_count)

    def complete(self, request: HttpRequest, rows: list[Any]) -> None:
        """Count the videos of the looks on this page."""
        links = LookVideo.objects.filter(look__in=rows).order_by().values_list("look").annotate(Count("pk"))
        counts = dict(links)
        for look in rows:
            look.video_count = counts.get(look.pk, 0)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Look]:
        return super().get_queryset(request).defer("search_text")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Look], search_term: str
    ) -> tuple[QuerySet[Look], bool]:
        """Search by id, by owner, or by text as the API does."""
        text = search_term.strip()
        if not text:
            return queryset, False
        if "@" in text:
            return queryset.filter(owner__email=normal_email(text)), False
        by_text = queryset.search(text)  # type: ignore[attr-defined]  # it is a LookQuerySet
        return first_found(text, by_id(queryset, text, ("pk", "owner_id")), by_text), False

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        default = "<uuid:look_id>/default/<uuid:video_id>/<str:act>/"
        link = "<uuid:look_id>/links/<uuid:link_id>/revoke/"
        return [
            path(default, wrap(self.change_default), name="looks_look_default"),
            path(link, wrap(self.revoke_link), name="looks_look_revoke_link"),
            *super().get_urls(),
        ]

    def change_default(self, request: HttpRequest, look_id: uuid.UUID, video_id: uuid.UUID, act: str) -> HttpResponse:
        """Set or unset a video as its look's default."""
        if request.method != "POST" or not self.has_change_permission(request):
            raise PermissionDenied
        look = get_object_or_404(Look, pk=look_id)
        titles = {
            row.video_id: f"{row.video} ({row.video.short_id})" for row in look.look_videos.select_related("video")
        }
        former = look.look_videos.filter(is_default=True).values_list("video", flat=True).first()
        change = defaults.set_default if act == "set" else defaults.unset_default
        try:
            change(look_id=look_id, video_id=video_id, user=caller(request))
        except StudioError as exc:
            self.message_user(request, f"Nothing was changed. {exc.message}.", messages.ERROR)
        else:
            before = titles[former] if former else "none"
            after = titles[video_id] if act == "set" else "none"
            self.log_change(request, look, f"The default video is now: {after}.")
            audit.record(look, default_video=(before, after))
            self.message_user(request, "Changed. Clients get it with their next request.", messages.SUCCESS)
        return redirect("admin:looks_look_change", look_id)

    def revoke_link(self, request: HttpRequest, look_id: uuid.UUID, link_id: uuid.UUID) -> HttpResponse:
        """Revoke a link of the look."""
        if request.method != "POST" or not self.has_change_permission(request):
            raise PermissionDenied
        link = get_object_or_404(links.of_look(look_id).select_related("look__owner"), pk=link_id)
        links.revoke(link=link, actor=caller(request))
        self.message_user(request, f"Revoked: {link}. Its page is not found any more.", messages.SUCCESS)
        return redirect("admin:looks_look_change", look_id)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Owners create looks, through the API."""
        return False

    def save_model(self, request: HttpRequest, obj: Look, form: Any, change: bool) -> None:
        use_cases.update_look(look_id=obj.pk, title=obj.title, notes=obj.notes, visibility=obj.visibility)

    def delete_model(self, request: HttpRequest, obj: Look) -> None:
        use_cases.delete_look(look_id=obj.pk)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Look]) -> None:
        for look_id in queryset.values_list("pk", flat=True):
            use_cases.delete_look(look_id=look_id)

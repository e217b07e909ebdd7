"""The pages of the second factor: one asks for the code after the password, one sets it up."""

from typing import Any

import segno
from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.models import User
from accounts.sign_in import second_factor
from studio.errors import StudioError

QR_SCALE = 5  # pixels a module; some 250 for the whole, which a phone reads from the screen


class CodeForm(forms.Form):
    """A code of the app, or a recovery code."""

    code = forms.CharField(
        max_length=20,
        label="Code",
        widget=UnfoldAdminTextInputWidget(
            attrs={"autocomplete": "one-time-code", "autofocus": "", "inputmode": "text", "spellcheck": "false"}
        ),
    )


def _staff(request: HttpRequest) -> User | None:
    """The signed-in member of staff, if any."""
    user: Any = request.user
    return user if user.is_authenticated and user.is_staff else None


def _to_sign_in() -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("admin:login"))


def requested_page(request: HttpRequest) -> str:
    """The page in the form or the query, if it is one of this server's; else the admin's first."""
    return page_here(request, request.POST.get("next") or request.GET.get("next") or "")


def page_here(request: HttpRequest, wanted: str) -> str:
    """The page, if it is one of this server's; else the admin's first."""
    is_local = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if wanted and is_local else reverse("admin:index")


@never_cache
@require_http_methods(["GET", "POST"])
def ask_for_code(request: HttpRequest) -> HttpResponse:
    """Ask for the code after the password; then redirect to the requested page."""
    user = _staff(request)
    if user is None:
        return _to_sign_in()
    form = CodeForm(request.POST or None)
    if form.is_valid():
        try:
            second_factor.verify(user=user, code=form.cleaned_data["code"], session=request.session)
        except StudioError as exc:
            form.add_error(None, exc.message)
        else:
            return HttpResponseRedirect(requested_page(request))
    context = {"title": "Your code", "form": form, "next": requested_page(request)}
    return TemplateResponse(request, "admin/second_factor/code.html", admin.site.each_context(request) | context)


@never_cache
@require_http_methods(["GET", "POST"])
def manage(request: HttpRequest) -> HttpResponse:
    """Set up the second factor; afterwards renew the recovery codes, or turn it off."""
    user = _staff(request)
    if user is None:
        return _to_sign_in()
    is_set_up = second_factor.is_set_up(user=user)
    if is_set_up and not second_factor.is_verified(user=user, session=request.session):
        return HttpResponseRedirect(reverse("second-factor-code"))
    form = CodeForm(request.POST or None)
    codes: list[str] = []
    if form.is_valid():
        try:
            codes = _changed(request, user, form.cleaned_data["code"], is_set_up=is_set_up)
        except StudioError as exc:
            form.add_error(None, exc.message)
        else:
            if not codes:
                return HttpResponseRedirect(reverse("second-factor"))
            form = CodeForm()
    return TemplateResponse(request, "admin/second_factor/manage.html", _context(request, user, form, codes))


def _changed(request: HttpRequest, user: User, code: str, *, is_set_up: bool) -> list[str]:
    """Perform the button's action; returns new recovery codes, to be shown once."""
    if not is_set_up:
        return second_factor.confirm(user=user, code=code, session=request.session)
    if request.POST.get("action") == "turn-off":
        second_factor.turn_off(user=user, code=code)
        messages.success(request, "Two-step sign-in is off.")
        return []
    return second_factor.renew_codes(user=user, code=code)


def _context(request: HttpRequest, user: User, form: CodeForm, codes: list[str]) -> dict[str, Any]:
    context = admin.site.each_context(request) | {
        "title": "Two-step sign-in",
        "form": form,
        "codes": codes,
        "codes_left": second_factor.codes_left(user=user),
        "is_set_up": second_factor.is_set_up(user=user),
        "is_required": second_factor.is_required(),
    }
    if not context["is_set_up"]:
        device = second_factor.begin(user=user)
        context["secret"] = second_factor.secret_of(device)
        context["qr_code"] = segno.make(device.config_url).svg_data_uri(scale=QR_SCALE, light="white")
    return context

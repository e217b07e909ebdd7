"""The templates of our pages: modules find those that they copy, and the tags of forms render what modules need."""

import re

import pytest
from django.template import Context, Template
from django.test import Client

from accounts.models import LedgerEntry
from looks.models import Visibility
from studio.api import error_codes
from studio.env import PROJECT
from videos.phases import Status

MODULES = "".join(path.read_text() for path in (PROJECT / "studio" / "static" / "site").rglob("*.js"))
BY_VALUE = ("ask", "ledger", "status", "visibility", "no")  # `status-${status}`
# An error of `fetch`, of `import`, and the keys of ValidityState.
OF_THE_BROWSER = {"offline", "TypeError", "valueMissing", "typeMismatch", "badInput", "stepMismatch"}
OF_THE_BROWSER |= {"rangeUnderflow", "rangeOverflow", "tooShort", "tooLong"}
pytestmark = pytest.mark.django_db


@pytest.fixture
def templates() -> set[str]:
    html = Client(headers={"Accept-Language": "en"}).get("/looks").content.decode()
    ids = re.findall(r'<template id="([\w-]+)"', html)
    assert len(ids) == len(set(ids))
    return set(ids)


def test_modules_copy_templates_that_exist_and_no_template_is_left_over(templates: set[str]) -> None:
    calls = re.findall(r"""\btemplate\(([^,{`\n]*)""", MODULES) + re.findall(r'getElementById\(("[\w-]+")', MODULES)
    copied = {name for call in calls for name in re.findall(r'"([\w-]+)"', call)}
    asked = {f"ask-{name}" for name in re.findall(r'asking\("([\w-]+)"', MODULES)}

    assert (copied | asked) - templates == {"language", "main", "notices"}  # elements of the document
    assert {name for name in templates - copied - asked if name.partition("-")[0] not in BY_VALUE} == set()
    assert {name for name in templates if name.startswith("ask-")} == asked


def test_every_value_of_the_api_that_a_page_shows_has_a_text(templates: set[str]) -> None:
    needed = {
        *(f"status-{status}" for status in Status.values),
        *(f"ledger-{kind}" for kind in LedgerEntry.Kind.values),
        *(f"visibility-{visibility}" for visibility in Visibility.values),
    }

    assert needed - templates == set()


def test_every_text_of_a_refusal_is_of_a_code_that_exists() -> None:
    html = Client(headers={"Accept-Language": "en"}).get("/looks").content.decode()
    codes = [code for codes in re.findall(r'data-code="([^"]+)"', html) for code in codes.split()]

    assert sorted(codes) == sorted(set(codes))
    assert set(codes) - error_codes.MEANINGS.keys() - OF_THE_BROWSER == {
        *("picture_too_large", "no_picture", "last_without_first", "last_and_references"),  # the modules name them
    }


def test_field_has_a_label_a_hint_and_a_place_for_its_error() -> None:
    source = """{% load fields %}{% field "email" "Address" "Yours." type="email" required=True maxlength=9 %}"""

    html = " ".join(Template(source).render(Context()).split())

    assert html == (
        '<div class="field" data-field="email"> <label for="field-email">Address</label> '
        '<input id="field-email" name="email" aria-describedby="hint-email error-email" maxlength="9" type="email" '
        'required> <p class="hint" id="hint-email">Yours.</p> <p class="error" id="error-email"></p> </div>'
    )


def test_field_with_rows_is_an_area_and_its_attributes_are_escaped() -> None:
    source = """{% load fields %}{% field "notes" "Notes" rows=3 placeholder=text %}"""

    html = Template(source).render(Context({"text": '"><script>'}))

    assert '<textarea id="field-notes"' in html
    assert 'placeholder="&quot;&gt;&lt;script&gt;" rows="3"' in html

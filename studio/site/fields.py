"""Tags of forms, for the templates of our pages: `{% load fields %}`."""

from django import template
from django.forms.utils import flatatt

register = template.Library()


@register.inclusion_tag("site/field.html")
def field(name: str, label: str, hint: str = "", *, rows: int = 0, **attributes: str | int | bool) -> dict[str, object]:
    """A labelled control with its hint and a place for its error: an area of text if it has rows, else an input.

    `attributes` are those of the control.
    """
    kind = {"rows": rows} if rows else {"type": "text"}
    return {"name": name, "label": label, "hint": hint, "rows": rows, "attributes": flatatt({**kind, **attributes})}


@register.inclusion_tag("site/choice.html")
def choice(name: str, label: str, chosen: str = "", **options: str) -> dict[str, object]:
    """Radio buttons in a row. `options` are the text of each value; modules may bring others."""
    return {"name": name, "label": label, "chosen": chosen, "options": list(options.items())}


@register.inclusion_tag("site/pictures.html")
def pictures(name: str, label: str, hint: str, most: int = 1) -> dict[str, object]:
    """A field for up to `most` pictures; `parts/picture.js` brings it to life."""
    return {"name": name, "label": label, "hint": hint, "most": most}

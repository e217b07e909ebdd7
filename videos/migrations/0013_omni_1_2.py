"""The catalogue as of 2026-11-27: Omni 1.2 beside every model, 1.1 with its last day, prices by resolution.

What staff have edited stays: a model that they left without upstreams, for mock videos only, gets none, rows are added at the end of a model's list, and only fields that still have what
0003_catalogue_data gave them are changed. Sources are in docs/providers.md.
"""

from datetime import date
from decimal import Decimal

from django.db import migrations
from django.db.models import Max

OMNI_1_1, OMNI_1_2 = "gemini-omni-1.1-flash", "gemini-omni-1.2-flash"
LAST_DAY = date(2026, 12, 3)
VERTEX_NOTE = "Google may retire it any day after 2026-11-17 (read 2026-11-27); manage.py doctor --probe asks."
VERTEX_UNCERTAIN = ("veo-3.1-generate-001", "veo-3.1-fast-generate-001")
OMNI = {
    "durations": {"720p": list(range(3, 16)), "1080p": list(range(3, 16))},
    "last_frame_durations": list(range(3, 11)),
    "aspect_ratios": ["16:9", "9:16"],
    "makes_audio": True,
    "takes_last_frame": True,
    "max_references": 3,
    "mixes_references_and_frames": True,
    "prices": {"720p": "0.07", "1080p": "0.105"},
}
# The price that 0003 gave, by upstream model, and what it is by resolution. Veo's are with sound.
PRICES = {
    "veo-3.1-generate": ("0.40", {"720p": "0.40", "1080p": "0.40"}),
    "veo-3.1-fast-generate": ("0.12", {"720p": "0.10", "1080p": "0.12"}),
    "veo-3.1-lite-generate": ("0.08", {"720p": "0.05", "1080p": "0.08"}),
    OMNI_1_1: ("0.10", {"720p": "0.10", "1080p": "0.15"}),
}


def _prices(upstream):
    """By resolution where the price is the one that we shipped; else staff's own, for every resolution."""
    name = upstream.upstream_model.removesuffix("-preview").removesuffix("-001")
    shipped, prices = PRICES.get(name, (None, None))
    if shipped and upstream.price_per_second == Decimal(shipped):
        return prices
    price = str(upstream.price_per_second.normalize()) if upstream.price_per_second else ""
    return {resolution: f"{Decimal(price):f}" for resolution in upstream.durations} if price else {}


def fill(apps, schema_editor):
    video_model, upstream_model = apps.get_model("videos", "VideoModel"), apps.get_model("videos", "Upstream")
    for upstream in upstream_model.objects.all():
        upstream.prices = _prices(upstream)
        upstream.save(update_fields=["prices"])
    omni_1_1 = upstream_model.objects.filter(provider="google_omni", upstream_model=OMNI_1_1)
    omni_1_1.filter(retires_on=None).update(retires_on=LAST_DAY)
    omni_1_1.update(successor=OMNI_1_2, mixes_references_and_frames=True)
    upstream_model.objects.filter(provider="google_vertex", upstream_model__in=VERTEX_UNCERTAIN).update(
        note=VERTEX_NOTE, successor=OMNI_1_2
    )
    last = video_model.objects.aggregate(last=Max("position"))["last"] or 0
    video_model.objects.get_or_create(
        name=OMNI_1_2, defaults={"title": "Gemini Omni 1.2 Flash", "position": min(last + 1, 32767)}
    )
    for model in video_model.objects.exclude(upstreams=None) | video_model.objects.filter(name=OMNI_1_2):
        last = model.upstreams.aggregate(last=Max("position"))["last"]
        position = 0 if last is None else min(last + 1, 32766)
        for provider in ("google_omni", "google_omni_vertex"):
            _, is_new = model.upstreams.get_or_create(
                provider=provider, upstream_model=OMNI_1_2, defaults={"position": position, **OMNI}
            )
            position += is_new


def empty(apps, schema_editor):
    """Take back what was added, unless staff have made it theirs; prices stay, nothing reads them before."""
    upstream_model = apps.get_model("videos", "Upstream")
    upstream_model.objects.filter(provider="google_omni_vertex").delete()
    upstream_model.objects.filter(upstream_model=OMNI_1_2, prices=OMNI["prices"]).delete()
    upstream_model.objects.filter(upstream_model=OMNI_1_1, retires_on=LAST_DAY).update(retires_on=None)
    apps.get_model("videos", "VideoModel").objects.filter(name=OMNI_1_2, upstreams=None).delete()


class Migration(migrations.Migration):
    dependencies = [("videos", "0012_delivery")]

    operations = [
        migrations.RunPython(fill, empty),
        # The column stays while processes of the version before may read it (see 0011).
        migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField("upstream", "price_per_second")]),
    ]

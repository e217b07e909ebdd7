"""The catalogue as of 2026-11: what Google offers, refuses and charges; staff edit it from here on."""

from datetime import date

from django.db import migrations

BOTH = ["16:9", "9:16"]
VEO = {"720p": [4, 6, 8], "1080p": [8]}  # Veo refuses 1080p unless 8 s
OMNI = {"720p": list(range(3, 11)), "1080p": list(range(3, 11))}  # docs/providers.md
RETIRED = date(2026, 10, 22)  # Google's last day for veo-3.1-*-preview with API keys

FULL = {"takes_last_frame": True, "max_references": 3, "reference_durations": [8]}
MODELS = [
    # public name, title, preview with a key, on Vertex, dollars a second with sound, what it can do
    ("veo-3.1-generate-preview", "Veo 3.1", "veo-3.1-generate-001", "0.40", FULL),
    ("veo-3.1-fast-generate-preview", "Veo 3.1 Fast", "veo-3.1-fast-generate-001", "0.12", FULL),
    ("veo-3.1-lite-generate-preview", "Veo 3.1 Lite", "veo-3.1-lite-generate-001", "0.08", {}),
]


def fill(apps, schema_editor):
    video_model = apps.get_model("videos", "VideoModel")
    for position, (name, title, vertex_name, price, abilities) in enumerate(MODELS):
        model = video_model.objects.create(name=name, title=title, position=position)
        veo = {"durations": VEO, "aspect_ratios": BOTH, "price_per_second": price, **abilities}
        model.upstreams.create(position=0, provider="google_veo", upstream_model=name, retires_on=RETIRED, **veo)
        model.upstreams.create(position=1, provider="google_vertex", upstream_model=vertex_name, **veo)
        _omni(model, position=2)
    _omni(video_model.objects.create(name="gemini-omni-1.1-flash", title="Gemini Omni Flash", position=9), position=0)


def _omni(model, position):
    model.upstreams.create(
        position=position,
        provider="google_omni",
        upstream_model="gemini-omni-1.1-flash",
        durations=OMNI,
        aspect_ratios=BOTH,
        takes_last_frame=True,
        max_references=3,
        price_per_second="0.10",
    )


def empty(apps, schema_editor):
    apps.get_model("videos", "VideoModel").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("videos", "0002_catalogue")]

    operations = [migrations.RunPython(fill, empty)]

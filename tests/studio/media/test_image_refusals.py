"""Files that are not images, and decompression bombs, are refused with a sentence at little cost."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings as django_settings

from studio.media.image_formats import is_bare, is_overlong
from studio.media.images import BadImage
from tests.studio.media.hostile_images import REFUSED, saved
from tests.studio.media.pictures import read, two_tone

EVERYTHING = "PNG, JPEG, WebP, HEIC, GIF, BMP, TIFF or AVIF"


@pytest.mark.parametrize("name", REFUSED)
def test_hostile_file_is_refused_with_a_sentence(name: str) -> None:
    data = REFUSED[name]()

    with pytest.raises(BadImage) as refusal:
        read(data, any_format=True)

    assert (
        str(refusal.value)
        == {
            "nothing": "The file is empty.",
            "png bomb": "The image has more than 50 megapixels.",
            "tiff with a huge tile": "The image has more than 50 megapixels.",
            "gif with a huge screen": "The image has more than 50 megapixels.",
            "png of empty chunks": "The image takes too long to decode.",
            "jpeg of scans": "The image takes too long to decode.",
            "more bytes than are taken": "The image is larger than 10 MiB.",
            "html": f"This is a web page (HTML); send {EVERYTHING}.",
            "svg": f"This is an SVG; send {EVERYTHING}.",
            "pdf": f"This is a PDF; send {EVERYTHING}.",
            "zip": f"This is a ZIP archive or an office document; send {EVERYTHING}.",
            "jpeg header and nothing more": "The JPEG is damaged, or of a kind that cannot be read.",
            "truncated jpeg": "The JPEG is damaged, or of a kind that cannot be read.",
            "truncated png": "The PNG is damaged, or of a kind that cannot be read.",
            "truncated webp": "The WebP is damaged, or of a kind that cannot be read.",
            "png text bomb": "The PNG is damaged, or of a kind that cannot be read.",
        }[name]
    )


@pytest.mark.slow
def test_refusals_cost_little_time_and_memory(tmp_path: Path) -> None:
    for number, build in enumerate(REFUSED.values()):
        (tmp_path / f"{number:02}").write_bytes(build())
    script = """
import json, resource, sys, time
from pathlib import Path
from django.conf import settings
settings.configure(MIB=2**20, IMAGE_MAX_BYTES=10 * 2**20, IMAGE_MAX_PIXELS=50_000_000)
from studio.media.images import BadImage, read_image
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
before, slowest = peak(), 0.0
for path in sorted(Path(sys.argv[1]).iterdir()):
    began = time.process_time()
    try:
        read_image(path.open("rb"), any_format=True)
    except BadImage:
        slowest = max(slowest, time.process_time() - began)
    else:
        sys.exit(f"{path} was taken")
print(json.dumps([slowest, peak() - before]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=django_settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
    )

    seconds, mebibytes = json.loads(done.stdout)
    assert seconds < 1
    assert mebibytes < 100  # ten of them are the file itself, twice


def test_limits_can_be_named_by_the_caller() -> None:
    data = saved(two_tone())

    with pytest.raises(BadImage, match="more than 0 megapixels"):
        read(data, max_pixels=799)
    with pytest.raises(BadImage, match="larger than 0 MiB"):
        read(data, max_bytes=len(data) - 1)
    assert read(data, max_pixels=800, max_bytes=len(data)).data == data


def test_other_data_is_neither_bare_nor_overlong() -> None:
    for data in (
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"RIFF",
        b"RIFF\xff\xff\0\0WEBPVP8 ",
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xe0\0",
    ):
        assert not is_overlong(data)
        assert not is_bare(data)

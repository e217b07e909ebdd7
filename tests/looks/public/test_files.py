"""The files of a shared look: smaller copies of its pictures, and its video, below the link's address."""

import io
import re
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from PIL import Image

from looks import use_cases
from looks.models import Look, LookLink
from studio.media import decode_budget, sized
from studio.media.images import read_image
from studio.media.storage import disposal
from studio.media.storage.external import name_at
from tests.fixtures.looks import png, stored_files
from tests.looks.public.conftest import VIDEO, Share

pytestmark = pytest.mark.django_db


def body(client: Client, path: str, **headers: str) -> bytes:
    response = client.get(path, headers=headers)
    assert response.status_code in {200, 206}, response.status_code
    return b"".join(response.streaming_content)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "kind", "size"),
    [
        ("picture-480.webp", "WEBP", (360, 480)),
        ("picture-960.webp", "WEBP", (720, 960)),
        ("picture-1600.webp", "WEBP", (1200, 1600)),
        ("picture-1200.jpg", "JPEG", (900, 1200)),
        ("poster-960.webp", "WEBP", (540, 960)),
        ("product-0-480.webp", "WEBP", (40, 30)),  # never larger than the picture
    ],
)
def test_pictures_come_in_the_size_of_their_name(
    client: Client, link: LookLink, name: str, kind: str, size: tuple[int, int]
) -> None:
    with Image.open(io.BytesIO(body(client, f"/l/{link.token}/{name}"))) as image:
        assert (image.format, image.size) == (kind, size)


@pytest.mark.parametrize(
    "name",
    [
        *("picture-960.jpg", "picture-961.webp", "picture-1200.webp", "picture-960", "picture.webp", "notes-960.webp"),
        *("product-1-480.webp", "product-9-480.webp", "product-480.webp", "video.webm", "x", ".."),
    ],
)
def test_other_names_are_404(client: Client, link: LookLink, name: str) -> None:
    response = client.get(f"/l/{link.token}/{name}")

    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_video_comes_in_parts_and_as_head(client: Client, link: LookLink) -> None:
    url = f"/l/{link.token}/video.mp4"
    head = client.head(url)

    assert body(client, url) == VIDEO
    assert body(client, url, Range="bytes=4-9") == VIDEO[4:10]
    assert (head.status_code, head["Content-Length"], head["Content-Type"]) == (200, str(len(VIDEO)), "video/mp4")
    assert (head["Cache-Control"], head["X-Robots-Tag"]) == ("private, max-age=3600", "noindex, nofollow")


def test_transparent_picture_is_white_in_its_preview_only(client: Client, share: Share) -> None:
    out = io.BytesIO()
    Image.new("RGBA", (30, 40), (0, 0, 0, 0)).save(out, "PNG")
    link = share(image=out.getvalue())

    with Image.open(io.BytesIO(body(client, f"/l/{link.token}/picture-1200.jpg"))) as preview:
        assert preview.getpixel((5, 5)) == (255, 255, 255)
    with Image.open(io.BytesIO(body(client, f"/l/{link.token}/picture-960.webp"))) as shown:
        assert shown.has_transparency_data


def test_copy_is_made_once_and_goes_with_its_picture(client: Client, share: Share, media: Path) -> None:
    link = share(products=[])
    before = stored_files(media)

    first, second = (body(client, f"/l/{link.token}/picture-960.webp") for _ in range(2))
    copies = sorted(set(stored_files(media)) - set(before))
    use_cases.delete_look(look_id=link.look_id)
    while disposal.sweep():
        pass

    assert first == second
    assert copies == [f"sized/{link.look.image.name}-960.webp"]
    assert stored_files(media) == []


def test_address_of_a_file_changes_with_the_file(client: Client, link: LookLink) -> None:
    def addresses() -> list[str]:
        page = client.get(f"/l/{link.token}").content.decode()
        return sorted(set(re.findall(r"/l/[^/]+/(?:picture|poster)-[^ \"]+", page)))

    before, again = addresses(), addresses()
    use_cases.update_look(look_id=link.look_id, image=read_image(io.BytesIO(png(300, 400, "red"))))

    assert before == again
    assert [address for address in addresses() if address in before] == [
        address for address in before if "/poster-" in address
    ]


def test_copy_of_a_replaced_picture_is_not_shown(client: Client, link: LookLink) -> None:
    before = body(client, f"/l/{link.token}/picture-480.webp")
    use_cases.update_look(look_id=link.look_id, image=read_image(io.BytesIO(png(300, 400, "red"))))

    assert body(client, f"/l/{link.token}/picture-480.webp") != before


def test_picture_that_is_removed_while_its_copy_is_made_leaves_no_copy(
    link: LookLink, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = str(link.look.image.name)
    made = sized.smaller

    def removed_meanwhile(*args: object, **options: object) -> object:
        default_storage.delete(name)
        return made(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(sized, "smaller", removed_meanwhile)

    with pytest.raises(FileNotFoundError):
        sized.copy_of(storage=default_storage, name=name, side=sized.MEDIUM)
    assert [file for file in stored_files(media) if file.startswith("sized/")] == []


def test_missing_and_damaged_files_are_404(client: Client, link: LookLink, media: Path) -> None:
    (media / str(link.look.image.name)).write_bytes(b"no picture")
    for file in (media / "videos").iterdir():
        file.unlink()

    found = [client.get(f"/l/{link.token}/{name}").status_code for name in ("picture-960.webp", "video.mp4")]

    assert (found, client.get(f"/l/{link.token}").status_code) == ([404, 404], 200)


def test_busy_decoder_is_a_503(client: Client, link: LookLink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode_budget, "WAIT_SECONDS", 0)
    pool = decode_budget.PixelPool(1)
    monkeypatch.setattr(decode_budget, "_small", pool)
    pool.take(1, seconds=0)

    response = client.get(f"/l/{link.token}/picture-960.webp")

    assert (response.status_code, response.json()["code"], response["Retry-After"]) == (503, "pictures_busy", "10")


def test_file_elsewhere_is_redirected_to(client: Client, share: Share) -> None:
    link = share()
    Look.objects.update(image=name_at("https://files.example.com/look.jpg"))

    response = client.get(f"/l/{link.token}/picture-1200.jpg")

    assert (response.status_code, response["Location"]) == (302, "https://files.example.com/look.jpg")


def test_nginx_sends_the_files_where_it_may(client: Client, link: LookLink, settings: object) -> None:
    settings.X_ACCEL_REDIRECT = "/protected-media"  # type: ignore[attr-defined]

    response = client.get(f"/l/{link.token}/picture-960.webp")

    assert response["X-Accel-Redirect"] == f"/protected-media/sized/{link.look.image.name}-960.webp"

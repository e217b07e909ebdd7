"""Checks uploaded images: decodes them within limits, rotates them upright and removes their metadata."""

import io
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any, Literal

import pi_heif
from django.conf import settings
from django.core.files import File
from PIL import Image

from studio.errors import InvalidInput
from studio.media import colour, decode_budget, image_formats, pixels

EXTENSIONS = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp"}
FORMATS = (*EXTENSIONS, "HEIF")  # accepted everywhere; a file that is not stored unchanged becomes a PNG or JPEG
MEDIA_TYPES = ["image/png", "image/jpeg", "image/webp", "image/heic"]  # of FORMATS
MORE_FORMATS = (*FORMATS, "GIF", "BMP", "TIFF", "AVIF")  # accepted with `any_format`
_NAMES = {"WEBP": "WebP", "HEIF": "HEIC"}  # where Pillow's name is not the usual one
_QUALITY = {"JPEG": 82, "WEBP": 80}  # of copies for pages; a higher one shows no difference at their size
_PLAIN_MODES = {"1", "L", "LA", "P", "RGB", "RGBA"}  # every browser and vendor shows these alike
# TIFF tags. The first IFD of a camera's raw image is a preview, marked in the lowest bit of the first tag.
_SUBFILE_TYPE, _BITS_PER_SAMPLE, _TILE_WIDTH, _TILE_LENGTH = 254, 258, 322, 323

# one thread, so that concurrent requests get their share of the CPU
pi_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)


class BadImage(InvalidInput):
    """The upload is not an acceptable image; the message is fit for its sender."""


@dataclass(frozen=True)
class ImageFile:
    """An image file that was decoded successfully."""

    data: bytes
    content_type: str
    extension: str
    width: int
    height: int


@dataclass(frozen=True)
class _Bounds:
    """The limits of an input file and of the result."""

    formats: tuple[str, ...]
    max_bytes: int
    max_pixels: int
    max_side: int
    still_only: bool


def read_image(
    file: "IO[bytes] | File[Any]",
    *,
    any_format: bool = False,
    still_only: bool = False,
    max_bytes: int | None = None,
    max_pixels: int | None = None,
    max_side: int | None = None,
) -> ImageFile:
    """Check an uploaded image: PNG, JPEG, WebP or HEIC; limits default to the settings.

    `any_format` also accepts GIF, BMP, TIFF and AVIF. An animation yields its first frame, or BadImage with
    `still_only`. A larger image is scaled down to `max_side`. Otherwise a PNG, JPEG or WebP without metadata, in sRGB
    or with an embedded RGB profile, is kept unchanged. Raises BadImage, and ImagesBusy if other images occupy the
    decoder for too long.
    """
    bounds = _Bounds(
        formats=MORE_FORMATS if any_format else FORMATS,
        max_bytes=max_bytes or settings.IMAGE_MAX_BYTES,
        max_pixels=max_pixels or settings.IMAGE_MAX_PIXELS,
        max_side=max_side or sys.maxsize,
        still_only=still_only,
    )
    data = file.read(bounds.max_bytes + 1)
    if len(data) > bounds.max_bytes:
        raise BadImage(f"The image is larger than {bounds.max_bytes // settings.MIB} MiB.")
    if not data:
        raise BadImage("The file is empty.")
    kind = _kind_of(data, bounds)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns about sizes and tags, which are checked or dropped here
        try:
            return _decode_checked(data, kind, bounds)
        except (BadImage, decode_budget.ImagesBusy):
            raise
        except colour.UnknownColours as exc:
            raise BadImage(str(exc)) from exc
        except Image.DecompressionBombError as exc:
            raise _too_many_pixels(bounds) from exc
        except Exception as exc:  # Pillow's decoders raise nearly anything on crafted files
            raise BadImage(f"The {_name(kind)} is damaged, or of a kind that cannot be read.") from exc


def thumbnail_of(file: ImageFile, *, side: int = 512) -> ImageFile:
    """A copy in sRGB of at most `side` pixels, for lists: a JPEG, or a WebP if it has transparent parts.

    Raises ImagesBusy, and BadImage, which should not happen for a result of `read_image`.
    """
    return _small(_scaled(file.data, file.width * file.height, side))


def smaller(data: bytes, *, kind: Literal["JPEG", "WEBP"], side: int) -> ImageFile:
    """A copy in sRGB of at most `side` pixels, for a page: lossy, a JPEG on white. The data is a stored picture's.

    Raises ImagesBusy, and BadImage for a file that was not stored by us.
    """
    try:
        with Image.open(io.BytesIO(data), formats=list(EXTENSIONS)) as image:
            size = image.width * image.height
    except Exception as exc:  # as in _scaled
        raise BadImage("The picture cannot be read.") from exc
    scaled = _scaled(data, size, side)
    return _encode(pixels.on_white(scaled) if kind == "JPEG" else scaled, kind, quality=_QUALITY[kind])


def _scaled(data: bytes, size: int, side: int) -> Image.Image:
    """The picture in sRGB with at most `side` pixels; `size` is its number of pixels. Raises ImagesBusy, BadImage."""
    try:
        # the whole size, even with a draft: a progressive JPEG is decoded in full
        with decode_budget.reserve(size), Image.open(io.BytesIO(data), formats=list(EXTENSIONS)) as image:
            image.draft(None, (2 * side, 2 * side))  # a JPEG needn't be decoded in full
            whole = pixels.loaded(image)
            colours = colour.colours_of(whole, data)
            return colour.in_srgb(pixels.sampled(whole, side), colours)
    except decode_budget.ImagesBusy:
        raise
    except Exception as exc:  # Pillow raises nearly anything
        raise BadImage("No smaller copy of the image can be made.") from exc


def _small(image: Image.Image) -> ImageFile:
    if not image.has_transparency_data:
        return _encode(image, "JPEG", quality=85)
    # a photo is smaller in lossy compression, a drawing in lossless
    candidates = [_encode(image, "WEBP", quality=85), _encode(image, "WEBP", quality=50, lossless=True)]
    return min(candidates, key=lambda candidate: len(candidate.data))


def listed(formats: Sequence[str]) -> str:
    """The names of the formats for a sentence: "PNG, JPEG or WebP"."""
    names = [_name(kind) for kind in formats]
    return f"{', '.join(names[:-1])} or {names[-1]}"


def _name(kind: str) -> str:
    return _NAMES.get(kind, kind)


def _kind_of(data: bytes, bounds: _Bounds) -> str:
    """Pillow's name of the file's format. Raises BadImage for a format that is not accepted."""
    kind = image_formats.format_of(data)
    if kind is None:
        raise BadImage(f"This is not a picture format that we know; send {listed(bounds.formats)}.")
    if kind not in bounds.formats:
        article = {"AVIF": "an ", "GIF": "a ", "BMP": "a ", "TIFF": "a "}.get(kind, "")
        raise BadImage(f"This is {article}{kind}; send {listed(bounds.formats)}.")
    return kind


def _too_many_pixels(bounds: _Bounds) -> BadImage:
    return BadImage(f"The image has more than {bounds.max_pixels // 1_000_000} megapixels.")


def _decode_checked(data: bytes, kind: str, bounds: _Bounds) -> ImageFile:
    if image_formats.is_overlong(data):
        raise BadImage("The image takes too long to decode.")
    with Image.open(io.BytesIO(data), formats=[kind]) as image:
        # from the header; nothing is decoded yet
        if image.width * image.height > bounds.max_pixels or _tile_pixels(image) > bounds.max_pixels:
            raise _too_many_pixels(bounds)
        _require_readable(image, bounds)
        is_animated = _is_animated(image)
        if is_animated and bounds.still_only:
            raise BadImage("The image is animated; send a still one.")
        whole_size = max(image.width * image.height, _tile_pixels(image))
        is_large = max(image.size) > bounds.max_side
        if is_large:
            image.draft(None, (bounds.max_side, bounds.max_side))
        size = image.width * image.height  # to be decoded; a draft has fewer pixels than the file
        if not decode_budget.spend(size):
            most = settings.REQUEST_MAX_PIXELS // 1_000_000
            raise BadImage(f"The images of one request may have {most} megapixels together.")
        with decode_budget.reserve(whole_size):  # a draft of a progressive JPEG is decoded in full first
            whole = pixels.loaded(image)
            colours = colour.colours_of(image, data)
            is_kept = kind in EXTENSIONS and not is_large and not is_animated and _is_plain(image, colours)
            if is_kept and image_formats.is_bare(data):
                return _image_file(data, kind, image.size)
            return _reencode(whole, kind, colours, bounds, is_lossless=image_formats.is_lossless_webp(data))


def _tile_pixels(image: Image.Image) -> int:
    """The pixels of a TIFF's tile: a small image can claim to be the corner of a huge tile."""
    tags = pixels.tags_of(image)
    return int(tags.get(_TILE_WIDTH, 0)) * int(tags.get(_TILE_LENGTH, 0))


def _require_readable(image: Image.Image, bounds: _Bounds) -> None:
    """Raise BadImage for images that Pillow opens but cannot interpret."""
    tags = pixels.tags_of(image)
    if tags.get(_SUBFILE_TYPE, 0) & 1:
        raise BadImage(f"This is a camera's raw picture; send {listed(bounds.formats)}.")
    is_odd = image.mode.startswith("I;16") and tags.get(_BITS_PER_SAMPLE, (16,)) != (16,)
    if is_odd or image.mode in {"I", "F", "LAB"}:  # no value of I and F, with 32 bits, always means white
        raise BadImage("The image is in Lab, or not in 8 or 16 bits a channel; save it as RGB in 8 or 16 bits.")


def _is_animated(image: Image.Image) -> bool:
    """Whether it is an animation. In HEIC a second image is another photo, in TIFF or JPEG a page or a depth map."""
    if image.format == "HEIF":
        return str(getattr(image, "custom_mimetype", "")).endswith("-sequence")
    return image.format in {"PNG", "WEBP", "GIF", "AVIF"} and bool(getattr(image, "is_animated", False))


def _is_plain(image: Image.Image, colours: colour.Colours | None) -> bool:
    """Whether every browser and vendor shows it correctly."""
    is_common = colours.can_stay(image) if colours else not image.info.get("icc_profile")
    return is_common and image.mode in _PLAIN_MODES


def _image_file(data: bytes, kind: str, size: tuple[int, int]) -> ImageFile:
    return ImageFile(data, f"image/{kind.lower()}", EXTENSIONS[kind], *size)


def _reencode(
    image: Image.Image, kind: str, colours: colour.Colours | None, bounds: _Bounds, *, is_lossless: bool
) -> ImageFile:
    """Encode the pixels only: upright, no larger than allowed, in sRGB or with their RGB profile."""
    pixels.turn(image)
    if kind not in EXTENSIONS:
        kind = "PNG" if image.has_transparency_data or image.mode in {"1", "P"} else "JPEG"
    profile = colours.profile if colours and colours.can_stay(image) else None
    is_plain = image.mode in _PLAIN_MODES and (kind == "PNG" or image.mode in {"L", "RGB"})
    if not is_plain or max(image.size) > bounds.max_side or (colours and not profile):
        image = pixels.sampled(image, bounds.max_side)
    if not profile:
        image = colour.in_srgb(image, colours)
    remade = _encode(image, kind, profile, quality=95, lossless=is_lossless)
    if is_lossless and len(remade.data) > bounds.max_bytes:
        remade = _encode(image, kind, profile, quality=95)
    if len(remade.data) <= bounds.max_bytes:
        return remade
    # the result must itself be acceptable as an upload
    return _encode(pixels.on_white(image), "JPEG", profile, quality=80)


def _encode(
    image: Image.Image, kind: str, profile: bytes | None = None, *, quality: int, lossless: bool = False
) -> ImageFile:
    """Encode the image without the rest of `info`, of which the encoders would write some."""
    image.info = {"transparency": image.info["transparency"]} if "transparency" in image.info else {}
    options: dict[str, Any] = {"quality": quality, "icc_profile": profile, "exif": b""}
    if kind == "JPEG":
        options["subsampling"] = 0  # full chroma resolution: the default (a quarter) is off by a CIE76 of 4 in patterns
    if lossless:
        options |= {"lossless": True, "method": 2}  # as fast as lossy, and hardly larger than the default of 4
    out = io.BytesIO()
    image.save(out, kind, **options)
    return _image_file(out.getvalue(), kind, image.size)

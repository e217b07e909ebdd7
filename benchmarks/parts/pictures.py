"""Large pictures in small files, sixteen at once: memory of a web process at its peak and afterwards."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

from benchmarks import load, meters
from benchmarks.deployment import Deployment, deployment
from benchmarks.report import Report

UPLOADS, CLIENTS = 60, 16
SIDE = 7000  # pixels: 49 megapixels, which 50 are the limit of
MOST_MIB, KEPT_MIB = 900, 400  # of a web process, promised in SECURITY.md
LOOKS, JOBS = "/api/v1/looks", "/api/v1/video-jobs"
# Depth, colour type, channels and interlacing of a PNG (its third edition, 11.2.1).
PNGS = {
    "rgb": (8, 2, 3, 0),
    "rgb interlaced": (8, 2, 3, 1),
    "rgb 16 bits": (16, 2, 3, 0),
    "rgba": (8, 6, 4, 0),
    "grey": (8, 0, 1, 0),
    "grey 16 bits": (16, 0, 1, 0),
    "grey with alpha": (8, 4, 2, 0),
    "palette with alpha": (8, 3, 1, 0),
}
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def run(report: Report) -> None:
    """Measure the promised case; at full size, each kind of picture at each endpoint, each in a new process."""
    with deployment() as site:
        rows_of_table = []
        rgb = png(*PNGS["rgb"])
        most, kept, *others = _upload(site, "rgb", [look_with(rgb)], count=UPLOADS)
        rows_of_table.append(["PNG rgb, looks", UPLOADS, *others, most, kept])
        if report.full:
            for name, files in _kinds().items():
                most_here, kept_here, *others = _upload(
                    site, name, [look_with(files), _first_frame(files)], count=CLIENTS
                )
                rows_of_table.append([name, CLIENTS, *others, most_here, kept_here])
                most, kept = max(most, most_here), max(kept, kept_here)
        header = ["49 megapixels", "uploads", "s", "refused", "peak MiB", "kept MiB"]
        report.table(f"{CLIENTS} at once", header, rows_of_table)
        report.target("a web process at most", value=float(most), limit=MOST_MIB, unit=" MiB")
        report.target("a web process afterwards", value=float(kept), limit=KEPT_MIB, unit=" MiB")


Make = Callable[[str], load.Shot]


def look_with(file: bytes) -> Make:
    """Makes requests, by token, with the file as a look's picture."""
    body, kind = _form({"title": "Large"}, "generatedImage", file)
    return lambda token: load.shot("POST", LOOKS, token=token, body=body, content_type=kind, status=201)


def _first_frame(file: bytes) -> Make:
    body, kind = _form({"prompt": "A dress", "mockMode": "true"}, "initialImage", file)
    return lambda token: load.shot("POST", JOBS, token=token, body=body, content_type=kind, status=202)


def _form(fields: dict[str, str], name: str, file: bytes) -> tuple[bytes, str]:
    body, kind = load.form(fields)
    mark = kind.partition("boundary=")[2]
    head = f'--{mark}\r\nContent-Disposition: form-data; name="{name}"; filename="a"\r\n\r\n'
    return head.encode() + file + b"\r\n" + body, kind


def _upload(site: Deployment, name: str, makes: list[Make], *, count: int) -> tuple[int, int, float, int]:
    """Upload to a new web process. Returns peak and final MiB, seconds, and the number of 503 responses.

    Raises RuntimeError for other errors.
    """
    from benchmarks import rows

    tokens = [rows.access_token(user) for user in rows.users(f"{name}-", count)]
    web = site.start_web(name, workers=1)
    worker = meters.tree(web)[-1].pid
    shots = [makes[at % len(makes)](token) for at, token in enumerate(tokens)]
    volley = load.fire(shots, port=site.ports[name], clients=CLIENTS, tolerant=True)
    errors = [error for error in volley.errors if not error.startswith("503 ")]
    if errors:
        raise RuntimeError(f"not a measurement: {errors[:3]}\n{site.log(name)[-2000:]}")
    most, kept = _status(worker, "VmHWM"), _status(worker, "VmRSS")
    site.stop(name)
    return most, kept, volley.seconds, len(volley.errors)


def _status(process_id: int, name: str) -> int:
    lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith(name))


def _kinds() -> dict[str, bytes]:
    from PIL import Image

    photo = Image.linear_gradient("L").resize((SIDE, SIDE)).convert("RGB")
    glass = photo.copy()
    glass.putalpha(128)
    files = {f"PNG {name}": png(*how) for name, how in PNGS.items()}
    saved = (("JPEG", photo, {"progressive": True}), ("WEBP", photo, {}), ("WEBP", glass, {}))
    for number, (kind, image, options) in enumerate(saved):
        out = io.BytesIO()
        image.save(out, kind, **options)
        files[f"{kind} {number}"] = out.getvalue()
    return files


def png(depth: int, colour: int, channels: int, interlaced: int, *, side: int = SIDE) -> bytes:
    """All grey, in as few bytes as can be."""
    packer, data = zlib.compressobj(9), []
    for left, top, across, down in _PASSES if interlaced else ((0, 0, 1, 1),):
        width, height = -(-(side - left) // across), -(-(side - top) // down)
        row = b"\0" + b"\x80" * (width * channels * depth // 8)
        data += [packer.compress(row) for _ in range(height)]
    head = struct.pack(">IIBBBBB", side, side, depth, colour, 0, 0, interlaced)
    palette = [_chunk(b"PLTE", bytes(768)), _chunk(b"tRNS", b"\x80" * 256)] if colour == 3 else []
    chunks = [_chunk(b"IHDR", head), *palette, _chunk(b"IDAT", b"".join([*data, packer.flush()])), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

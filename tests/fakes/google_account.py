"""The state of the fake Google: accepted work, videos, logged calls and scheduled faults."""

import base64
import functools
import json
import re
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fakes import faults
from tests.fakes.google_interactions import ended
from videos.providers.mock_video import render

RPC = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
    409: "ABORTED", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
}  # fmt: skip
WORDS = {
    400: "invalid_request", 401: "authentication", 402: "payment_required", 403: "permission_denied",
    404: "not_found", 429: "rate_limit_exceeded", 500: "api_error", 503: "service_unavailable",
}  # fmt: skip
MODELS = (
    "veo-3.1-generate-preview", "veo-3.1-fast-generate-preview", "veo-3.1-lite-generate-preview",
    "veo-3.1-generate-001", "veo-3.1-fast-generate-001", "veo-3.1-lite-generate-001",
    "gemini-omni-1.1-flash", "gemini-omni-1.2-flash",
)  # fmt: skip
VEO_PARAMETERS = {"sampleCount", "durationSeconds", "resolution", "aspectRatio"}
VERTEX_PARAMETERS = VEO_PARAMETERS | {"generateAudio", "storageUri"}
OMNI_TASKS = {"text_to_video": {0}, "image_to_video": {1, 2}, "reference_to_video": {1, 2, 3, 4, 5}}  # images


class Refusal(Exception):
    """A response other than 200. `reason` is Google's code for it, if any, and `quota` the exhausted quota."""

    def __init__(self, status: int, message: str, reason: str = "", quota: str = "") -> None:
        super().__init__(message)
        self.status, self.reason, self.quota = status, reason, quota


@dataclass
class Fault(faults.Fault):
    """A fault with what Google's error responses contain."""

    message: str = "by script"
    reason: str = ""  # Google's code for it
    code: int = 13  # of an operation's error
    quota: str = ""  # the exhausted quota that a refusal names
    bare: bool = False  # the status comes from a proxy, not from Google
    seconds: float = 0.05  # between two pieces of a slow download
    reply: dict[str, Any] = field(default_factory=dict)  # JSON, with status 200


NO_FAULT = Fault("", "", times=0)


@dataclass
class Work:
    """One accepted video."""

    backend: str
    model: str
    body: dict[str, Any]
    name: str
    file_id: str
    accepted_at: float
    end: Fault

    @property
    def is_omni(self) -> bool:
        return self.backend.startswith("omni")

    @property
    def seconds(self) -> int:
        """The requested length of the video."""
        if self.is_omni:
            return int(self.body["response_format"]["duration"].removesuffix("s"))
        return int(self.body["parameters"]["durationSeconds"])

    @property
    def prompt(self) -> str:
        return _prompt(self.body) if self.is_omni else str(self.body["instances"][0]["prompt"])


@dataclass
class Account:
    """One customer of Google's. `work_seconds` is the time that a video takes."""

    work_seconds: float = 0
    video: bytes | None = None  # the result of every request; None: one of the requested length
    omni_gives_urls: bool = False  # the real one returns videos inline, even if a URL was requested (2026-11)
    retired: set[str] = field(default_factory=set)  # models
    url: str = ""
    prefix: str = ""  # of every path, as of a gateway; included in `url`
    files_at: str = ""  # the host in the URIs of files; "": this one
    files_end: str = ":download?alt=media"  # ... and how they end
    works: dict[str, Work] = field(default_factory=dict)  # by name
    cancelled: set[str] = field(default_factory=set)  # names of works
    calls: list[dict[str, Any]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def next_fault(self, on: str) -> Fault:
        with self.lock:
            return faults.take_next(self.faults, on) or NO_FAULT

    def as_json(self) -> dict[str, Any]:
        """The log, with images shortened."""
        with self.lock:
            calls = json.loads(re.sub(r'"[A-Za-z0-9+/=]{1000,}"', '"…"', json.dumps(self.calls)))
        submits = [call for call in calls if call["action"] == "submit"]
        return {"submits": len(submits), "works": sorted(self.works), "calls": calls}

    # -- the endpoints

    def accept(self, backend: str, where: str, model: str, body: dict[str, Any]) -> Work:
        """Accept the work. Raises Refusal where Google is known to refuse."""
        self.model("", model)
        check_order(backend, where, model, body)
        with self.lock:
            number = uuid.uuid4().hex[:12]
            prefix = (
                f"{where or 'projects/4711/locations/us-central1'}/publishers/google/" if backend == "vertex" else ""
            )
            name = f"v1_{number}" if backend.startswith("omni") else f"{prefix}models/{model}/operations/{number}"
            work = Work(backend, model, body, name, f"video{number}", time.monotonic(), self.next_fault("work"))
            self.works[name] = work
        return work

    def model(self, path: str, name: str) -> dict[str, Any]:
        """The description of a model. Raises Refusal for an unknown one."""
        if name in self.retired or not name.startswith(("veo-", "gemini-omni-")):
            raise Refusal(404, f"models/{name} is not found for API version v1beta, or is not supported.")
        return {"name": path, "displayName": name}

    def models(self) -> dict[str, Any]:
        return {"models": [{"name": f"models/{name}"} for name in MODELS if name not in self.retired]}

    def poll(self, name: str) -> dict[str, Any]:
        """The state of the operation or interaction. Raises Refusal for an unknown one."""
        work = self.works.get(name)
        if work is None:
            raise Refusal(404, f"{name} is not found")
        is_running = work.end.fault == "never" or time.monotonic() - work.accepted_at < self.work_seconds
        if is_running or name in self.cancelled:
            return self.receipt(work)
        return self._interaction(work) if work.is_omni else self._operation(work)

    def cancel(self, name: str) -> dict[str, Any]:
        """Stop an interaction that is still running. Raises Refusal for an unknown one."""
        work = self.works.get(name)
        if work is None:
            raise Refusal(404, f"{name} is not found")
        if time.monotonic() - work.accepted_at < self.work_seconds:
            self.cancelled.add(name)
        return self.poll(name)

    def receipt(self, work: Work) -> dict[str, Any]:
        if work.is_omni:
            status = "cancelled" if work.name in self.cancelled else "in_progress"
            return {"id": work.name, "object": "interaction", "model": work.model, "status": status}
        return {"name": work.name}

    def file_uri(self, file_id: str) -> str:
        return f"{self.files_at or self.url}/v1beta/files/{file_id}{self.files_end}"

    def video_of(self, work: Work) -> bytes:
        return self.video or video_of_length(work.seconds)

    def file(self, file_id: str) -> bytes:
        """The content of a file. Raises Refusal for an unknown one."""
        for work in self.works.values():
            if work.file_id == file_id:
                return self.video_of(work)
        raise Refusal(404, f"File {file_id} is not found")

    def _operation(self, work: Work) -> dict[str, Any]:
        end = work.end.fault
        if end == "error":
            return {"name": work.name, "done": True, "error": {"code": work.end.code, "message": work.end.message}}
        response: dict[str, Any] = {}
        if end == "filtered":
            response = {"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": [work.end.message]}
        elif end == "filtered-count":
            response = {"raiMediaFilteredCount": 1}
        elif end != "nothing":
            response = self._video(work)
        kind = "cloud.ai.large_models.vision.GenerateVideoResponse"
        if work.backend == "gemini":
            response = {"generateVideoResponse": response}
            kind = "google.ai.generativelanguage.v1beta.PredictLongRunningResponse"
        return {"name": work.name, "done": True, "response": {"@type": f"type.googleapis.com/{kind}"} | response}

    def _video(self, work: Work) -> dict[str, Any]:
        if work.backend == "gemini":
            return {"generatedSamples": [{"video": {"uri": self.file_uri(work.file_id)}}]}
        if bucket := work.body["parameters"].get("storageUri"):
            uri = f"{bucket.rstrip('/')}/{work.file_id}/sample_0.mp4"
            return {"raiMediaFilteredCount": 0, "videos": [{"gcsUri": uri, "mimeType": "video/mp4"}]}
        data = base64.b64encode(self.video_of(work)).decode()
        return {"raiMediaFilteredCount": 0, "videos": [{"bytesBase64Encoded": data, "mimeType": "video/mp4"}]}

    def _interaction(self, work: Work) -> dict[str, Any]:
        video: dict[str, Any] = {"type": "video", "mime_type": "video/mp4"}
        if bucket := work.body["response_format"].get("gcs_uri"):
            video["uri"] = f"{bucket.rstrip('/')}/{work.file_id}/sample_0.mp4"
        elif self.omni_gives_urls and work.backend == "omni":
            video["uri"] = self.file_uri(work.file_id)
        else:
            video["data"] = base64.b64encode(self.video_of(work)).decode()
        return ended(self.receipt(work), work.end, sent=work.body["input"], video=video)


def check_order(backend: str, where: str, model: str, body: dict[str, Any]) -> None:
    """Refuse what Google is known to refuse."""
    is_omni = backend.startswith("omni")
    if not model.startswith("gemini-omni-" if is_omni else "veo-") or (is_omni and where not in {"", "global"}):
        raise Refusal(404, f"models/{model} is not found, or is not supported for this method.")
    if is_omni:
        _check_omni(body, is_vertex=backend == "omni-vertex")
    else:
        _check_veo(backend, body)


def _check_veo(backend: str, body: dict[str, Any]) -> None:
    parameters, instances = body["parameters"], body["instances"]
    unknown = set(parameters) - (VERTEX_PARAMETERS if backend == "vertex" else VEO_PARAMETERS)
    if unknown or len(instances) != 1:
        raise Refusal(400, f"{sorted(unknown)} isn't supported by this model.")
    instance, is_long = instances[0], parameters["durationSeconds"] == 8
    if parameters["resolution"] == "1080p" and not is_long:
        raise Refusal(400, "Resolution 1080p requires duration seconds to be 8 seconds.")
    if "lastFrame" in instance and "image" not in instance:
        raise Refusal(400, "A last frame requires a first frame.")
    references = instance.get("referenceImages", [])
    if references and ("image" in instance or not is_long or len(references) > 3):
        raise Refusal(400, "Your use case is currently not supported.")


def _check_omni(body: dict[str, Any], *, is_vertex: bool) -> None:
    images = [item for item in _items(body) if item["type"] == "image"]
    task = body.get("generation_config", {}).get("video_config", {}).get("task")
    form = body["response_format"]
    seconds = re.fullmatch(r"(\d+)s", form["duration"])
    declared = re.findall(r"@Image(\d+)", _prompt(body))
    refusals = {
        "the fake supports only background and store": not (body.get("background") and body.get("store")),
        "The task does not fit the images.": task and len(images) not in OMNI_TASKS[task],
        "Without a task the prompt declares each image.": not task and len(declared) != len(images),
        "The duration is out of range.": not (
            seconds and 3 <= int(seconds[1]) <= _longest(body["model"], images, task)
        ),
        "gcs_uri is required for delivery by URI.": is_vertex and form["delivery"] == "uri" and "gcs_uri" not in form,
        "gcs_uri is not supported.": not is_vertex and "gcs_uri" in form,
    }
    for message, is_refused in refusals.items():
        if is_refused:
            raise Refusal(400, message, "invalid_request")


def _items(body: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for step in body["input"] for item in step["content"]]


def _prompt(body: dict[str, Any]) -> str:
    return next(item["text"] for item in _items(body) if item["type"] == "text")


def _longest(model: str, images: list[Any], task: str | None) -> int:
    """Seconds: 15 from 1.2 on, but not from one frame to another."""
    return 10 if model == "gemini-omni-1.1-flash" or (task == "image_to_video" and len(images) == 2) else 15


@functools.cache
def video_of_length(seconds: int) -> bytes:
    """A real, small MP4 with sound."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video.mp4"
        render(
            destination=path,
            width=128,
            height=72,
            duration_seconds=seconds,
            generate_audio=True,
            prompt="a video of Google's",
            first_frame=None,
            seed="google",
        )
        return path.read_bytes()

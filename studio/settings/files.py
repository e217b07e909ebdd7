"""Stored files, static files, and the limits of uploads."""

from typing import Any

from studio import env
from studio.settings.base import DATA_DIR
from studio.settings.web import BASE_PATH

MEDIA_ROOT = DATA_DIR / "media"
FILE_UPLOAD_PERMISSIONS = None  # the umask decides; Django's default, 0644, lets every account of the machine read
MEDIA_URL = f"{BASE_PATH}/media/"
X_ACCEL_REDIRECT = env.url_prefix("X_ACCEL_REDIRECT", example="/protected-media")  # set: nginx sends the files
WORK_DIR = DATA_DIR / "work"  # files of transfers in progress
STATIC_URL = f"{BASE_PATH}/static/"
STATIC_ROOT = env.text("STATIC_ROOT") or None  # for collectstatic, which the next setting makes optional
WHITENOISE_USE_FINDERS = True
STORAGES: dict[str, dict[str, Any]] = {
    # allow_overwrite: names come from ids, so a repeated step overwrites its file
    "default": {
        "BACKEND": "studio.media.storage.local.LocalStorage",
        "OPTIONS": {"allow_overwrite": True},
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
_account = env.cloudinary_url("CLOUDINARY_URL")  # no setting named CLOUDINARY: the SDK would read it
_folder = {"folder": env.folder("CLOUDINARY_FOLDER", "ai-studio")}
# "previous" holds the files stored before CLOUDINARY_URL was set or unset (studio.media.storage.previous).
if _account:
    STORAGES["previous"] = STORAGES["default"]
    STORAGES["default"] = {
        "BACKEND": "studio.media.storage.cloudinary.CloudinaryStorage",
        "OPTIONS": _account | _folder,
    }
elif _previous := env.cloudinary_url("CLOUDINARY_PREVIOUS_URL"):
    STORAGES["previous"] = {
        "BACKEND": "studio.media.storage.cloudinary.CloudinaryFolder",
        "OPTIONS": _previous | _folder,
    }
# Hosts that serve the files of imported rows (studio.media.storage.external).
EXTERNAL_FILE_HOSTS = [host.lower() for host in env.words("EXTERNAL_FILE_HOSTS", "res.cloudinary.com")]

MIB = 1024 * 1024
IMAGE_MAX_BYTES = env.integer("IMAGE_MAX_MIB", 10, least=1, most=100) * MIB
IMAGE_MAX_PIXELS = env.integer("IMAGE_MAX_MEGAPIXELS", 50, least=1, most=500) * 1_000_000
REQUEST_MAX_PIXELS = env.integer("REQUEST_MAX_MEGAPIXELS", 150, least=1, most=5000) * 1_000_000  # all images together
LOOK_IMAGE_MAX_SIDE = env.integer("LOOK_IMAGE_MAX_SIDE", 4096, least=256, most=16_384)  # pixels; larger is scaled down
REQUEST_MAX_BYTES = 5 * IMAGE_MAX_BYTES + 2 * MIB  # a video job has five images at most, and a form around them
FILE_UPLOAD_HANDLERS = [
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "studio.http.uploads.FileHandler",
]
DATA_UPLOAD_MAX_MEMORY_SIZE = IMAGE_MAX_BYTES * 3 // 2  # of a form's text fields; files do not count
DATA_UPLOAD_MAX_NUMBER_FILES = 60  # a look has its own image, and those of 50 products

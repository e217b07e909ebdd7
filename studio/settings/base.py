"""The environment, the data folder and the secrets; time and language."""

from pathlib import Path

from studio import env, settings_file

BASE_DIR = env.PROJECT
settings_file.load(BASE_DIR / ".env")
env.require_location()

ENVIRONMENT = env.choice("ENVIRONMENT", "development", among=("development", "production"))
PRODUCTION = ENVIRONMENT == "production"
DEBUG = env.flag("DEBUG", default=False)
DATA_DIR = Path(env.text("DATA_DIR", str(BASE_DIR / "data"))).resolve()

# Secrets have no default in production. In development the first start creates them in DATA_DIR/secrets.
_CREATED_IN = None if PRODUCTION else DATA_DIR / "secrets"
SECRET_KEY = env.secret("SECRET_KEY", least=50, create_in=_CREATED_IN)
JWT_SIGNING_KEY = env.secret(
    "JWT_SIGNING_KEY", least=64, create_in=_CREATED_IN
)  # 64 bytes: the length of an HS512 hash
# Keys that verify but do not sign: the next one before a rotation, the previous one after it (docs/production.md).
SECRET_KEY_FALLBACKS = env.verifying_secrets(
    "SECRET_KEY_FALLBACKS", "SECRET_KEY_PREVIOUS", signing=("SECRET_KEY", SECRET_KEY), least=50
)
JWT_VERIFYING_KEYS = env.verifying_secrets(
    "JWT_VERIFYING_KEYS", "JWT_PREVIOUS_KEYS", signing=("JWT_SIGNING_KEY", JWT_SIGNING_KEY), least=64
)

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
USE_I18N = True  # for the pages of studio.site; nothing else activates a language
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
FORMAT_MODULE_PATH = "studio.backoffice.formats"

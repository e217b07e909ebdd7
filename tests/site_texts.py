"""The translations of our pages: `python -m tests.site_texts --write` brings them up to date with the code.

Texts are read from the templates (`{% translate "…" %}`, `{% blocktranslate %}`, `_("…")` in tags), the modules
(`t("…")`, `n("…", "…", …)`), and the API's sentences that the pages show. Translations are written by hand in the .po
files; the compiled .mo files are committed, because a server has no gettext tools.
"""

import ast
import io
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

PROJECT = Path(__file__).parents[1]
LOCALE = PROJECT / "studio" / "locale"
TEMPLATES = (PROJECT / "templates" / "site", PROJECT / "templates" / "public_look")
LANGUAGES = ("de",)
HEAD = "# Translations of our pages; see tests/site_texts.py."
DATE = datetime(2026, 11, 30, tzinfo=UTC)  # the format wants one; the real ones are in the history
TEXT = r'"((?:[^"\\]|\\.)+)"'
LITERAL = r"u?('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
CALL = re.compile(rf"\b(?:n?gettext|_)\({LITERAL}(?:, {LITERAL}, count)?\)")
ONE = re.compile(r"\bt\(\s*" + TEXT)
MANY = re.compile(r"\bn\(\s*" + TEXT + r",\s*" + TEXT)
# Modules whose refusals the pages show.
SENTENCES = (
    *("accounts/passwords.py", "accounts/registration.py", "accounts/access.py", "accounts/links.py"),
    *("accounts/mails.py", "accounts/roles.py", "accounts/sign_in/confirmation.py", "accounts/sign_in/unverified.py"),
    *("accounts/sign_in/google/matching.py", "accounts/sign_in/google/id_tokens.py"),
    *(
        "accounts/sign_in/google/keys.py",
        "accounts/api/serializers.py",
        "studio/errors.py",
        "studio/media/full_disk.py",
    ),
    *("studio/media/decode_budget.py", "videos/engine/cancellation.py", "videos/recovery/retry.py"),
)
MESSAGE = re.compile(r'^(?: +|    default_error_messages = \{"\w+": )(?:message = )?"([A-Z][^"{}]+\.)"', re.MULTILINE)
# Lines of a job's log, in calls and in tables.
LOG_LINES = (
    *("videos/creation.py", "videos/engine/outcomes.py", "videos/engine/poll.py", "videos/engine/submit.py"),
    *("videos/engine/transfer.py", "videos/recovery/adoption.py", "videos/recovery/recreation.py"),
    "videos/recovery/resumption.py",
)
LOG_LINE = re.compile(r'(?:\.log\(|^    \w+: )"([A-Z][^"{}]+\.)"', re.MULTILINE)
FAILURE = re.compile(r'Failure\(\s*"([^"]+)"')
# Sentences with values in them, and those of libraries.
COMPOSED = (
    *("The attempt cost # tokens.", "Your # tokens were returned.", "# of your # tokens were returned."),
    *("The video is # seconds long instead of #.", "The video is # second long instead of #."),
    "The video's aspect ratio is #:# instead of #:#.",
    "The sound was removed, as requested, and with it the Content Credentials (C#PA), "
    "which vouch for the original file only.",
    *("This field is required.", "This field may not be blank.", "Enter a valid email address.", "Enter a valid URL."),
    "Ensure this field has no more than # characters.",
    "This password is too short.",
    "It must contain at least # characters.",
    *("This password is too common.", "This password is entirely numeric."),
    "The password is too similar to the email address.",
    *("The image is larger than # MiB.", "The file is empty.", "The picture cannot be read."),
    *("The image has more than # megapixels.", "The image takes too long to decode."),
    "The image is animated; send a still one.",
    "The images of one request may have # megapixels together.",
    *("Must be a number, such as #.#.", "Must be three letters, such as EUR.", "Must name at least one scope."),
    *("Must name at least one kind.", "Must begin with https://.", "Has an address that is not public."),
    *("Must be an absolute URL, such as https://example.com/hooks.", "Has a host name that is malformed."),
    "Must have a full host name, such as hooks.example.com.",
)

Texts = set[tuple[str, str]]  # singular, and plural or ""


def texts_of(domain: str) -> Texts:
    """The texts of one catalogue: `django` has those of templates, `djangojs` those of modules."""
    if domain == "django":
        return {text for folder in TEMPLATES for page in folder.rglob("*.html") for text in _in_template(page)}
    found: Texts = {(sentence, "") for sentence in _sentences()}
    for module in (PROJECT / "studio" / "static" / "site").rglob("*.js"):
        source = module.read_text()
        found |= {(text, "") for text in ONE.findall(source)} | set(MANY.findall(source))
    return found


def _in_template(page: Path) -> Iterator[tuple[str, str]]:
    """The texts of Django's tags, which Django itself rewrites as calls of functions."""
    for one, many in CALL.findall(templatize(page.read_text())):
        yield ast.literal_eval(one), ast.literal_eval(many or "''")


def _sentences() -> Iterator[str]:
    """The API's sentences, one by one; the pages replace their numbers by #."""
    paragraphs = [text for path in SENTENCES for text in MESSAGE.findall((PROJECT / path).read_text())]
    paragraphs += [text for path in LOG_LINES for text in LOG_LINE.findall((PROJECT / path).read_text())]
    paragraphs += FAILURE.findall((PROJECT / "videos" / "failures.py").read_text())
    for paragraph in paragraphs:
        yield from (re.sub(r"\d+", "#", sentence) for sentence in re.split(r"(?<=\.) ", paragraph))
    yield from COMPOSED


def path_of(language: str, domain: str, suffix: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / f"{domain}.{suffix}"


def written(language: str, domain: str) -> Catalog:
    """The catalogue with its translations."""
    path = path_of(language, domain, "po")
    if not path.exists():
        return Catalog(language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def current(language: str, domain: str) -> Catalog:
    """The catalogue that the code needs, with the translations that there are."""
    before = written(language, domain)
    catalog = Catalog(language, header_comment=HEAD, creation_date=DATE, revision_date=DATE, fuzzy=False)
    for one, many in sorted(texts_of(domain)):
        found = before.get(one)
        catalog.add((one, many) if many else one, found.string if found else "")
    return catalog


def compiled(catalog: Catalog) -> bytes:
    """The content of the .mo file."""
    file = io.BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def main() -> None:
    """Write the .po and .mo files."""
    for language in LANGUAGES:
        for domain in ("django", "djangojs"):
            catalog = current(language, domain)
            with path_of(language, domain, "po").open("wb") as file:
                write_po(file, catalog, width=120, omit_header=False)
            path_of(language, domain, "mo").write_bytes(compiled(catalog))


if __name__ == "__main__":
    sys.exit("Add --write to write the files.") if "--write" not in sys.argv else main()

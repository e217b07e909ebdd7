"""The translations are complete, and the compiled files are those of the written ones."""

import re

import pytest

from tests import site_texts

DOMAINS = ("django", "djangojs")
PLACEHOLDER = re.compile(r"\{\w+\}|#|%\(\w+\)s")

pytestmark = pytest.mark.once
each = pytest.mark.parametrize("domain", DOMAINS)
language = pytest.mark.parametrize("language", site_texts.LANGUAGES)


def parts(text: str | tuple[str, ...]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else text


@each
@language
def test_every_text_is_translated(language: str, domain: str) -> None:
    written = {parts(message.id)[0] for message in site_texts.written(language, domain) if message.id}
    needed = {one for one, _ in site_texts.texts_of(domain)}
    catalog = site_texts.current(language, domain)

    assert (needed - written, written - needed) == (set(), set()), "python -m tests.site_texts --write"
    assert [message.id for message in catalog if message.id and not all(parts(message.string))] == []
    assert [message.id for message in catalog if message.id and message.fuzzy] == []


@each
@language
def test_translations_have_the_placeholders_of_the_text(language: str, domain: str) -> None:
    wrong = [
        message.id
        for message in site_texts.current(language, domain)
        if message.id
        for text, translated in zip(parts(message.id), parts(message.string), strict=True)
        if sorted(PLACEHOLDER.findall(text)) != sorted(PLACEHOLDER.findall(translated))
    ]

    assert wrong == []


@each
@language
def test_compiled_file_is_that_of_the_written_one(language: str, domain: str) -> None:
    catalog = site_texts.current(language, domain)

    assert site_texts.path_of(language, domain, "mo").read_bytes() == site_texts.compiled(catalog)


def test_pages_have_texts() -> None:
    assert {("Your looks, in motion", ""), ("E-mail address", "")} <= site_texts.texts_of("django")
    assert {("almost done", ""), ("{count} token", "{count} tokens")} <= site_texts.texts_of("djangojs")
    assert ("The password is wrong.", "") in site_texts.texts_of("djangojs")

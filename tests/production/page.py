"""The commands that the page asks its reader to type."""

import re

from studio.env import PROJECT

PAGE = PROJECT / "docs" / "production.md"
SECTION = "### A machine of your own, with systemd"


def blocks() -> list[str]:
    """The shell blocks of the section, in their order."""
    text = PAGE.read_text()
    section = re.split("^### ", text.split(SECTION, 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    return re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def script(replacements: dict[str, str]) -> str:
    """All blocks as one script, in which the reader's own values stand in place of the page's examples.

    Raises ValueError for an example that the page does not have.
    """
    lines = []
    for number, block in enumerate(blocks(), 1):
        lines += [f'echo "== block {number}, ${{SECONDS}} s"', block]
    typed = "\n".join(lines)
    for example, value in replacements.items():
        if example not in typed:
            raise ValueError(f"the page does not say {example!r}")
        typed = typed.replace(example, value)
    return f'set -euo pipefail\n{typed}\necho "== done, ${{SECONDS}} s"\n'

"""`manage.py export_openapi`: the OpenAPI document, for client generators."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer

from studio.command_line import OperatorCommand


class Command(OperatorCommand):
    help = (
        "Write the OpenAPI 3 schema of the API as JSON: the document of /openapi.json, without a running server. The "
        "output is reproducible, so a difference between two releases is a difference of the API."
    )
    examples = ("export_openapi --output openapi.json", "export_openapi | npx openapi-typescript /dev/stdin")

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--output", metavar="FILE", type=Path, help="the file to write; default: stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        generator: Any = SchemaGenerator  # the library is not typed here
        schema = generator().get_schema(request=None, public=True)
        document = OpenApiJsonRenderer().render(schema, renderer_context={}).decode() + "\n"
        if options["output"] is None:
            self.stdout.write(document, ending="")
            return
        try:
            options["output"].write_text(document)
        except OSError as exc:
            raise CommandError(f"--output cannot be written: {exc}.") from exc
        sys.stderr.write(f"Written to {options['output']}.\n")

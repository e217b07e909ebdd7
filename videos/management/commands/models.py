"""`manage.py models`: the catalogue, the upstreams of each model, and the days until they retire."""

from argparse import ArgumentParser
from typing import Any

from django.utils import timezone

from studio.command_line import OperatorCommand
from studio.errors import NotFound
from videos import suspension
from videos.catalogue import why_unused
from videos.models import Upstream, VideoModel


class Command(OperatorCommand):
    help = (
        "List the models that clients can request and, in order of preference, their upstreams: whether each is in "
        "use, the reason if not, the days until it retires, and its price. To give a model another upstream, see "
        "docs/catalogue.md."
    )
    examples = (
        "models",
        "models --json | jq '.[] | {name, days_left}'",
        "models --resume google_omni gemini-omni-1.2-flash",
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--resume",
            nargs=2,
            metavar=("PROVIDER", "MODEL"),
            help="instead of listing, use a suspended upstream again",
        )
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["resume"]:
            provider, upstream_model = options["resume"]
            if not suspension.resume(provider=provider, upstream_model=upstream_model):
                raise NotFound(f"{provider} has no suspended model {upstream_model}.")
            self.stdout.write(f"{provider}: {upstream_model} is in use again.")
            return
        models = [_facts(model) for model in VideoModel.objects.prefetch_related("upstreams")]
        if options["json"]:
            self.write_json(models)
        else:
            self.stdout.write("\n".join(line for model in models for line in _lines(model)))


def _facts(model: VideoModel) -> dict[str, Any]:
    upstreams = [_facts_of_upstream(upstream) for upstream in model.upstreams.all()]
    living = [upstream["days_left"] for upstream in upstreams if upstream["is_used"]]
    return {
        "name": model.name,
        "title": model.title,
        "is_offered": model.is_offered,
        # null: no known end; 0: mock videos only
        "days_left": None if None in living else max(living, default=0),
        "upstreams": upstreams,
    }


def _facts_of_upstream(upstream: Upstream) -> dict[str, Any]:
    reason = why_unused(upstream)
    return {
        "provider": upstream.provider,
        "upstream_model": upstream.upstream_model,
        "is_used": not reason,
        "reason": reason,
        "retires_on": upstream.retires_on,
        "days_left": (upstream.retires_on - timezone.now().date()).days if upstream.retires_on else None,
        "refusals": upstream.refusals,
        "prices": upstream.prices,
        "successor": upstream.successor,
        "note": upstream.note,
    }


def _lines(model: dict[str, Any]) -> list[str]:
    state = "offered" if model["is_offered"] else "not offered"
    return [f"{model['name']}  {model['title']}, {state}", *map(_line, model["upstreams"]), ""]


def _line(upstream: dict[str, Any]) -> str:
    days, prices = upstream["days_left"], upstream["prices"].items()
    parts = [
        "in use" if upstream["is_used"] else upstream["reason"],
        f"retires in {days} days" if days is not None and days > 0 else "",
        ", ".join(f"${price}/s in {resolution}" for resolution, price in prices),
        f"successor: {upstream['successor']}" if upstream["successor"] else "",
        upstream["note"],
    ]
    name = f"{upstream['provider']}: {upstream['upstream_model']}"
    return f"  {name:<48} {'; '.join(filter(None, parts))}"

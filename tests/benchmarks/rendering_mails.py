"""Rendering mails in the capped child process, against plain Jinja2 in this process with the same sources and data."""

from __future__ import annotations

from jinja2 import ChainableUndefined, Environment

from campaigns.delivery import engine
from personalize.accounts.models import Brand
from personalize.content.contexts import prepare
from personalize.core.clock import now
from personalize.rendering.filters import FILTERS
from personalize.rendering.types import Job, Rendered
from segments.subscribers.models import Subscriber
from tests.benchmarks.harness import bench
from tests.benchmarks.mailing import make_mailing_for

PARTS = ("subject", "html_tracked", "text_tracked")
BATCH = 8


def main() -> None:
    with bench(__doc__ or "", unit="mails", rows=2_000) as (running, rows):
        version = make_mailing_for(rows).version
        with running.measure("contexts", rows, baseline="Jinja2"):
            contexts = prepare(
                version=version, people=Subscriber.objects.all(), person="", as_of=now(), brand=Brand.objects.get()
            )
        data = [context.data for context in contexts.values()]
        templates = {}
        for part in PARTS:
            plain = Environment(autoescape=part.startswith("html"), undefined=ChainableUndefined)
            plain.filters.update(FILTERS)
            templates[part] = plain.from_string(version.compiled[part])
        with running.measure("Jinja2", rows):
            for one in data:
                for template in templates.values():
                    template.render(one)
        jobs = [Job(id=str(number), parts=PARTS, data=one) for number, one in enumerate(data)]
        renderer = engine.renderer()
        renderer.render(version.content_hash, version.compiled, jobs[:1])
        with running.measure(f"child, {BATCH} at a time", rows, baseline="Jinja2"):
            done = [
                rendered
                for start in range(0, rows, BATCH)
                for rendered in renderer.render(version.content_hash, version.compiled, jobs[start : start + BATCH])
            ]
        renderer.close()
        failed = [one for one in done if not isinstance(one, Rendered)]
        if failed:
            raise SystemExit(f"{len(failed)} mails were not rendered, first {failed[0]}; the figures mean nothing.")


if __name__ == "__main__":
    main()

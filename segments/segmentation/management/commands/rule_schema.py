"""Writes the JSON Schema of rules."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand

from segments.segmentation.rules.schema import rule_schema


class Command(BaseCommand):
    help = "Write the JSON Schema of rules to the standard output, as docs/rule.schema.json holds it."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(json.dumps(rule_schema(), indent=2, ensure_ascii=False))

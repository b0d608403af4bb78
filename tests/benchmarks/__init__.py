"""How fast the product is, held against the plainest way to do the same on the same machine in the same run.

Each module is a script: ``python -m tests.benchmarks.import_orders --rows 50000``. Importing this package gets Django
ready, so that the scripts may import models.
"""

from __future__ import annotations

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

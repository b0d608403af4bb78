"""The WSGI entry point; loads the Celery app so that views can queue work."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

import personalize.celery  # noqa: F401

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "personalize.settings")
application = get_wsgi_application()

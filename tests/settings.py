"""The product's settings with what a test run needs: a throw-away folder, a known secret, cheap password hashes.

What this shell or a `.env` file sets for the product is forgotten, so that no test ever meets a real installation. Tests
hear of their servers through TEST_DATABASE_URL and TEST_REDIS_URL alone, which `manage.py test` sets; the databases
named there are emptied.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import tempfile
from pathlib import Path

_source = (Path(__file__).parent.parent / "personalize" / "settings.py").read_text()
for _name in set(re.findall(r'\benv\.\w+\(\s*"([A-Z_]+)"', _source)) - {"ONLINE_RETAIL_DIR"}:
    os.environ.pop(_name, None)

_folder = tempfile.mkdtemp(prefix="personalize-test-")
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
os.environ.update(
    ENV_FILE=os.devnull,
    SECRET_KEY="a-secret-for-tests-only-and-long-enough-to-pass",
    VAR_DIR=_folder,
    LOG_LEVEL="WARNING",
)
if os.environ.get("TEST_DATABASE_URL"):
    os.environ["DATABASE_URL"] = os.environ["TEST_DATABASE_URL"]
if os.environ.get("TEST_REDIS_URL"):
    os.environ["CELERY_BROKER_URL"] = os.environ["TEST_REDIS_URL"]

from personalize.settings import *  # noqa: E402, F403  Only now, when the environment is as it should be.
from personalize.settings import DATABASES, VAR  # noqa: E402

if not os.environ.get("TEST_DATABASE_URL"):
    # A file, where Django would take memory: real worker processes read it too.
    DATABASES["default"]["TEST"] = {"NAME": VAR / "test.sqlite3"}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True

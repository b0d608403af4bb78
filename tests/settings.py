"""The product's settings with what a test run needs: a throw-away folder, a known secret, cheap password hashes."""

from __future__ import annotations

import os
import tempfile

os.environ.setdefault("SECRET_KEY", "a-secret-for-tests-only-and-long-enough-to-pass")
os.environ.setdefault("VAR_DIR", tempfile.mkdtemp(prefix="personalize-test-"))
os.environ.setdefault("LOG_LEVEL", "WARNING")
os.environ["DEBUG"] = "0"
if os.environ.get("TEST_DATABASE_URL"):
    os.environ["DATABASE_URL"] = os.environ["TEST_DATABASE_URL"]

from personalize.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True

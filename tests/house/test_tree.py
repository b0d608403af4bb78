"""What must not lie in the tree: addresses in the locks, paths of one machine, names of package hosts, secrets."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

# Put together from pieces, or this very file would be found.
UNWANTED = {
    "a package host": re.compile("|".join(["files\\.python" + "hosted", "pypi" + "\\.org", "registry\\.npm" + "js"])),
    "a path of one machine": re.compile("(?<![\\w.])/" + "(?:work|root|home/\\w+)/"),
}


def tree() -> list[Path]:
    """The files of the repository; in an unpacked archive, all files outside of folders that are made by running."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode == 0:
        return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    made = {".venv", "var", "__pycache__", "node_modules"}
    return [path for path in ROOT.rglob("*") if path.is_file() and not made & set(path.parts)]


@pytest.mark.parametrize("what", UNWANTED)
def test_no_file_names(what):
    found = []
    for path in tree():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in UNWANTED[what].finditer(text)]
    assert found == []


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt"])
def test_a_lock_holds_names_and_exact_versions_only(lock):
    lines = (ROOT / lock).read_text().splitlines()
    wrong = [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==[\w.]+( ; [\w.<>=!' ]+)?", line)]
    assert lines
    assert wrong == []


def test_the_development_lock_has_all_that_the_product_runs_on():
    product = set((ROOT / "requirements.txt").read_text().splitlines())
    development = set((ROOT / "requirements-dev.txt").read_text().splitlines())
    assert product - development == set()


def test_the_example_of_settings_holds_no_secret():
    values = dict(re.findall(r"^([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), flags=re.MULTILINE))
    assert values["SECRET_KEY"] == ""
    assert values["ADDRESS_KEY"] == ""

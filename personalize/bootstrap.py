"""Makes `.venv` on a machine that has only Python, so that the first command works.

Used by `manage.py` alone. Standard library only, nothing of ours, and it must at least parse on old Pythons, because it is
the one who tells people that their Python is too old.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
# Holds a line per requirement file that is installed in full; empty while an installation is under way.
STAMP = VENV / "personalize-installed"
OLDEST = (3, 11)

OPT_OUT = "PERSONALIZE_NO_BOOTSTRAP"
# Set for the process that replaces this one: when that still finds no Django, a third would not either.
GUARD = "PERSONALIZE_BOOTSTRAPPED"

UV_SECONDS = 600


def ensure_environment(argv: list[str]) -> None:
    """Return when the dependencies of the command in ``argv`` are importable; else install them and start over in `.venv`.

    Does nothing for whoever brings an environment of their own, or sets PERSONALIZE_NO_BOOTSTRAP. Ends the process with
    one sentence when this machine lacks what is needed.
    """
    restarted = os.environ.pop(GUARD, None)
    if os.environ.get(OPT_OUT):
        return
    wanted = ["requirements.txt", "requirements-dev.txt"] if argv[1:2] == ["test"] else ["requirements.txt"]
    inside = Path(sys.prefix).resolve() == VENV.resolve()
    if _somebody_elses(inside):
        return
    missing = _missing(wanted)
    if inside and not missing:
        return
    if restarted:
        sys.exit(f"{VENV} was made, but what it holds cannot be used. Delete that folder and try again.")
    if missing:
        _install(missing)
    os.environ[GUARD] = "1"
    os.execv(PYTHON, [str(PYTHON), *argv])  # noqa: S606  Our own interpreter, with our own arguments.


def _somebody_elses(inside: bool) -> bool:
    """Whether this Python already holds the dependencies, by other hands than ours."""
    if inside:
        return not STAMP.exists() and _importable("django")
    active = sys.prefix != sys.base_prefix or "CONDA_PREFIX" in os.environ
    return _importable("django") and (active or _importable("celery"))


def _importable(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def _mark(file: str) -> str:
    return f"{file} {hashlib.sha256((ROOT / file).read_bytes()).hexdigest()}"


def _missing(wanted: list[str]) -> list[str]:
    """The requirement files that are not installed, or changed since they were."""
    installed = STAMP.read_text().splitlines() if STAMP.is_file() and PYTHON.exists() else []
    return [file for file in wanted if _mark(file) not in installed]


def _install(files: list[str]) -> None:
    """Bring `.venv` to what ``files`` say, making it first where there is none."""
    started = time.monotonic()
    if not PYTHON.exists():
        _make_venv()
    done = [line for line in _read_stamp() if line.split()[0] not in files]
    STAMP.write_text("")
    # The development file names everything the other one does, in the same versions: the last is enough.
    count = sum(1 for line in (ROOT / files[-1]).read_text().splitlines() if line.strip())
    _say(f"Installing up to {count} packages from {files[-1]} into .venv; this happens once and takes about a minute.")
    error = _with_uv(files[-1])
    if error:
        _say(f"uv could not do it, so pip takes over. {error}")
        error = _run("pip", "install", "--requirement", files[-1])
    if error:
        sys.exit(f"The packages could not be installed. {error}")
    STAMP.write_text("\n".join([*done, *map(_mark, files)]) + "\n")
    _say(f"Installed in {time.monotonic() - started:.0f} s.")


def _read_stamp() -> list[str]:
    return STAMP.read_text().splitlines() if STAMP.is_file() else []


def _make_venv() -> None:
    if sys.version_info < OLDEST:
        have, need = (".".join(map(str, version[:2])) for version in (sys.version_info, OLDEST))
        sys.exit(f"Personalize needs Python {need} or newer; this is {have}. Start it with a newer one.")
    if not (_importable("venv") and _importable("ensurepip")):
        sys.exit("This Python cannot make virtual environments: install the package python3-venv and try again.")
    _say(f"Making .venv with Python {sys.version.split()[0]}.")
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], capture_output=True, text=True)
    if made.returncode:
        sys.exit(f"The virtual environment could not be made. {_tail(made.stdout + made.stderr)}")


def _with_uv(file: str) -> str:
    """Install with uv, which takes a fifth of pip's time; returns what went wrong, or nothing."""
    return _run("pip", "install", "uv") or _run("uv", "pip", "install", "--python", str(PYTHON), "--requirement", file)


def _run(*module: str) -> str:
    """Run a module of `.venv` and return what went wrong, or nothing."""
    try:
        done = subprocess.run(
            [str(PYTHON), "-m", *module], cwd=ROOT, capture_output=True, text=True, timeout=UV_SECONDS
        )
    except subprocess.TimeoutExpired:
        return f"It did not end within {UV_SECONDS} s."
    return _tail(done.stdout + done.stderr) if done.returncode else ""


def _tail(output: str) -> str:
    """The last lines of a tool's output, without addresses: those of package indexes may hold passwords."""
    hidden = re.sub(r"\b\w+://\S+|host='[^']*'", "(address)", output.strip())
    return "It said:\n" + "\n".join(hidden.splitlines()[-12:])


def _say(text: str) -> None:
    print(text, flush=True)

"""The project's own mail templates (MJML by Jinja2), which are trusted: they come with the code, not from people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined


class Layout:
    """The templates of one folder; everything printed is escaped unless it is an object with ``__html__``.

    ``[[ ]]`` and ``[% %]`` are worked off now, once for a version of a mail; ``{{ }}`` and ``{% %}`` are left as they are
    for each person's mail.
    """

    def __init__(self, folder: Path) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(folder),
            autoescape=True,
            undefined=StrictUndefined,
            block_start_string="[%",
            block_end_string="%]",
            variable_start_string="[[",
            variable_end_string="]]",
            comment_start_string="[#",
            comment_end_string="#]",
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def render(self, name: str, **values: Any) -> str:
        return self._environment.get_template(name).render(**values)

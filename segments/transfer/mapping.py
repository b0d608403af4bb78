"""Which column of a file is which field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from django.utils.translation import gettext as _

from segments.transfer.types import Unusable

ATTRIBUTE = "attributes."


def parse_map(words: Iterable[str]) -> dict[str, str]:
    """Fields by column from words such as ``InvoiceNo=number``."""
    found: dict[str, str] = {}
    for word in words:
        column, equals, field = word.rpartition("=")
        if not (equals and column and field):
            raise Unusable(_("--map “%s” is not of the form column=field.") % word)
        if column in found:
            raise Unusable(_("--map names the column “%s” twice.") % column)
        found[column.strip()] = field.strip()
    return found


def places(
    header: Sequence[str],
    columns: Mapping[str, str],
    fields: Iterable[str],
    needed: Iterable[str],
    attributes: Iterable[str] = (),
) -> dict[str, int]:
    """The place of every field in a row. A column that is not mapped and is named like a field is that field."""
    known = {*fields, *(f"{ATTRIBUTE}{key}" for key in attributes)}
    found: dict[str, int] = {}
    for column, field in columns.items():
        if column not in header:
            raise Unusable(
                _("The file has no column “%(column)s”; it has %(header)s.")
                % {"column": column, "header": ", ".join(header)}
            )
        if field not in known:
            raise Unusable(
                _("There is no field “%(field)s”; there are %(known)s.")
                % {"field": field, "known": ", ".join(sorted(known))}
            )
        if field in found:
            raise Unusable(_("Two columns are mapped to the field “%s”.") % field)
        found[field] = header.index(column)
    for place, column in enumerate(header):
        named = column.casefold().replace(" ", "_").replace("-", "_")
        if column not in columns and named in known:
            found.setdefault(named, place)
    for field in needed:
        if field not in found:
            raise Unusable(
                _("No column is the field “%(field)s”; the file has %(header)s. Say --map column=%(field)s.")
                % {"field": field, "header": ", ".join(header)}
            )
    return found

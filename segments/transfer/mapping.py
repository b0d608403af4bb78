"""Which column of a file is which field, and what its values may do to stored ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from django.utils.translation import gettext as _

from segments.transfer.kinds import Kind
from segments.transfer.types import POLICIES, ColumnMap, Layout, Unusable


def parse_map(words: Iterable[str]) -> dict[str, dict[str, str]]:
    """Fields by column from words such as ``InvoiceNo=number`` or ``Town=city:fill``."""
    found: dict[str, dict[str, str]] = {}
    for word in words:
        column, equals, said = word.rpartition("=")
        field, _colon, policy = said.strip().partition(":")
        column = column.strip()
        if not (equals and column and field):
            raise Unusable(_("--map “%s” is not of the form column=field.") % word)
        if column in found:
            raise Unusable(_("--map names the column “%s” twice.") % column)
        found[column] = {"field": field, "policy": policy or "set"}
    return found


def suggested(
    header: Sequence[str], fields: Iterable[str], besides: ColumnMap | None = None
) -> dict[str, dict[str, str]]:
    """The columns that are named like a field; those in ``besides``, and the fields they are, are spoken for."""
    besides = besides or {}
    known, taken = set(fields), {said["field"] for said in besides.values()}
    found: dict[str, dict[str, str]] = {}
    for column in header:
        named = column.casefold().replace(" ", "_").replace("-", "_")
        if column not in besides and named in known - taken:
            found[column] = {"field": named, "policy": "set"}
            taken.add(named)
    return found


def layout(header: Sequence[str], columns: ColumnMap, kind: Kind) -> Layout:
    """Where each field stands; raises Unusable when a column, a field or a policy is not there to be had."""
    known = kind.known()
    places: dict[str, int] = {}
    policies: dict[str, str] = {}
    for column, said in columns.items():
        field, policy = said["field"], said.get("policy") or "set"
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
        if field in places:
            raise Unusable(_("Two columns are mapped to the field “%s”.") % field)
        if policy not in known[field]:
            raise Unusable(_refused_policy(field, policy, known))
        places[field] = header.index(column)
        policies[field] = policy
    for field in kind.needed:
        if field not in places:
            raise Unusable(
                _("No column is the field “%(field)s”; the file has %(header)s. Say --map column=%(field)s.")
                % {"field": field, "header": ", ".join(header)}
            )
    return Layout(places, policies)


def _refused_policy(field: str, policy: str, known: Mapping[str, Sequence[str]]) -> str:
    if policy not in POLICIES:
        return _("“%(policy)s” is not what a value may do to a stored one; there are %(known)s.") % {
            "policy": policy,
            "known": ", ".join(POLICIES),
        }
    return _("“%(policy)s” is not possible for the field “%(field)s”, only %(known)s.") % {
        "policy": policy,
        "field": field,
        "known": ", ".join(known[field]),
    }

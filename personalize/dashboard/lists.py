"""The list toolkit: search, tabs, filters, sorting, columns, pages, selection and export, all in the address of the page."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import F, OrderBy, QuerySet
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.utils.text import slugify

from personalize.core import audit, permissions, registries
from personalize.core.registries import ListColumn, ListFilter, ListView

PAGE_SIZES = (15, 30, 50)
EXPORT_SLICE = 2000
# Names of what the pages send: ticked rows, all that were found, and the wish for the usual columns.
SELECT_ROW, SELECT_ALL, USUAL = "row", "all", "usual"
SESSION_COLUMNS = "columns"
# A spreadsheet runs what begins like this as a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Column:
    """One column: ``value(row)`` is plain and exported, ``show(row)`` is what the cell shows (default: the value).

    ``sort`` are the fields it sorts by; with ``missing_last`` rows without a value come last whichever way it runs.
    ``later`` columns are left out on a phone, ``only_exported`` ones on every page, ``optional`` ones until chosen.
    """

    key: str
    label: Any
    value: Callable[[Any], Any]
    show: Callable[[Any], Any] | None = None
    sort: tuple[str, ...] = ()
    number: bool = False
    later: bool = False
    quiet: bool = False
    only_exported: bool = False
    optional: bool = False
    missing_last: bool = False


@dataclass(frozen=True)
class Lists:
    """What a kind of list consists of; ``name`` is the page other apps bring columns, filters and views to."""

    name: str
    columns: Sequence[Column]
    search: Callable[[QuerySet[Any], str], QuerySet[Any]] | None = None
    search_label: Any = ""
    filters: Sequence[ListFilter] = ()
    views: Sequence[ListView] = ()
    sort: str = ""
    page_size: int = PAGE_SIZES[0]
    export_action: str = ""


class ListPage:
    """One request's look at a list: reads the address, narrows the rows, and renders or exports them."""

    def __init__(
        self, request: HttpRequest, kind: Lists, rows: QuerySet[Any], *, fixed: Mapping[str, str] | None = None
    ) -> None:
        """``fixed`` are filters, by key, that the page itself has applied to ``rows``: nobody can take them off."""
        self.request = request
        self.kind = kind
        self.fixed = fixed or {}
        self._all = rows
        self.words = request.GET.get("q", "").strip() if kind.search else ""

    @cached_property
    def columns(self) -> list[Column | ListColumn]:
        brought = [column for column in registries.list_columns if column.page == self.kind.name]
        return [*self.kind.columns[:1], *brought, *self.kind.columns[1:]]

    @cached_property
    def _showable(self) -> list[Column | ListColumn]:
        return [column for column in self.columns if isinstance(column, ListColumn) or not column.only_exported]

    @cached_property
    def shown(self) -> list[Column | ListColumn]:
        """The columns of the page, the first always among them; an export has all."""
        chosen = self._chosen()
        usual = {c.key for c in self._showable if isinstance(c, ListColumn) or not c.optional}
        wanted = usual if chosen is None else chosen
        return [column for place, column in enumerate(self._showable) if place == 0 or column.key in wanted]

    def _chosen(self) -> set[str] | None:
        """The columns somebody asked for: now, in the address, or earlier in this session; None for the usual ones."""
        remembered = self.request.session.get(SESSION_COLUMNS, {})
        asked = self.request.GET.getlist("column")
        if not self.choosable or not asked:
            return set(remembered[self.kind.name]) if self.kind.name in remembered else None
        known = {column.key for column in self._showable}
        kept = {name: keys for name, keys in remembered.items() if name != self.kind.name}
        chosen = None if USUAL in asked else sorted(known.intersection(asked))
        if chosen is not None:
            kept[self.kind.name] = chosen
        if kept != remembered:
            self.request.session[SESSION_COLUMNS] = kept
        return None if chosen is None else set(chosen)

    @cached_property
    def choosable(self) -> bool:
        """Whether there are columns one may choose."""
        return any(isinstance(column, Column) and column.optional for column in self.columns)

    def choices_of_columns(self) -> list[dict[str, Any]]:
        """Every column but the first, and whether it is shown, for the column menu."""
        shown = {column.key for column in self.shown}
        return [
            {"key": column.key, "label": column.label, "shown": column.key in shown} for column in self._showable[1:]
        ]

    @property
    def first_column(self) -> str:
        """The key of the column that is always shown."""
        return self._showable[0].key

    @property
    def asked_columns(self) -> list[str]:
        """The columns the address names."""
        return self.request.GET.getlist("column") if self.choosable else []

    def kept_query(self) -> list[tuple[str, str]]:
        """The rest of the address, which the column menu must not lose."""
        return [
            (key, value)
            for key, values in self.request.GET.lists()
            if key not in ("column", "format")
            for value in values
        ]

    @cached_property
    def filters(self) -> list[ListFilter]:
        brought = (one for one in registries.list_filters if one.page == self.kind.name)
        return [one for one in (*self.kind.filters, *brought) if one.key not in self.fixed]

    @cached_property
    def views(self) -> list[ListView]:
        return [*self.kind.views, *(one for one in registries.list_views if one.page == self.kind.name)]

    @cached_property
    def view(self) -> ListView | None:
        """The open tab; the first when the address names none."""
        wanted = self.request.GET.get("view", "")
        return next((one for one in self.views if one.key == wanted), self.views[0] if self.views else None)

    @cached_property
    def _choices(self) -> dict[str, list[tuple[str, Any]]]:
        return {one.key: list(one.choices()) for one in self.filters}

    @cached_property
    def applied(self) -> list[tuple[ListFilter, str, Any]]:
        """Filters in force as (filter, value, label of the value); values nobody offers are ignored."""
        found = []
        for one in self.filters:
            value = self.request.GET.get(one.key, "")
            label = dict(self._choices[one.key]).get(value)
            if value and label is not None:
                found.append((one, value, label))
        return found

    def filter_fields(self) -> list[tuple[ListFilter, list[tuple[str, Any]], str]]:
        """Every filter with its choices and the value in force, for the filter menu."""
        in_force = {one.key: value for one, value, _label in self.applied}
        return [(one, self._choices[one.key], in_force.get(one.key, "")) for one in self.filters]

    def tabs(self) -> list[dict[str, Any]]:
        """The views with their counts, the open one marked."""
        return [
            {"key": one.key, "label": one.label, "count": one.narrow(self._all).count(), "current": one is self.view}
            for one in self.views
        ]

    @cached_property
    def sort(self) -> str:
        """The column sorted by, with a minus in front when it runs down."""
        wanted = self.request.GET.get("sort", "")
        known = {column.key for column in self.kind.columns if column.sort}
        return wanted if wanted.removeprefix("-") in known else self.kind.sort

    @cached_property
    def rows(self) -> QuerySet[Any]:
        """What the address asks for, in its order."""
        rows = self.view.narrow(self._all) if self.view else self._all
        if self.words and self.kind.search:
            rows = self.kind.search(rows, self.words)
        for one, value, _label in self.applied:
            rows = one.narrow(rows, value)
        down = self.sort.startswith("-")
        by = next((column for column in self.kind.columns if column.key == self.sort.removeprefix("-")), None)
        order: list[str | OrderBy] = []
        if by is not None:
            last = True if by.missing_last else None
            order = [OrderBy(F(name), descending=down, nulls_last=last) for name in by.sort]
        # The primary key settles ties, so that no row is on two pages.
        return rows.order_by(*order, "-pk" if down else "pk")

    @cached_property
    def page_size(self) -> int:
        size = self.request.GET.get("size", "")
        return int(size) if size in map(str, PAGE_SIZES) else self.kind.page_size

    @cached_property
    def page(self) -> Page[Any]:
        return Paginator(self.rows, self.page_size).get_page(self.request.GET.get("page"))

    @property
    def count(self) -> int:
        return self.page.paginator.count

    @property
    def searchable(self) -> bool:
        return self.kind.search is not None

    @property
    def narrowed(self) -> bool:
        """Whether search or filters hide rows."""
        return bool(self.words or self.applied)

    def heads(self) -> list[dict[str, Any]]:
        """The column heads with where a click on each sorts to."""
        heads = []
        for column in self.shown:
            sortable = isinstance(column, Column) and bool(column.sort)
            current = self.sort.removeprefix("-") == column.key
            down = self.sort.startswith("-")
            heads.append(
                {
                    "label": column.label,
                    "number": column.number,
                    "later": column.later,
                    "sort": (column.key if current and down else f"-{column.key}" if current else column.key)
                    if sortable
                    else "",
                    "arrow": ("arrow_downward" if down else "arrow_upward") if current else "",
                }
            )
        return heads

    def lines(self) -> list[dict[str, Any]]:
        """The rows of this page with their cells."""
        rows = list(self.page.object_list)
        brought = self._brought(rows, self.shown)
        return [
            {
                "row": row,
                "cells": [
                    {
                        "content": self._show(column, row, brought),
                        "number": column.number,
                        "later": column.later,
                        "quiet": isinstance(column, Column) and column.quiet,
                    }
                    for column in self.shown
                ],
            }
            for row in rows
        ]

    @staticmethod
    def _brought(rows: Sequence[Any], columns: Sequence[Column | ListColumn]) -> dict[str, Any]:
        return {column.key: column.values(rows) for column in columns if isinstance(column, ListColumn)}

    @staticmethod
    def _show(column: Column | ListColumn, row: Any, brought: dict[str, Any]) -> Any:
        if isinstance(column, Column):
            return column.show(row) if column.show else column.value(row)
        value = brought[column.key].get(row.pk)
        return column.show(value, row) if column.show else value

    @cached_property
    def bulk(self) -> list[dict[str, Any]]:
        """What the reader may do with selected rows; each address carries the search and filters of this list."""
        query = self.request.GET.copy()
        query.pop("page", None)
        for key, value in self.fixed.items():
            query[key] = value
        asked = f"?{query.urlencode()}" if query else ""
        return [
            {"label": one.label, "icon": one.icon, "url": url + asked}
            for one in registries.bulk_actions
            if one.page == self.kind.name
            and permissions.allowed(self.request.user, one.action)
            and (url := one.url(self.request))
        ]

    @property
    def exportable(self) -> bool:
        return bool(self.kind.export_action) and permissions.allowed(self.request.user, self.kind.export_action)

    @property
    def wants_export(self) -> bool:
        return self.request.GET.get("format") == "csv"

    def export(self) -> HttpResponseBase:
        """All rows the address asks for as CSV, streamed; noted in the audit trail. Raises PermissionDenied."""
        if not self.exportable:
            raise PermissionDenied(self.kind.export_action)
        audit.record(
            actor=self.request.user, action=self.kind.export_action, list=self.kind.name, rows=self.rows.count()
        )
        writer = csv.writer(Echo())
        return StreamingHttpResponse(
            (writer.writerow(line) for line in self._export_lines()),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{slugify(self.kind.name)}.csv"'},
        )

    def _export_lines(self) -> Iterator[list[Any]]:
        yield [str(column.label) for column in self.columns]
        batch: list[Any] = []
        for row in self.rows.iterator(chunk_size=EXPORT_SLICE):
            batch.append(row)
            if len(batch) == EXPORT_SLICE:
                yield from self._plain(batch)
                batch = []
        yield from self._plain(batch)

    def _plain(self, rows: Sequence[Any]) -> Iterator[list[Any]]:
        brought = self._brought(rows, self.columns)
        for row in rows:
            yield [
                formula_safe(column.value(row) if isinstance(column, Column) else brought[column.key].get(row.pk))
                for column in self.columns
            ]


def selected(request: HttpRequest, kind: Lists, rows: QuerySet[Any]) -> QuerySet[Any]:
    """The rows of a list that a posted selection means: those ticked, or all that the address finds.

    ``rows`` and ``kind`` are those of the list; what is not among its rows is not selected, whatever was posted.
    """
    found = ListPage(request, kind, rows).rows
    if request.POST.get(SELECT_ALL):
        return found
    ticked = [int(value) for value in request.POST.getlist(SELECT_ROW) if value.isdecimal() and len(value) < 19]
    return found.filter(pk__in=ticked)


class Echo:
    """A file that hands back what is written to it, for streaming."""

    def write(self, line: str) -> str:
        return line


def formula_safe(value: Any) -> Any:
    """A cell no spreadsheet runs: texts that begin like a formula get an apostrophe in front; numbers stay numbers."""
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return "" if value is None else value

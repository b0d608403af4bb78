"""Lists that higher apps fill in ``AppConfig.ready`` so that lower pages can show what they bring.

Each registry is one ``Registry`` of one small frozen class; ``in_order`` gives the entries by their ``order``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeAlias, TypeVar
from uuid import UUID

from django.http import HttpRequest


class Ordered(Protocol):
    @property
    def key(self) -> str: ...
    @property
    def order(self) -> int: ...


T = TypeVar("T", bound=Ordered)
Use: TypeAlias = tuple[str, str, str]


class Registry(Generic[T]):
    """Entries by key; adding a key a second time is a bug and raises ValueError."""

    def __init__(self) -> None:
        self._entries: dict[str, T] = {}

    def add(self, entry: T) -> T:
        if entry.key in self._entries:
            raise ValueError(f"{entry.key!r} is registered twice.")
        self._entries[entry.key] = entry
        return entry

    def in_order(self) -> list[T]:
        return sorted(self._entries.values(), key=lambda entry: (entry.order, entry.key))

    def get(self, key: str) -> T | None:
        return self._entries.get(key)

    def __iter__(self) -> Iterator[T]:
        return iter(self.in_order())


@dataclass(frozen=True)
class MenuEntry:
    """A line of the navigation. ``count`` gives the figure at its right, or None."""

    key: str
    label: Any
    icon: str
    url_name: str
    action: str
    group: Any = ""
    order: int = 100
    count: Callable[[], int | None] | None = None


@dataclass(frozen=True)
class Panel:
    """A part of a page, rendered by ``template`` with what ``context(request, target)`` returns (None: not shown).

    ``page`` names the page it belongs to, such as ``home.main``, ``home.side``, ``subscriber.side`` or ``campaign``.
    """

    key: str
    page: str
    template: str
    context: Callable[[HttpRequest, Any], dict[str, Any] | None]
    order: int = 100


@dataclass(frozen=True)
class Tab:
    """A tab of a page; ``url(target)`` is where it leads, None when the tab does not apply."""

    key: str
    page: str
    label: Any
    url: Callable[[Any], str | None]
    order: int = 100


@dataclass(frozen=True)
class Stat:
    """A figure of the strip on top of a page, with its denominator or model as ``note``; ``value`` None hides it."""

    label: Any
    value: Any
    note: Any = ""
    url: str = ""


@dataclass(frozen=True)
class ListColumn:
    """A column brought to a list: ``values(rows)`` gives plain values by primary key, with a fixed number of queries.

    ``show(value, row)`` is what the cell shows; an export takes the plain value. ``later`` columns are left out on a
    phone. ``page`` names the list, such as ``subscribers``.
    """

    key: str
    page: str
    label: Any
    values: Callable[[Sequence[Any]], Mapping[Any, Any]]
    show: Callable[[Any, Any], Any] | None = None
    number: bool = False
    later: bool = True
    order: int = 100


@dataclass(frozen=True)
class ListFilter:
    """A condition one may set on a list: ``choices()`` as (value, label), ``narrow(queryset, value)`` applies one."""

    key: str
    page: str
    label: Any
    choices: Callable[[], Sequence[tuple[str, Any]]]
    narrow: Callable[[Any, str], Any]
    order: int = 100


@dataclass(frozen=True)
class ListView:
    """A tab above a list: a selection with a name and its count."""

    key: str
    page: str
    label: Any
    narrow: Callable[[Any], Any]
    order: int = 100


@dataclass(frozen=True)
class PageAction:
    """A button in the head of a page; ``url(target)`` is where it leads, None when it does not apply.

    ``page`` names the page it belongs to, such as ``subscriber``; ``label(target)`` is the verb with its object.
    """

    key: str
    page: str
    label: Callable[[Any], Any]
    icon: str
    url: Callable[[Any], str | None]
    action: str
    order: int = 100


@dataclass(frozen=True)
class BulkAction:
    """Something one can do with the rows selected in a list: ``url(request)`` is where the selection is posted, None
    when it does not apply on this page.

    ``page`` names the list. The view behind the address reads the selection with ``dashboard.lists.selected`` and says
    the figure before it does anything large. ``action`` is what one must be allowed to do.
    """

    key: str
    page: str
    label: Any
    icon: str
    url: Callable[[HttpRequest], str | None]
    action: str
    order: int = 100


@dataclass(frozen=True)
class StatSource:
    """Brings figures to the strip of a page."""

    key: str
    page: str
    stats: Callable[[HttpRequest, Any], list[Stat]]
    order: int = 100


@dataclass(frozen=True)
class TimelineEntry:
    """Something that happened to a person: ``verb`` is set bold, ``text`` follows it, ``detail`` is the quiet second line."""

    at: dt.datetime
    kind: str
    icon: str
    verb: Any
    text: Any = ""
    detail: Any = ""
    url: str = ""
    tone: str = ""
    lines: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Span:
    """A stretch of time: from ``since`` on, up to and without ``until``; None leaves that end open."""

    since: dt.datetime | None = None
    until: dt.datetime | None = None

    def of(self, rows: Any, field: str) -> Any:
        """The rows of a QuerySet whose ``field`` lies within."""
        if self.since is not None:
            rows = rows.filter(**{f"{field}__gte": self.since})
        if self.until is not None:
            rows = rows.filter(**{f"{field}__lt": self.until})
        return rows


@dataclass(frozen=True)
class TimelineSource:
    """Brings entries of one kind; ``count(subscriber)`` is the figure of the tab.

    ``entries(subscriber, limit, span)`` gives the newest within the span, newest first, and those of one instant always
    in the same order, so that a reader can go on where they stopped.
    """

    key: str
    label: Any
    entries: Callable[[Any, int, Span], Iterable[TimelineEntry]]
    count: Callable[[Any], int]
    order: int = 100


@dataclass(frozen=True)
class SearchHit:
    label: str
    note: str
    url: str


@dataclass(frozen=True)
class SearchSource:
    """Answers the search field: ``find(user, words, limit)``."""

    key: str
    label: Any
    find: Callable[[Any, str, int], list[SearchHit]]
    order: int = 100


@dataclass(frozen=True)
class FirstRunStep:
    """A step of the first set-up; shown on Home until ``done()``."""

    key: str
    label: Any
    note: Any
    url: Callable[[], str]
    done: Callable[[], bool]
    order: int = 100


@dataclass(frozen=True)
class UsageSource:
    """Answers "what uses this?" for objects of one kind: ``uses(target)`` gives (label, state, url) of each user.

    ``table()`` answers for all objects at once, by their key, for pages that list many; not every kind has such a page.
    ``edited`` says what an edit of the object does to each of these users.
    """

    key: str
    kind: str
    uses: Callable[[Any], list[Use]]
    table: Callable[[], Mapping[str, list[Use]]] | None = None
    edited: Any = ""
    order: int = 100


@dataclass(frozen=True)
class MailGroupSource:
    """Things that send mails as a whole, such as automations, so that rules and limits can be about one: ``named()`` gives
    the uuid that their mailings have as group, and the name. ``goes_on`` is false of those that send once, which no limit
    is about.
    """

    key: str
    named: Callable[[], list[tuple[UUID, str]]]
    goes_on: bool = True
    order: int = 100


@dataclass(frozen=True)
class MailSource:
    """What sends mails, by the ``owner_kind`` of its mailings: ``url(message, person)`` is the page that says why this one
    came, or why not; None where there is none.
    """

    key: str
    url: Callable[[Any, Any], str | None]
    order: int = 100


@dataclass(frozen=True)
class PersonalData:
    """What an app declares about one model that holds something of people; ``core.personal`` makes the usual ones.

    ``count(subscriber)`` is how many rows are about the person, ``export(subscriber)`` those rows as plain values (None:
    they say nothing to the person). ``erase(subscriber)`` deletes or empties them and ``fate`` says in words which; it is
    called while the person's own row is still whole. ``merge(survivor, duplicate)`` gives the duplicate's rows to the
    survivor. ``readdress(subscriber, former)`` takes along what is filed under the address when it changes; ``former`` is
    the address key until now, ``subscriber`` has the new one. All three return how many rows they touched.
    """

    model: str
    label: Any
    count: Callable[[Any], int]
    export: Callable[[Any], Iterable[Mapping[str, Any]]] | None
    erase: Callable[[Any], int]
    merge: Callable[[Any, Any], int]
    fate: Any
    readdress: Callable[[Any, str], int] | None = None
    order: int = 100

    @property
    def key(self) -> str:
        return self.model


@dataclass(frozen=True)
class Retention:
    """How long rows of one kind are kept; ``core.retention`` makes the usual ones.

    ``days`` holds unless RETENTION_DAYS says otherwise; None is for ever. ``count(before)`` is how many are older,
    ``prune(before)`` removes one slice of them, or what is personal in them, and returns how many rows that were; 0 is the
    end.
    """

    key: str
    label: Any
    days: int | None
    count: Callable[[dt.datetime], int]
    prune: Callable[[dt.datetime], int]
    fate: Any
    order: int = 100


menu: Registry[MenuEntry] = Registry()
creations: Registry[MenuEntry] = Registry()  # Lines of the Create menu in the top bar.
actions: Registry[PageAction] = Registry()
bulk_actions: Registry[BulkAction] = Registry()
list_columns: Registry[ListColumn] = Registry()
list_filters: Registry[ListFilter] = Registry()
list_views: Registry[ListView] = Registry()
panels: Registry[Panel] = Registry()
tabs: Registry[Tab] = Registry()
stats: Registry[StatSource] = Registry()
timeline: Registry[TimelineSource] = Registry()
search: Registry[SearchSource] = Registry()
first_run: Registry[FirstRunStep] = Registry()
usages: Registry[UsageSource] = Registry()
mail_groups: Registry[MailGroupSource] = Registry()
mail_sources: Registry[MailSource] = Registry()
personal_data: Registry[PersonalData] = Registry()
retention: Registry[Retention] = Registry()


def uses_of(kind: str, target: Any) -> list[Use]:
    """Everything that uses ``target``, an object of ``kind``."""
    return [use for source in usages if source.kind == kind for use in source.uses(target)]


def touched_by_edit(kind: str, target: Any) -> list[tuple[Use, Any]]:
    """Everything that uses ``target``, each with what an edit of it does there, in words."""
    return [(use, source.edited) for source in usages if source.kind == kind for use in source.uses(target)]


def uses_of_all(kind: str) -> dict[str, list[Use]]:
    """The uses of all objects of ``kind`` at once, by their key."""
    found: dict[str, list[Use]] = {}
    for source in usages:
        if source.kind == kind and source.table:
            for key, uses in source.table().items():
                found.setdefault(key, []).extend(uses)
    return found

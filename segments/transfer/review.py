"""Signs of a list that was bought or harvested; such an import waits until somebody has looked at it."""

from __future__ import annotations

from functools import cache

from babel import Locale
from django.utils.translation import gettext as _

from segments.subscribers.models import Subscriber
from segments.transfer.types import Layout, Record

MAX_SHARE = 0.10
MAX_GROWTH = 5
SMALL_LIST = 1000
"""A young list may grow by any factor."""
FEW_ROWS = 20
"""In fewer rows a share says nothing."""

# Mailboxes of a function; their owners asked for no newsletter.
_FUNCTIONS = """
abuse admin administrator billing contact enquiries hello help hostmaster info jobs mail marketing news no-reply noc
noreply office postmaster privacy root sales security service spam staff support sysadmin team webmaster
"""
_ROLES = frozenset(_FUNCTIONS.split())
# Ends of domains beyond the countries' own, and "example", where nobody lives but the people of examples. An end that is
# missing here counts as unknown, which is forgiven to a tenth of the rows.
_GENERIC = """
example
academy agency app art asia bank berlin best biz blog boutique business buzz cafe capital care cat center city cloud
club coach codes coffee com community company consulting cool coop cymru design dev digital direct earth edu
education email energy engineering estate eu events expert express family fashion film finance fit fitness
foundation fun fund gallery garden gift global gmbh gold gov graphics green group guide guru hamburg health help
hockey holiday host house icu immo inc info ink institute int international io jobs kitchen koeln land law legal
life limited link live loan london lt ltd luxe management market marketing mba media men mil mobi moe money museum
name net network news nrw nyc ong online ooo org organic page paris partners party photo photography photos pictures
pizza plus post press pro productions properties pub pw realty red rent repair report rest restaurant rocks ruhr run
saarland sale salon sarl school schule science scot services shoes shop shopping show site ski social software solar
solutions space store studio style supply support swiss systems tax taxi team tech technology tel tennis theater
tienda tips tirol today tokyo tools top tours town toys trade training travel tube university vacations ventures vet
video villas vin vip vision voyage wales watch web website wedding wien wiki win wine work works world wtf xyz yoga
zone
"""
_ENDS = frozenset(_GENERIC.split())


class Doubts:
    """Looks at the addresses of a file as it goes by."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._roles = self._unknown = 0

    def see(self, record: Record) -> None:
        """Look at one more row."""
        local, _at, domain = self._layout.value(record, "email").strip().casefold().rpartition("@")
        if local in _ROLES:
            self._roles += 1
        elif domain and not _is_known(domain.rpartition(".")[2]):
            self._unknown += 1

    def reason(self, rows: int) -> str:
        """Why somebody should look at the file before its rows go in; empty for an ordinary one."""
        strange = self._roles + self._unknown
        if rows >= FEW_ROWS and strange > rows * MAX_SHARE:
            return _(
                "%(roles)d addresses of functions (such as info@) and %(unknown)d with unknown endings among %(rows)d rows: "
                "such lists are often bought or harvested."
            ) % {"roles": self._roles, "unknown": self._unknown, "rows": rows}
        people = Subscriber.objects.present().count()
        if people > SMALL_LIST and rows > people * MAX_GROWTH:
            return _("%(rows)d rows would make the list of %(people)d people more than five times as long.") % {
                "rows": rows,
                "people": people,
            }
        return ""


@cache
def _countries() -> frozenset[str]:
    return frozenset(code.casefold() for code in map(str, Locale("en").territories) if len(code) == 2) | {"uk", "su"}


def _is_known(end: str) -> bool:
    return end in _ENDS or end in _countries() or end.startswith("xn--")

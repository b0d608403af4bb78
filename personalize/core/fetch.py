"""The one door out over HTTP, shut to everything that is not the public internet.

An address somebody typed in must not let them reach our own network. So a name is resolved once, every address it has must
be global, the connection goes to that very address (whatever the name says a moment later), and each redirect is looked at
like the first address.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import re
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urljoin, urlsplit

from django.utils.translation import gettext as _

SECONDS = 10.0
MAX_BYTES = 10 * 1024 * 1024
MAX_REDIRECTS = 3
PORTS = {"http": 80, "https": 443}
_CHUNK = 64 * 1024
_READING: Mapping[str, str] = {"Accept-Encoding": "gzip"}

IP = ipaddress.IPv4Address | ipaddress.IPv6Address
Reachable = Callable[[IP, int], bool]


@dataclass(frozen=True)
class Fetched:
    """What was fetched: where it came from in the end, what it says it is, and how long it is in bytes, unpacked."""

    url: str
    content_type: str
    size: int


@dataclass(frozen=True)
class Refused:
    """Why nothing was fetched, in plain words."""

    reason: str


@dataclass(frozen=True)
class Answered:
    """What a server answered to a call: the status, and how long it asks to be left alone, in seconds, if it says so."""

    status: int
    rest: float | None


class _No(Exception):
    """Ends a fetch with its reason."""


def is_public(ip: IP, port: int) -> bool:
    """Whether an address is anybody's on the internet, on one of the two ports of the web."""
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is not None and not inner.is_global:
            return False
        if ip in _NAT64:
            return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF).is_global and port in PORTS.values()
    return ip.is_global and not ip.is_multicast and port in PORTS.values()


# The last part of a host that the system would read as a number, whatever its notation.
_NUMERIC = re.compile(r"\d*|0x[0-9a-f]*", re.IGNORECASE)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def fetch(
    url: str,
    *,
    to: Path,
    reachable: Reachable = is_public,
    seconds: float = SECONDS,
    max_bytes: int = MAX_BYTES,
    trusted: ssl.SSLContext | None = None,
) -> Fetched | Refused:
    """Write what ``url`` gives to ``to``, at most ``max_bytes`` of it unpacked, within ``seconds`` for all of it.

    ``reachable`` says which addresses and ports may be spoken to, ``trusted`` whose certificates are believed; both are
    the internet's own unless told otherwise. After a refusal nothing is left at ``to``.
    """
    deadline = time.monotonic() + seconds
    try:
        for _redirect in range(MAX_REDIRECTS + 1):
            connection, response = _request(url, reachable, deadline, trusted)
            with connection:
                if response.status in (301, 302, 303, 307, 308):
                    url = urljoin(url, response.getheader("Location", ""))
                    continue
                if response.status != 200:
                    raise _No(_("It answered with status %d.") % response.status)
                size = _save(response, connection, to, max_bytes)
                return Fetched(url, response.getheader("Content-Type", ""), size)
        raise _No(_("It was redirected more than %d times.") % MAX_REDIRECTS)
    except _No as no:
        reason = str(no)
    except (OSError, http.client.HTTPException, zlib.error) as error:
        reason = _("It could not be read: %s") % (error or type(error).__name__)
    to.unlink(missing_ok=True)
    return Refused(reason)


def tell(
    url: str,
    *,
    body: bytes,
    headers: Mapping[str, str],
    reachable: Reachable = is_public,
    seconds: float = SECONDS,
    trusted: ssl.SSLContext | None = None,
) -> Answered | Refused:
    """POST ``body`` to ``url`` within ``seconds``; redirects are not followed, and what is answered is not read.

    ``reachable`` and ``trusted`` as for ``fetch``. Refused says that no answer came; whether the other side has heard is
    not known then.
    """
    deadline = time.monotonic() + seconds
    try:
        connection, response = _request(url, reachable, deadline, trusted, body, headers)
        with connection:
            rest = response.getheader("Retry-After", "")
            return Answered(response.status, float(rest) if rest.isdigit() else None)
    except _No as no:
        return Refused(str(no))
    except (OSError, http.client.HTTPException) as error:
        return Refused(_("It could not be reached: %s") % (error or type(error).__name__))


def problem_of(url: str) -> str:
    """What is wrong with an address as it is written, in plain words; "" when it may be asked whether anybody is there."""
    try:
        _checked(url)
    except _No as no:
        return str(no)
    return ""


def _request(
    url: str,
    reachable: Reachable,
    deadline: float,
    trusted: ssl.SSLContext | None,
    body: bytes | None = None,
    headers: Mapping[str, str] = _READING,
) -> tuple[_Pinned, http.client.HTTPResponse]:
    parts, port = _checked(url)
    ip = _resolved(parts.hostname or "", port, reachable)
    connection = _Pinned(parts, port, ip, deadline, trusted or ssl.create_default_context())
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        method = "GET" if body is None else "POST"
        connection.request(method, path, body=body, headers={"User-Agent": "Personalize", **headers})
        return connection, connection.getresponse()
    except BaseException:
        connection.close()
        raise


def _checked(url: str) -> tuple[SplitResult, int]:
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        raise _No(_("It is not an address.")) from None
    if parts.scheme not in PORTS or not parts.hostname:
        raise _No(_("Only addresses that start with https:// or http:// are fetched."))
    if parts.username is not None or parts.password is not None:
        raise _No(_("The address must not hold a name or a password."))
    if not url.isascii() or not url.isprintable() or " " in url:
        raise _No(_("The address has marks that do not belong into one."))
    return parts, port


def _resolved(host: str, port: int, reachable: Reachable) -> IP:
    """The address to connect to. All addresses of the name must be reachable, or it is refused."""
    literal = _literal(host)
    if literal is not None:
        ips: list[IP] = [literal]
    elif _NUMERIC.fullmatch(host.rstrip(".").rpartition(".")[2]):
        # 2130706433, 0177.0.0.1, 0x7f.1: the system would read them as numbers; nobody writes to a shop like that.
        raise _No(_("The host is a number in disguise."))
    else:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        ips = list(dict.fromkeys(ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found))
    if not ips or not all(reachable(ip, port) for ip in ips):
        raise _No(_("It does not lead to the public internet."))
    return ips[0]


def _literal(host: str) -> IP | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


class _Pinned(http.client.HTTPConnection):
    """A connection to one address, speaking to the host of the URL: its name is in the Host header and the certificate."""

    def __init__(self, parts: SplitResult, port: int, ip: IP, deadline: float, trusted: ssl.SSLContext) -> None:
        super().__init__(parts.hostname or "", port)
        self._tls = trusted if parts.scheme == "https" else None
        self._ip = str(ip)
        self._deadline = deadline
        self._alarm: threading.Timer | None = None

    def connect(self) -> None:
        self.sock = socket.create_connection((self._ip, self.port), self.time_left())
        self._alarm = threading.Timer(self.time_left(), self._cut)
        self._alarm.daemon = True
        self._alarm.start()
        if self._tls is not None:
            self.sock = self._tls.wrap_socket(self.sock, server_hostname=self.host)

    def _cut(self) -> None:
        """Ends whatever is being waited for, be it a handshake or a header that comes letter by letter."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        super().close()

    def time_left(self) -> float:
        """Seconds until the fetch has taken too long. Raises _No when it has."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise _No(_("It took too long."))
        return left

    def __enter__(self) -> _Pinned:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def _save(response: http.client.HTTPResponse, connection: _Pinned, to: Path, max_bytes: int) -> int:
    size = 0
    with to.open("wb") as file:
        for part in _unpacked(response, connection):
            size += len(part)
            if size > max_bytes:
                raise _No(_("It is longer than %d MB.") % (max_bytes // 1024 // 1024))
            file.write(part)
    return size


def _unpacked(response: http.client.HTTPResponse, connection: _Pinned) -> Iterator[bytes]:
    """The body, gunzipped in small parts where it is packed, so that a bomb is noticed while it opens."""
    packing = response.getheader("Content-Encoding", "identity").lower()
    if packing not in ("identity", "gzip"):
        raise _No(_("It is packed in a way we do not read: %s.") % packing[:40])
    unzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16) if packing == "gzip" else None
    while True:
        part = response.read1(_CHUNK)
        connection.time_left()
        if not part:
            break
        if unzip is None:
            yield part
            continue
        while part:
            yield unzip.decompress(part, _CHUNK)
            part = unzip.unconsumed_tail
    if unzip is not None and not unzip.eof:
        raise _No(_("It broke off."))
    if response.length:
        raise _No(_("It broke off."))

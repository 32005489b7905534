"""Whom we connect to, where somebody else wrote the address.

Every host is looked up once, and the connection goes to what was looked up and checked: a name
cannot turn into another machine in between (DNS rebinding).
"""

from __future__ import annotations

import ipaddress
import re
import socket
from functools import partial
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.util import parse_url

from vitrina.errors import FetchError, PrivateAddressError
from vitrina.http.deadline import Deadline, within

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_EMBEDDING = (ipaddress.ip_network("::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
_USER = re.compile(r"\s*\w+:/*[^/?#]*[@\\]")  # readers disagree on where a backslash belongs
_CONNECTIONS = 32  # kept open for each host, and hosts kept
_Address = tuple[socket.AddressFamily, Any]


class GuardedAdapter(HTTPAdapter):
    """Connections of `requests` that keep to the thread's deadline, and to the public internet.

    Args:
        allow_private: let addresses of the own network through.
    """

    def __init__(self, *, allow_private: bool) -> None:
        allows = {"allow_private": allow_private}
        self._pools = {
            "http": partial(_pool, HTTPConnectionPool, type("Http", (_Http,), allows)),
            "https": partial(_pool, HTTPSConnectionPool, type("Https", (_Https,), allows)),
        }
        super().__init__(pool_connections=_CONNECTIONS, pool_maxsize=_CONNECTIONS)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """The connections to a proxy, which are watched as well."""
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = self._pools
        return manager


def check_address(url: str) -> None:
    """Raises FetchError where `url` is no plain http(s) address."""
    try:
        parts = parse_url(url)
    except HTTPError as error:
        raise FetchError("the address cannot be understood") from error
    if parts.scheme not in {"http", "https"}:
        raise FetchError(f"{parts.scheme or 'such'}: addresses are not read; use http or https")
    if parts.auth is not None or _USER.match(url):
        raise FetchError("the address has a user name or a backslash in it; give one without")
    if not parts.host:
        raise FetchError("the address has no host")


def is_public(address: str) -> bool:
    """Whether an IP address is of the open internet: neither private, reserved nor unassigned.

    An IPv4 address inside an IPv6 one counts as itself; tunnels (6to4, Teredo) are refused.
    """
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.sixtofour or ip.teredo or ip.is_site_local:
            return False
        if ip.ipv4_mapped:
            return is_public(str(ip.ipv4_mapped))
        if ip in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
        if any(ip in network for network in _EMBEDDING):
            return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


class _Http(HTTPConnection):
    allow_private = False

    def _new_conn(self) -> socket.socket:
        return _connected(str(self.host).strip("[]"), int(self.port), self.allow_private)

    def getresponse(self) -> Any:
        if self.sock is not None:  # a kept connection belongs to another exchange now
            _deadline().watch(self.sock)
        return super().getresponse()


class _Https(_Http, HTTPSConnection):
    pass


def _pool(
    kind: type[HTTPConnectionPool], connection: type[_Http], *args: Any, **options: Any
) -> HTTPConnectionPool:
    pool = kind(*args, **options)
    pool.ConnectionCls = connection
    return pool


def _deadline() -> Deadline:
    deadline = Deadline.current()
    if deadline is None:
        raise RuntimeError("a guarded connection is used without a deadline")
    return deadline


def _connected(host: str, port: int, allow_private: bool) -> socket.socket:
    """A connection to `host`, to an address that was checked."""
    deadline = _deadline()
    addresses = _looked_up(host, port, deadline)
    for shown in () if allow_private else [target[0] for _, target in addresses]:
        if not is_public(shown):
            where = host if host == shown else f"{host} ({shown})"
            raise PrivateAddressError(f"{where} is not an address of the public internet")
    problem: OSError | None = None
    for index, (family, target) in enumerate(addresses):
        line = socket.socket(family, socket.SOCK_STREAM)
        try:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            line.settimeout(deadline.left() / (len(addresses) - index))
            line.connect(target)
            deadline.watch(line)
        except OSError as error:
            problem = error
            line.close()
        except FetchError:
            line.close()
            raise
        else:
            return line
    reason = (problem and problem.strerror) or "no answer in time"
    raise FetchError(f"{host} cannot be reached ({reason})", transient=True) from problem


def _looked_up(host: str, port: int, deadline: Deadline) -> list[_Address]:
    """The addresses of `host`. A look-up knows no time limit of its own."""
    try:
        found = within(
            deadline.left(), lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
    except UnicodeError as error:
        raise FetchError("the address has an impossible host name") from error
    except TimeoutError:
        raise deadline.too_late() from None
    except Exception:
        found = []
    if not found:
        raise FetchError(f"the host {host} cannot be found", transient=True)
    return [(family, target) for family, _, _, _, target in found]

"""Reads an address the strict way and says whether it may be called at all."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import NoReturn
from urllib.parse import urlsplit

import idna
from django.conf import settings

from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.outbound.addresses import is_public

MAX_URL = 2048
PORTS = frozenset({80, 443, 8443})
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\xa0\\\ud800-\udfff\u2028\u2029\ufeff\u200b-\u200f\u00ad]")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]*|[0-9]+")
_LOCAL_NAMES = ("localhost", "localdomain", "ip6-localhost", "ip6-loopback")


class UrlBlocked(UserError):
    """An address that is not called. Nothing was sent."""

    sent = False

    def __init__(self, message: str, *, field: str | None = None, hint: str | None = None) -> None:
        super().__init__("E_URL_BLOCKED", message, field=field, hint=hint)


@dataclass(frozen=True)
class CheckedUrl:
    """An address that may be called. `trusted`: the instance allows exactly this host and port, whatever it is."""

    url: str
    scheme: str
    host: str
    port: int
    trusted: bool = False


def check_url(url: str, *, field: str | None = "url", look_up: bool = True) -> CheckedUrl:
    """Check an address: form, scheme, port, host; with `look_up` also every address its name leads to.

    Raises UrlBlocked. A name that cannot be looked up now is accepted: the call itself will find out.
    """
    try:
        checked = _parse(url)
        if look_up and not checked.trusted:
            _look_up(checked)
    except UrlBlocked as problem:
        problem.field = field
        raise
    return checked


def is_trusted(host: str, port: int) -> bool:
    """Whether ALLOW_PRIVATE_HOSTS names exactly this host and port."""
    return (host, port) in {_host_and_port(entry) for entry in getattr(settings, "ALLOW_PRIVATE_HOSTS", ())}


def _host_and_port(entry: str) -> tuple[str, int]:
    host, _, port = entry.strip().lower().rpartition(":")
    return host.strip("[]"), int(port) if port.isdecimal() else -1


def _parse(url: str) -> CheckedUrl:
    if not isinstance(url, str) or not url:
        _block("An address is missing.")
    if len(url) > MAX_URL:
        _block(f"An address may have at most {MAX_URL:,} characters.")
    if _FORBIDDEN.search(url):
        _block("This address holds a space, a backslash or a character that has no place in an address.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        _block("This address cannot be read.")
    if parts.scheme not in ("http", "https") or not parts.netloc:
        _block("Only addresses that begin with https:// are called.")
    if "@" in parts.netloc:
        _block("An address must not hold a user name or password.", "Put credentials into the connection.")
    host = normal_host(parts.hostname or "")
    number = port if port is not None else (443 if parts.scheme == "https" else 80)
    trusted = is_trusted(host, number)
    if not trusted:
        _check_rules(parts.scheme, host, number)
    shown = f"[{host}]" if ":" in host else host
    netloc = shown if port is None else f"{shown}:{port}"
    return CheckedUrl(parts._replace(netloc=netloc).geturl(), parts.scheme, host, number, trusted)


def check_host(host: str, port: int, *, ports: Collection[int], field: str | None = None) -> str:
    """The host of a service that is not HTTP, as it will be looked up; other ports, same rules. Raises UrlBlocked."""
    try:
        found = normal_host(host)
        if not is_trusted(found, port):
            if port not in ports:
                shown = ", ".join(str(one) for one in sorted(ports))
                _block(f"Port {port} is not called here; only {shown} are.", _allow_hint(found, port))
            _check_place(found, port)
    except UrlBlocked as problem:
        problem.field = field
        raise
    return found


def _check_rules(scheme: str, host: str, port: int) -> None:
    if scheme != "https":
        _block("Only https is called.", _allow_hint(host, port))
    if port not in PORTS:
        _block(f"Port {port} is not called; only 443, 8443 and 80 are.", _allow_hint(host, port))
    _check_place(host, port)


def _check_place(host: str, port: int) -> None:
    if host in _LOCAL_NAMES or host.endswith(tuple(f".{name}" for name in _LOCAL_NAMES)):
        _block("This address leads to this machine.", _allow_hint(host, port))
    if _is_literal(host) and not is_public(host):
        _block("This address leads into a private network.", _allow_hint(host, port))


def _allow_hint(host: str, port: int) -> str:
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return f"An administrator can allow it with ALLOW_PRIVATE_HOSTS={shown}."


def normal_host(raw: str) -> str:
    """The host as it will be looked up: NFKC, IDNA, numbers in any spelling as an address. Raises UrlBlocked."""
    if ":" in raw:
        try:
            address = IPv6Address(raw)
        except ValueError:
            _block("The host of this address cannot be read.")
        if address.scope_id is not None:
            _block("An address with a zone is not called.")
        return str(address)
    host = unicodedata.normalize("NFKC", raw).replace("\u3002", ".").lower()
    host = host.removesuffix(".")
    if not host or "%" in host or len(host) > 253:
        _block("The host of this address cannot be read.")
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode()
        except (idna.IDNAError, UnicodeError):
            _block("The host of this address is not a name that exists.")
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _number_host(labels)
    if not all(_LABEL.fullmatch(label) for label in labels):
        _block("The host of this address cannot be read.")
    return host


def _number_host(labels: list[str]) -> str:
    """127.1, 0x7f000001, 017700000001, 2130706433: one address in many spellings."""
    values = [_number(label) for label in labels]
    *heads, tail = values
    if len(values) > 4 or any(value > 255 for value in heads) or tail >= 256 ** (5 - len(values)):
        _block("The host of this address cannot be read.")
    total = tail + sum(value << 8 * (3 - place) for place, value in enumerate(heads))
    return str(IPv4Address(total))


def _number(label: str) -> int:
    if not _NUMBER.fullmatch(label) or len(label) > 20:
        _block("The host of this address cannot be read.")
    if label[:2].lower() == "0x":
        return int(label[2:] or "0", 16)
    try:
        return int(label, 8) if label.startswith("0") and len(label) > 1 else int(label)
    except ValueError:
        _block("The host of this address cannot be read.")


def _is_literal(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdecimal()


def _look_up(checked: CheckedUrl) -> None:
    from orchestrator_site.lib.outbound.call import NotSent
    from orchestrator_site.lib.outbound.resolve import resolve

    try:
        resolve(checked.host, checked.port, timeout=2.0)
    except NotSent:
        return


def _block(message: str, hint: str | None = None) -> NoReturn:
    raise UrlBlocked(message, hint=hint)

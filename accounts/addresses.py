"""Where a request comes from: forwarded headers count only from the proxies this instance names."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from functools import cache

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

_FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PORT",
              "HTTP_FORWARDED", "HTTP_X_REAL_IP")  # fmt: skip

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def client_ip(request: HttpRequest) -> str | None:
    """The address of the client, or None where there is none (a socket file, a wrong value)."""
    address = _parse(request.META.get("REMOTE_ADDR", ""))
    return str(address) if address else None


def is_loopback(request: HttpRequest) -> bool:
    """Whether the client is on this machine."""
    address = _parse(request.META.get("REMOTE_ADDR", ""))
    return address is not None and address.is_loopback


def _parse(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, ipaddress.IPv6Address) else address


@cache
def _networks(named: tuple[str, ...]) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(text, strict=False) for text in named)


def _trusted(address: Address | None) -> bool:
    named = tuple(getattr(settings, "TRUSTED_PROXIES", ()))
    return address is not None and any(address in network for network in _networks(named))


class TrustedProxyMiddleware:
    """First of all: a named proxy says whose REMOTE_ADDR it is; from anybody else, forwarded headers vanish."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Settle who is asking, then go on."""
        peer = _parse(request.META.get("REMOTE_ADDR", ""))
        if _trusted(peer):
            chain = [_parse(part) for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
            client = next((address for address in reversed(chain) if address and not _trusted(address)), peer)
            request.META["REMOTE_ADDR"] = str(client)
            request.META.pop("HTTP_X_FORWARDED_HOST", None)
        else:
            for header in _FORWARDED:
                request.META.pop(header, None)
        return self.get_response(request)


__all__ = ["TrustedProxyMiddleware", "client_ip", "is_loopback"]

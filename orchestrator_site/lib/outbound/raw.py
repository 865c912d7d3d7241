"""A guarded connection for protocols that are not HTTP: the same address guard, deadline and pinning."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Collection
from functools import lru_cache

import certifi

from orchestrator_site.lib.outbound.call import CONNECT_SECONDS, Call, NotSent
from orchestrator_site.lib.outbound.resolve import resolve
from orchestrator_site.lib.outbound.urls import check_host, is_trusted


def open_socket(host: str, port: int, call: Call, *, ports: Collection[int]) -> socket.socket:
    """A connected socket within `call`, to a verified address. Raises UrlBlocked or NotSent."""
    call.check()
    place = check_host(host, port, ports=ports)
    problem: OSError | None = None
    for family, address in resolve(place, port, timeout=min(CONNECT_SECONDS, call.remaining())):
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(max(min(CONNECT_SECONDS, call.remaining()), 0.01))
            sock.connect((address, port))
            call.attach(sock)
        except OSError as error:
            sock.close()
            problem = error
            continue
        sock.settimeout(max(call.remaining(), 0.01))
        return sock
    raise NotSent(f"{host} cannot be reached: {problem}", timeout=isinstance(problem, TimeoutError))


def tls_context() -> ssl.SSLContext:
    """Certificates are verified, always."""
    return _context(os.environ.get("SSL_CERT_FILE") or certifi.where())


@lru_cache(maxsize=4)
def _context(authorities: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=authorities)


__all__ = ["is_trusted", "open_socket", "tls_context"]

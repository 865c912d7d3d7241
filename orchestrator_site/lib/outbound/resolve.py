"""Names to addresses, in a pool of four threads; a name is good only if every address it leads to is."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as PoolTimeout

from orchestrator_site.lib.outbound.addresses import is_public
from orchestrator_site.lib.outbound.call import NotSent
from orchestrator_site.lib.outbound.urls import UrlBlocked, is_trusted, normal_host

Endpoint = tuple[socket.AddressFamily, str]
DNS_SECONDS = 5.0
_pool: ThreadPoolExecutor | None = None
_pool_pid = 0


def resolve(host: str, port: int, *, timeout: float = DNS_SECONDS) -> list[Endpoint]:
    """Verified addresses of a host. Raises UrlBlocked or NotSent."""
    if _is_address(host):
        return _lookup(host, port)
    future = _executor().submit(_lookup, host, port)
    try:
        return future.result(timeout=max(timeout, 0.01))
    except PoolTimeout:
        future.cancel()
        raise NotSent(f"{host} could not be looked up in time") from None


async def resolve_async(host: str, port: int) -> list[Endpoint]:
    """The same without blocking the loop."""
    if _is_address(host):
        return _lookup(host, port)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(DNS_SECONDS):
            return await loop.run_in_executor(_executor(), _lookup, host, port)
    except TimeoutError:
        raise NotSent(f"{host} could not be looked up in time") from None


def _is_address(host: str) -> bool:
    """Whether nobody need be asked: it is an address, not a name."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _lookup(host: str, port: int) -> list[Endpoint]:
    host = normal_host(host)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as problem:
        raise NotSent(f"{host} could not be found: {problem}") from problem
    endpoints: list[Endpoint] = list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))
    if not endpoints:
        raise NotSent(f"{host} has no address")
    if not is_trusted(host, port) and not all(is_public(address) for _, address in endpoints):
        raise UrlBlocked(
            f"{host} leads into a private network.",
            hint=f"An administrator can allow it with ALLOW_PRIVATE_HOSTS={host}:{port}.",
        )
    return endpoints


def _executor() -> ThreadPoolExecutor:
    """A pool of this process; one made before a fork has no threads in the child."""
    global _pool, _pool_pid
    if _pool is None or _pool_pid != os.getpid():
        _pool, _pool_pid = ThreadPoolExecutor(4, thread_name_prefix="dns"), os.getpid()
    return _pool

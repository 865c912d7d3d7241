"""A small HTTP load generator: requests over so many kept connections, from a process of its own.

    latencies = send("127.0.0.1", 8000, [request, …], connections=50)

Raw sockets on one loop: what it costs (about 0.1 ms a request) must not hide what the product costs.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import time
from collections.abc import Iterator
from typing import Any


def request(method: str, path: str, body: Any = None, **headers: str) -> bytes:
    """The bytes of one request."""
    content = b"" if body is None else json.dumps(body).encode()
    sent = {"Host": "127.0.0.1", **headers}
    if body is not None:
        sent |= {"Content-Type": "application/json"}
    if method != "GET":
        sent["Content-Length"] = str(len(content))
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in sent.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + content


def send(port: int, requests: list[bytes], connections: int = 50, expect: tuple[int, ...] = (200,)) -> list[float]:
    """Send them all; seconds each took. Raises SystemExit for an answer that was not expected."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_send, (port, requests, connections, expect))


def _send(port: int, requests: list[bytes], connections: int, expect: tuple[int, ...]) -> list[float]:
    return asyncio.run(_all(port, requests, connections, expect))


async def _all(port: int, requests: list[bytes], connections: int, expect: tuple[int, ...]) -> list[float]:
    todo = iter(requests)
    taken: list[float] = []
    await asyncio.gather(*[_one(port, todo, taken, expect) for _ in range(min(connections, len(requests)))])
    return taken


async def _one(port: int, todo: Iterator[bytes], taken: list[float], expect: tuple[int, ...]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for content in todo:
        began = time.perf_counter()
        try:
            writer.write(content)
            keep = await _answer(reader, expect)
        except (ConnectionError, asyncio.IncompleteReadError):  # a kept connection that was closed: once more
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(content)
            keep = await _answer(reader, expect)
        taken.append(time.perf_counter() - began)
        if not keep:
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()


async def _answer(reader: asyncio.StreamReader, expect: tuple[int, ...]) -> bool:
    """Read one answer; whether the connection is kept."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    lines = head.split("\r\n")
    status = int(lines[0].split(" ")[1])
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    if headers.get("transfer-encoding") == "chunked":
        body = await _chunks(reader)
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    if status not in expect:
        raise SystemExit(f"the answer was {status}: {body[:500]!r}")
    return headers.get("connection", "").lower() != "close"


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readexactly(2)
    return body


def percentile(values: list[float], share: float) -> float:
    """The value below which so many of the values lie, in milliseconds."""
    ordered = sorted(values)
    return round(1000 * ordered[min(len(ordered) - 1, int(len(ordered) * share))], 1)

"""What was given up does not arrive later: the kernel does not go on sending what a caller left behind.

Found by cutting the network between worker and service: a look found nothing, the change was made again, and then the
first request arrived after all.
"""

import asyncio
import contextlib
import os
import signal
import socket
import threading
import time

import pytest

from orchestrator_site.lib.outbound import Call, guarded_async_client, guarded_session

BODY = b"x" * 60_000


class DeafServer:
    """Accepts, and reads only when told to; its window is small, so that a request stays in its sender's buffer."""

    def __init__(self) -> None:
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen()
        self.port = self.listener.getsockname()[1]
        self.accepted: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self.accepted.append(self.listener.accept()[0])

    def read_late(self) -> int:
        """How many bytes arrive now."""
        end = time.monotonic() + 5
        while not self.accepted and time.monotonic() < end:
            time.sleep(0.01)
        total = 0
        for sock in self.accepted:
            sock.settimeout(3)
            with contextlib.suppress(OSError):
                while part := sock.recv(65536):
                    total += len(part)
        return total


@pytest.fixture
def deaf(settings):
    server = DeafServer()
    settings.ALLOW_PRIVATE_HOSTS = [f"127.0.0.1:{server.port}"]
    yield server
    server.listener.close()


def post_blocking(port: int, size: int) -> None:
    with Call(seconds=0.5) as call:
        guarded_session(call).post(f"http://127.0.0.1:{port}/", data=b"x" * size)


def post_async(port: int, size: int) -> None:
    async def main() -> None:
        async with guarded_async_client("httpx2") as client:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    await client.post(f"http://127.0.0.1:{port}/", content=b"x" * size)
            await asyncio.sleep(0.1)

    asyncio.run(main())


@pytest.mark.parametrize("size", [60_000, 12_000_000], ids=["in the kernel's buffer", "partly in ours"])
@pytest.mark.parametrize("post", [post_blocking, post_async])
def test_a_request_whose_time_is_up_does_not_arrive_later(deaf, post, size):
    with contextlib.suppress(Exception):
        post(deaf.port, size)
    assert deaf.read_late() < size


@pytest.mark.parametrize("post", [post_blocking, post_async])
def test_a_request_of_a_process_that_dies_does_not_arrive_later(deaf, post):
    child = os.fork()
    if child == 0:
        threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGKILL)).start()
        with contextlib.suppress(BaseException):
            post(deaf.port, len(BODY))
        time.sleep(5)
        os._exit(0)
    os.waitpid(child, 0)
    assert deaf.read_late() < len(BODY)

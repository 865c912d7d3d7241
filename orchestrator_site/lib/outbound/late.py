"""What is given up must not arrive later.

The kernel goes on sending, for minutes if need be, what is left in the buffer of a socket that was closed or shut down,
or whose process died. After a cut in the network a look would find nothing, the change would be made again, and then
the first request would arrive after all. A socket that lingers for no time takes back what has not arrived (RST).
"""

from __future__ import annotations

import contextlib
import socket
import struct

_TAKES_BACK, _ORDINARY = struct.pack("ii", 1, 0), struct.pack("ii", 0, 0)


def takes_back(sock: socket.socket) -> socket.socket:
    """From now on closing it, in whatever way, takes back what has not arrived."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _TAKES_BACK)
    return sock


def has_arrived(sock: socket.socket | None) -> None:
    """There is an answer, so the request has arrived: it is closed politely."""
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ORDINARY)


def take_back(sock: socket.socket) -> None:
    """Send no more of it: what is still in our own buffer cannot follow, and its closing takes back the rest."""
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)

"""The lease of this process: how old the last committed beat is, and the timer that kills us before it runs out.

Linux: timer_create(CLOCK_BOOTTIME) with SIGKILL, which counts suspend and cannot be caught; elsewhere setitimer with
the default action of SIGALRM.
"""

from __future__ import annotations

import asyncio
import ctypes
import signal
import sys
import threading
import time
from typing import Any

from orchestrator_site.lib.clock import boottime
from workflows.engine.times import Times

CLOCK_BOOTTIME = 7


class _Timespec(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long)]


class _Itimerspec(ctypes.Structure):
    _fields_ = [("interval", _Timespec), ("value", _Timespec)]


class _Sigevent(ctypes.Structure):
    _fields_ = [
        ("value", ctypes.c_void_p),
        ("signo", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("padding", ctypes.c_char * 48),
    ]


class KillTimer:
    """Kills this process at a moment of boot time unless it is moved on."""

    def __init__(self) -> None:
        self._libc: Any = None
        self._timer = ctypes.c_void_p()
        if sys.platform == "linux":
            self._create()

    def _create(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        event = _Sigevent(signo=signal.SIGKILL, notify=0)
        if not hasattr(libc, "timer_create") or libc.timer_create(
            CLOCK_BOOTTIME, ctypes.byref(event), ctypes.byref(self._timer)
        ):
            return
        self._libc = libc

    @property
    def counts_suspend(self) -> bool:
        """Whether the kernel's own timer does the killing."""
        return self._libc is not None

    def set(self, seconds: float) -> None:
        """Kill in so many seconds; 0 disarms. From any thread."""
        if self._libc is not None:
            whole = int(seconds)
            spec = _Itimerspec(_Timespec(0, 0), _Timespec(whole, int((seconds - whole) * 1e9)))
            self._libc.timer_settime(self._timer, 0, ctypes.byref(spec), None)
        elif threading.current_thread() is threading.main_thread() or hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, max(0.0, seconds))

    def delete(self) -> None:
        """Forget the timer."""
        if self._libc is not None:
            self._libc.timer_delete(self._timer)
            self._libc = None


class Alive:
    """Kills this process when its loop has not come round for two leases, whether or not it holds one.

    Between two leases (after the soft fence) no lease's timer is set. A process that is frozen there may hold SQLite's
    turn to write, and everybody would wait for it for ever: 30 minutes and no end were seen in the story of the stops.
    """

    def __init__(self, times: Times) -> None:
        self.seconds = 2 * times.lease_seconds
        self._timer = KillTimer()

    async def keep(self) -> None:
        """Put the end off, again and again, until cancelled."""
        try:
            while True:
                self._timer.set(self.seconds)
                await asyncio.sleep(self.seconds / 20)
        finally:
            self._timer.set(0)
            self._timer.delete()


class Lease:
    """When this worker last proved that it lives; both boot time and wall time must agree."""

    def __init__(self, times: Times, *, deadly: bool = True) -> None:
        self.times = times
        self._timer = KillTimer() if deadly else None
        self._boot = boottime()
        self._wall = time.time()
        self._lock = threading.Lock()
        self.note(self._boot)

    def note(self, sent: float) -> None:
        """A beat was committed whose statement was sent at boot time `sent`."""
        now = boottime()
        with self._lock:
            self._boot, self._wall = sent, time.time() - (now - sent)
            if self._timer is not None:
                self._timer.set(max(0.001, self.times.hard_fence - (now - sent)))

    @property
    def age(self) -> float:
        """Seconds since the last beat, by the clock that says more."""
        return max(boottime() - self._boot, time.time() - self._wall)

    @property
    def may_send(self) -> bool:
        """Whether a change may still leave under this lease."""
        return self.age < self.times.send_margin

    @property
    def lost(self) -> bool:
        """The soft fence: nothing of ours may go on."""
        return self.age >= self.times.soft_fence

    def disarm(self) -> None:
        """Nothing runs under this lease any more."""
        if self._timer is not None:
            self._timer.set(0)

    def end(self) -> None:
        """Disarm for good."""
        self.disarm()
        if self._timer is not None:
            self._timer.delete()

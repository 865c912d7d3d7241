"""All times of the engine in one place, in seconds, scaled by one factor (AWO_TIME_SCALE, for tests only). Pure."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Times:
    """engine.md §3 and §9; everything that is waited for."""

    lease: float = 30.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        if self.lease <= 0 or self.scale <= 0:
            raise ValueError("the lease and the scale of times must be positive")

    def _scaled(self, seconds: float) -> float:
        return seconds * self.scale

    @property
    def lease_seconds(self) -> float:
        """How long a worker may act after its last committed beat."""
        return self._scaled(self.lease)

    @property
    def beat(self) -> float:
        """A beat at least this often."""
        return self.lease_seconds / 3

    @property
    def soft_fence(self) -> float:
        """Without a beat for so long calls are aborted and walks dropped; the process lives."""
        return self.lease_seconds - self._scaled(min(8.0, self.lease * 0.4))

    @property
    def hard_fence(self) -> float:
        """Without a beat for so long the process is killed by its timer."""
        return self.lease_seconds - self._scaled(min(2.0, self.lease * 0.1))

    @property
    def send_margin(self) -> float:
        """An effect leaves only within this age of the last beat."""
        return self.lease_seconds - self._scaled(min(5.0, self.lease * 0.25))

    @property
    def observed_dead(self) -> float:
        """A beat seen unchanged for so long, on the observer's clock, is a dead worker."""
        return self.lease_seconds + self._scaled(5.0)

    @property
    def poll(self) -> float:
        """The poll that lies under all bells, and the check for workers that died on this machine."""
        return self._scaled(1.0)

    @property
    def owned_check(self) -> float:
        """How often a worker compares its walks with the runs it owns (I22)."""
        return self._scaled(10.0)

    @property
    def sweep(self) -> float:
        """How often every non-terminal run is checked (I13)."""
        return self._scaled(60.0)

    @property
    def park_in_memory(self) -> float:
        """A parked run whose nearest due time is closer than this stays in memory."""
        return 60.0

    @property
    def settle(self) -> float:
        """Absence of an effect is believed only so long after its deadline."""
        return self._scaled(5.0)

    def look_again(self, failed: int) -> float:
        """Before the next look at an effect, after so many looks that told nothing."""
        return self._scaled(min(60.0, 2.0**failed))

    def apart(self, seconds: float) -> float:
        """Between two looks that a service needs that far apart, because it is slow to show what it has."""
        return self._scaled(seconds)

    @property
    def drain(self) -> float:
        """SIGTERM: how long steps in flight may take."""
        return self._scaled(25.0)


def from_environment(lease: float) -> Times:
    """The times of this process."""
    return Times(lease=lease, scale=float(os.environ.get("AWO_TIME_SCALE", "1") or "1"))

"""Keys for names of old files, each given once; quick for thousands of equal names. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from orchestrator_site.lib.names import MAX_KEY, is_key, slugify_key


@dataclass
class Keys:
    """The keys given so far."""

    fallback: str = "step"
    taken: set[str] = field(default_factory=set)
    _next: dict[str, int] = field(default_factory=dict)

    def give(self, name: str) -> str:
        """The name itself where it may be a key and is free, else the nearest that is."""
        base = name if is_key(name) else slugify_key(name, fallback=self.fallback)
        key = base
        while key in self.taken:
            number = self._next[base] = self._next.get(base, 1) + 1
            key = f"{base[: MAX_KEY - len(str(number)) - 1]}_{number}"
        self.taken.add(key)
        return key

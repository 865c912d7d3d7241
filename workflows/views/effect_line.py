"""One change of the ledger as it reads on a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workflows.models import Effect
from workflows.operations.undoing import Offer
from workflows.operations.words import effect_words


@dataclass(frozen=True)
class EffectLine:
    """One change of the ledger in words; `asks` when a person must say what happened."""

    effect: Effect
    asks: bool = False
    offer: Offer | None = None

    @property
    def is_open(self) -> bool:
        """Whether nobody knows yet what became of it."""
        return self.effect.state == "unknown" and self.effect.resolution != "stop"

    @property
    def service(self) -> str:
        """The service it went to."""
        return self.effect.step_run.action.partition(".")[0]

    @property
    def words(self) -> str:
        """What kind of change it was: "Create an issue"."""
        return effect_words(self.effect)

    @property
    def target(self) -> list[tuple[str, Any]]:
        """Where it went, what says something first."""
        target = self.effect.target if isinstance(self.effect.target, dict) else {}
        said = ((name.replace("_", " "), value) for name, value in target.items() if value not in ("", None))
        return [(name, ", ".join(map(str, value)) if isinstance(value, list) else value) for name, value in said][:4]

    @property
    def settled_words(self) -> str:
        """How it became certain, unless by the plain answer of the service."""
        words = {"found": "found by looking", "absent": "looked for, not there"}
        people = {"happened": "said it happened", "repeat": "said it did not happen", "stop": "stopped the run"}
        said = self.effect.resolution
        return f"{self.effect.resolved_by} {people[said]}".strip() if said in people else words.get(said, "")

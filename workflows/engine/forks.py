"""How `parallel` is walked: every branch at once, until all have ended or one has succeeded. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workflows.engine.blocks import any_taint, begin, close
from workflows.engine.frames import Finished, Frame
from workflows.engine.lists import BRANCH
from workflows.engine.loops import choice
from workflows.engine.records import Failure, StepRecord
from workflows.engine.siblings import Siblings, side_by_side

if TYPE_CHECKING:
    from workflows.engine.plan import StepPlan
    from workflows.engine.walk import Walk


async def parallel(walk: Walk, plan: StepPlan, frame: Frame, record: StepRecord) -> None:
    """`parallel`: with `all` the first failure ends the others, with `any` the first success does."""
    if record.decision is None:
        values = await walk.render(plan, frame)
        join = choice(values.get("join", "all"), ("all", "any"), "Goes on")
        begin(walk, record, {"join": join}, {"join": join})
    fork = Fork(walk, plan, frame, record)
    try:
        await fork.run()
    except Finished:
        record.output, record.tainted = await fork.output(), fork.tainted
        raise
    await close(walk, frame, record, fork.warnings, await fork.output(), fork.tainted)


class Fork:
    """The branches of one `parallel` on their way."""

    def __init__(self, walk: Walk, plan: StepPlan, frame: Frame, record: StepRecord) -> None:
        self.walk, self.plan, self.frame, self.record = walk, plan, frame, record
        self.siblings = Siblings(walk, frame, record)
        self.any = record.decision["join"] == "any"
        keys = [name.removeprefix(BRANCH) for name in plan.branches if name.startswith(BRANCH)]
        self.frames = {key: frame.inner(self.siblings.group) for key in keys}
        self.failures: dict[str, Failure] = {}

    async def run(self) -> None:
        """All branches. Raises what the block ends with."""
        try:
            if self.frames:
                await side_by_side(self.walk, [self._one(key) for key in self.frames])
        finally:
            self.frame.group.children.discard(self.siblings.group)
        self.siblings.close()
        if self.any and self.frames and self.winner is None:
            raise self._nobody()

    @property
    def winner(self) -> str | None:
        """The branch that succeeded first; that is a record."""
        won: str | None = self.record.decision.get("winner")
        return won

    @property
    def counted(self) -> dict[str, Frame]:
        """The branches whose outputs count."""
        return {key: frame for key, frame in self.frames.items() if self.winner in (None, key)}

    @property
    def tainted(self) -> bool:
        """Whether any output is from outside."""
        return any(any_taint(frame) for frame in self.counted.values())

    @property
    def warnings(self) -> list[dict[str, Any]]:
        """Those of the branches that count, and of those that failed without stopping anything."""
        found = [warning for frame in self.counted.values() for warning in frame.warnings]
        failed = [(key, self.failures[key]) for key in self.frames if key in self.failures]
        return found + [
            {"code": one.code, "message": f"Branch {key}: {one.message}", "step": one.step} for key, one in failed
        ]

    async def output(self) -> dict[str, Any]:
        """What the branches gave, by their keys."""
        results = {key: await self.walk.whole(frame.made) for key, frame in self.counted.items()}
        return {"results": results, "winner": self.winner}

    async def _one(self, key: str) -> None:
        await self.siblings.one(key, lambda: self._branch(key))

    async def _branch(self, key: str) -> None:
        try:
            await self.walk.walk_list(self.plan.branches[f"{BRANCH}{key}"], self.frames[key])
        except Failure as failure:
            if not self.any or failure.is_fatal:
                raise
            self.failures[key] = failure
            return
        if self.any and self.winner is None:
            self.siblings.decide("winner", key, "sibling")

    def _nobody(self) -> Failure:
        said = "; ".join(f"{key}: {self.failures[key].message}" for key in self.frames if key in self.failures)
        return Failure("E_NO_WINNER", f"Every branch failed. {said}"[:1000], step=self.plan.key)

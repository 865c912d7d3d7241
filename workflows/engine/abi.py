"""Which definitions and records this release can walk (engine.md §8): a run keeps the abi it was first claimed with.

2: the totals of a run include those of the runs that its steps have started.

Chunks of loops need no abi of their own: a release that does not know them goes on from the records of the items, and
so does this one where a loop was begun without them.
"""

ABI = 2
ABI_MIN = 1

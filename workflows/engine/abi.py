"""Which definitions and records this release can walk (engine.md §8): a run keeps the abi it was first claimed with.

Chunks of loops need no other abi: a release that does not know them goes on from the records of the items, and so does
this one where a loop was begun without them.
"""

ABI = 1
ABI_MIN = 1

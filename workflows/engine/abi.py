"""Which definitions and records this release can walk (engine.md §8): a run keeps the abi it was first claimed with."""

ABI = 1
ABI_MIN = 1

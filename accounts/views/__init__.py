"""Pages of `accounts`: the door, and the people and keys of a workspace."""

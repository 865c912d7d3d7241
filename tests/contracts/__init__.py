"""Every action against every service's own description, and every action against every fault (docs/contracts.md)."""

"""The original product's 15 routes at the root, with its shapes and its errors (shared/seed/README.md §1, §2, §4)."""

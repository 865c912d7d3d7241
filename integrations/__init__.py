"""Services and connections."""

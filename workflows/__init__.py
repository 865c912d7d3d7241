"""Workflows, runs and the engine."""

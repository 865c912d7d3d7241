"""Prompt texts and their versions."""

"""Prompts, their versions and the labels that point at versions."""

from prompts.models.prompt import Prompt, PromptLabel, PromptVersion

__all__ = ["Prompt", "PromptLabel", "PromptVersion"]

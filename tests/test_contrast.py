"""Text stands at 4.5:1 and marks at 3:1 on the grounds they are used on, in both themes (WCAG 1.4.3, 1.4.11)."""

import re
from pathlib import Path

import pytest

SHEET = (Path(__file__).resolve().parent.parent / "static" / "css" / "app.css").read_text()
TONES = ["ok", "run", "need", "check", "bad", "idle", "dry"]
GROUNDS = ["canvas", "surface", "sunken"]

TEXT = [
    *((ink, ground) for ink in ["text", "muted", "faint", "accent-text"] for ground in GROUNDS),
    *((f"{tone}-text", ground) for tone in TONES for ground in [f"{tone}-tint", "surface", "canvas"]),
    *(("text", f"{tone}-tint") for tone in TONES),
    ("on-accent", "accent"),
    ("on-accent", "harm"),
    ("on-logo", "logo"),
    ("accent-text", "accent-tint"),
    ("text", "accent-tint"),
    ("muted", "accent-tint"),
    ("added-text", "added"),
    ("removed-text", "removed"),
    ("model", "sunken"),
]
MARKS = [
    *((tone, "surface") for tone in TONES),
    ("ctl", "surface"),
    ("accent", "surface"),
    ("accent", "canvas"),
    ("accent", "sunken"),
]


def tokens(theme):
    """The colours of one theme, by name."""
    block = re.search(rf'\[data-bs-theme="{theme}"\] \{{(.*?)\n\}}', SHEET, re.DOTALL)
    return dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6})", block.group(1)))


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("ink, ground", TEXT)
def test_text_is_readable(theme, ink, ground):
    colours = tokens(theme)
    assert contrast(colours[ink], colours[ground]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("mark, ground", MARKS)
def test_marks_and_borders_of_fields_are_seen(theme, mark, ground):
    colours = tokens(theme)
    assert contrast(colours[mark], colours[ground]) >= 3


def test_both_themes_have_the_same_tokens():
    assert tokens("light").keys() == tokens("dark").keys()

"""The documents speak of what is there, and of all of it."""

import re
from pathlib import Path

import pytest
from django.core.management import call_command

from workflows.models import RunStatus
from workflows.operations.metrics import EFFECT_STATES

ROOT = Path(__file__).resolve().parent.parent
DOCS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("**/*.md")])
COMMANDS = {path.stem for path in ROOT.glob("*/management/commands/[a-z]*.py")}
TARGETS = set(re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split())
FROM_DJANGO = {"migrate", "shell", "makemigrations", "createsuperuser"}


def links(path: Path) -> set[Path]:
    found = re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text())
    return {(path.parent / link).resolve() for link in found if "://" not in link}


def names(pattern: str, *paths: Path) -> set[str]:
    return set().union(*(re.findall(pattern, path.read_text(), re.MULTILINE) for path in paths))


@pytest.mark.parametrize("path", DOCS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path):
    assert [str(link) for link in links(path) if not link.exists()] == []


def test_every_document_is_linked():
    linked = set().union(*map(links, DOCS))
    lost = [path for path in DOCS if path not in linked and path.parent not in linked and path.name != "README.md"]
    assert lost == []


def test_every_command_is_described_and_every_described_one_exists():
    described = names(r"^\| `(\w+)", ROOT / "docs" / "commands.md")
    assert described - {"make"} == COMMANDS
    assert names(r"manage\.py (\w+)", *DOCS) - FROM_DJANGO - COMMANDS == set()


def test_every_make_target_is_described_and_every_described_one_exists():
    assert names(r"^\| `make (\w+)`", ROOT / "docs" / "commands.md") == TARGETS
    assert names(r"(?:`|^ +)make (\w+)", *DOCS) - TARGETS == set()


def test_the_example_environment_lists_what_is_read_and_nothing_else():
    sources = [
        path
        for room in ("accounts", "prompts", "integrations", "workflows", "orchestrator_site")
        for path in (ROOT / room).rglob("*.py")
    ]
    read = names(r"\benv\.\w+\(\s*\"([A-Z_]+)\"", *sources)
    assert names(r"^([A-Z_]+)=", ROOT / ".env.example") == read


def test_every_dependency_has_a_reason():
    reasons = (ROOT / "docs" / "dependencies.md").read_text().lower()
    packages = names(r"^([A-Za-z][\w-]*)", ROOT / "requirements.in", ROOT / "requirements-dev.in")
    silent = {name for name in packages if name.lower() not in reasons and not name.startswith("types-")}
    assert silent - {"psycopg"} == set()  # "psycopg 3" is there under its number


def test_the_glossary_lists_the_states():
    text = (ROOT / "docs" / "glossary.md").read_text()
    for title, states in (("States of a run", RunStatus.values), ("States of an effect", EFFECT_STATES)):
        line = re.search(rf"{title}: (.*)\.$", text, re.MULTILINE)[1]
        assert re.sub(r" \(.*?\)", "", line).replace(" ", "_").split(",_") == list(states)


@pytest.mark.django_db
def test_the_models_are_migrated():
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)

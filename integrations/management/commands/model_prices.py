"""`manage.py model_prices`: what models cost, and which of them end."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations.prices import ModelFacts
from integrations.tables import tables

ROW = "{:<10} {:<24} {:>9} {:>9} {:>9}  {}"


class Command(BaseCommand):
    """Prices as they are used to count what runs cost."""

    help = "Print the prices of models (US dollars per million tokens), and the day they end."

    def add_arguments(self, parser: CommandParser) -> None:
        """Both narrow the list."""
        parser.add_argument("model", nargs="?", default="", help="only models with this in their name")
        parser.add_argument("--service", default="", help="only this service")

    def handle(self, *args: Any, **options: Any) -> None:
        """A line a model, the first defaults marked; then where the prices are from."""
        chosen = {slug: table for slug, table in tables().items() if options["service"] in ("", slug)}
        if not chosen:
            raise CommandError(f"There is no service “{options['service']}” with prices: {', '.join(tables())}.")
        self.stdout.write(ROW.format("service", "model", "input", "cached", "output", ""))
        for slug, table in chosen.items():
            for name, facts in table.models.items():
                if options["model"] in name:
                    usual = ["the usual one"] if any(names[0] == name for names in table.defaults.values()) else []
                    more = ", ".join([*usual, *_words(facts)])
                    prices = (_price(facts.input), _price(facts.cached), _price(facts.output))
                    self.stdout.write(ROW.format(slug, name, *prices, more).rstrip())
        for slug, table in chosen.items():
            self.stdout.write(f"{slug}: {table.source}")


def _price(value: float | None) -> str:
    return f"{value:g}" if value else "-"


def _words(facts: ModelFacts) -> list[str]:
    words = [f"{facts.minute:g} per minute"] if facts.minute is not None else []
    if facts.ends:
        words.append(f"ends {facts.ends.isoformat()}, then {facts.instead}")
    if facts.long:
        words.append(f"dearer above {facts.long.above:,} tokens")
    return words

"""Prints the ten longest functions and modules, as information (style.md); never fails."""

from __future__ import annotations

import ast
from pathlib import Path

FOLDERS = ("accounts", "prompts", "integrations", "workflows", "orchestrator_site")


def main() -> None:
    """Measure every module of the product and print the two lists."""
    modules: list[tuple[int, str]] = []
    functions: list[tuple[int, str]] = []
    for path in sorted(p for folder in FOLDERS for p in Path(folder).rglob("*.py") if "migrations" not in p.parts):
        text = path.read_text()
        modules.append((text.count("\n"), str(path)))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                functions.append(
                    ((node.end_lineno or node.lineno) - node.lineno + 1, f"{path}:{node.lineno} {node.name}")
                )
    for title, rows in (("Longest functions", functions), ("Longest modules", modules)):
        print(f"{title}:")
        for size, name in sorted(rows, reverse=True)[:10]:
            print(f"  {size:4} {name}")


if __name__ == "__main__":
    main()

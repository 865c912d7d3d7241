"""The contract server as fixtures: a plugin that `tests/conftest.py` names. Left out, with a reason, where absent.

`contract_server` is fresh for every test and fails it when a request strays from a service's own description;
`contract` is the same, with its address allowed for connections.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("CONTRACTS_DIR") or Path(__file__).resolve().parents[2] / "shared" / "contracts")
PRESENT = (FOLDER / "contract_server" / "pytest_plugin.py").is_file()
REASON = f"left out: the contract server is not at {FOLDER} (set CONTRACTS_DIR)"

if PRESENT:
    sys.path.insert(0, str(FOLDER))
    pytest_plugins = ["contract_server.pytest_plugin"]
else:

    @pytest.fixture
    def contract_server():
        pytest.skip(REASON)


@pytest.fixture
def contract(contract_server, settings):
    """The contract server, whose host and port connections may use."""
    host = contract_server.openai_url.split("/")[2]
    settings.ALLOW_PRIVATE_HOSTS = [*settings.ALLOW_PRIVATE_HOSTS, host]
    return contract_server


def pytest_configure(config: pytest.Config) -> None:
    """Say once that the contract suite is left out."""
    if not PRESENT:
        config.addinivalue_line("markers", "strays: the test sends requests that break a contract on purpose")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever asks for the contract server is a contract test."""
    for item in items:
        if "contract_server" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.contract)


TABLES = {
    "contract_table": "every action, held to the description of its service (docs/contracts.md)",
    "fault_table": "every action under every fault: how many were tried, and what they came to",
}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The tables of the contract and fault suites, wherever their tests ran."""
    said = {
        name: lines
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, lines in getattr(report, "user_properties", ())
        if name in TABLES
    }
    for name, title in TABLES.items():
        if name in said:
            terminalreporter.section(title)
            for line in said[name]:
                terminalreporter.write_line(line)


def pytest_report_header() -> str:
    """One line in the head of every report."""
    return f"contract server: {FOLDER}" if PRESENT else f"contract suite {REASON}"

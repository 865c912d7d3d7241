"""One repetition of one workload in a process of its own: prints what it found as a line of JSON.

python -m benchmarks.one W1 --database-url … --folder …        (bench.py starts it)
"""

from __future__ import annotations

import argparse
import json
import os
from importlib import import_module
from pathlib import Path

from benchmarks.stage import Stage
from benchmarks.workloads import WORKLOADS


def main() -> None:
    """Measure once."""
    parser = argparse.ArgumentParser()
    parser.add_argument("workload", choices=WORKLOADS)
    parser.add_argument("--database-url", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    options = parser.parse_args()
    before = os.getloadavg()[0]
    module, _, name = WORKLOADS[options.workload].code.partition(":")
    with Stage(options.folder, options.database_url) as stage:
        found = getattr(import_module(f"benchmarks.{module}"), name)(stage)
    print(json.dumps({**found, "load_before": round(before, 2)}))


if __name__ == "__main__":
    main()

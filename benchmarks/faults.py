"""`make faults`: the stories of faults on real workers, and one table of what was lost, doubled and so on.

docs/faults.md tells them.

python -m benchmarks.faults [--database sqlite|postgres|both] [--only matrix,kills,…] [--points P07,P09] [--modes kill]
                            [--repeat N] [--kills N] [--apart SECONDS] [--stops N] [--json FILE]
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.faults import hosts, matrix, outages, outside, processes, report, services, storm
from tests.faults.report import Row

DATABASES = ("sqlite", "postgres")
STORIES = ("matrix", "processes", "outages", "services", "outside", "hosts", "steady", "kills", "stops")
A_STORM = 200


def main() -> int:
    """Run what is asked for; 0 when there are zeros everywhere."""
    options = _options()
    report.head()
    rows: list[Row] = []
    databases = DATABASES if options.database == "both" else (options.database,)
    for database in databases:
        found = []
        for one in _stories(database, options):
            report.show(one)
            found.append(one)
        report.show(report.together("all of it", found))
        rows += found
    print(f"written to {report.write(rows, options.json)}")
    return 0 if all(one.clean for one in rows) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=(*DATABASES, "both"), default="both")
    parser.add_argument("--only", default=",".join(STORIES), help="which stories")
    parser.add_argument("--points", default=",".join(matrix.POINTS))
    parser.add_argument("--modes", default=",".join(matrix.MODES))
    parser.add_argument("--repeat", type=int, default=1, help="how often each story of the matrix is played")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--apart", type=float, default=1.5, help="seconds between two kills, on average")
    parser.add_argument("--stops", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def _stories(database: str, options: argparse.Namespace) -> Iterator[Row]:
    only = options.only.split(",")
    if "matrix" in only:
        for point in options.points.split(","):
            for mode in options.modes.split(","):
                for _ in range(options.repeat):
                    yield from matrix.stories(database, point, mode)
    if "processes" in only:
        yield from processes.stories(database, 3 * options.repeat)
    if "outages" in only:
        yield from outages.stories(database, 3 * options.repeat)
    if "services" in only:
        yield from services.stories(database)
    if "outside" in only:
        yield from outside.stories(database)
    if "hosts" in only:
        yield from hosts.stories(database, 4 * options.repeat)
    if "steady" in only:
        yield processes.steady(database)
    # In pieces: a database of its own each, so that one story's history does not slow the next.
    for turn, done in enumerate(range(0, options.kills if "kills" in only else 0, A_STORM)):
        yield storm.kills(database, min(A_STORM, options.kills - done), options.seed + turn, options.apart)
    for turn, done in enumerate(range(0, options.stops if "stops" in only else 0, A_STORM)):
        yield storm.stops(database, min(A_STORM, options.stops - done), options.seed + turn)


if __name__ == "__main__":
    sys.exit(main())

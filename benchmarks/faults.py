"""`make faults`: the crash-point matrix and random kills, with the stage of tests/faults."""

import sys

from tests.faults.matrix import main

if __name__ == "__main__":
    sys.exit(main())

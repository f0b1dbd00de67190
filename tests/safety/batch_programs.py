"""billctl as it is (`RIGHT`) or made wrong in one place where a batch must not be (`WRONG`).

`python -m tests.safety.batch_programs NAME WORDS…` runs it as a process, threads and all.
"""

import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext

RIGHT = "right"
Program = Callable[[], AbstractContextManager[None]]
WRONG: Mapping[str, Program] = {}
PROGRAMS: Mapping[str, Program] = {RIGHT: nullcontext, **WRONG}


def main() -> int:
    """Run the program that the first word names with the words that follow."""
    from billctl.cli.app import run

    with PROGRAMS[sys.argv[1]]():
        return run(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())

"""Starts the program; answers `--version` before importing anything that costs."""

import sys

from billctl import VERSION


def main() -> int:
    """Run the command line in `sys.argv`; returns the exit code."""
    if sys.argv[1:] == ["--version"] and sys.stdout is not None:
        sys.stdout.write(f"billctl {VERSION}\n")
        return 0
    from billctl.cli.app import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())

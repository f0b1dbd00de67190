"""Starts the program; answers `--version` before importing anything that costs."""

import sys

from billctl import VERSION


def main() -> int:
    """Run the command line in `sys.argv`; returns the exit code."""
    if sys.argv[1:] == ["--version"] and sys.stdout is not None:
        try:
            sys.stdout.write(f"billctl {VERSION}\n")
            sys.stdout.flush()
        except OSError as error:
            return _unwritable(error)
        return 0
    try:
        from billctl.cli.app import run
    except KeyboardInterrupt:
        sys.stderr.write("billctl: interrupted. Nothing was sent.\n")
        return 130
    from billctl.errors import Terminated
    from billctl.signals import let_kill

    try:
        code = run(sys.argv[1:])
        let_kill()  # what the interpreter does at its end would answer a signal with a traceback
    except (KeyboardInterrupt, Terminated) as stopped:  # everything was said already
        let_kill()
        code = 128 + getattr(stopped, "number", 2)
    return code


def _unwritable(error: OSError) -> int:
    """Say that standard output takes nothing, and keep Python from trying again at exit."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if isinstance(error, BrokenPipeError):
        return 0
    sys.stderr.write(f"billctl: standard output cannot be written: {error.strerror}.\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())

"""billctl, killed at a stage of a refund at WooCommerce: `python -m tests.safety.killed STAGE WORDS…`.

The stages are those of the claim protocol; which system call each comes to is not this module's matter, and
tests/safety/test_kill_everywhere.py has every one of them.
"""

import os
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from unittest import mock


class Stage(NamedTuple):
    """The call, of a class in the adapter, after which the process dies; its first or a later one."""

    module: str
    name: str
    call: str
    time: int = 1


STAGES: Mapping[str, Stage] = {
    "marked": Stage("marks", "Marks", "begin"),
    "claimed": Stage("notes", "OrderNotes", "write"),
    "about to send": Stage("marks", "Marks", "sending"),
    "refunded": Stage("client", "Client", "post", 2),
    "told": Stage("notes", "OrderNotes", "write", 2),
}
"""Before the claim is written, after it, before the refund is asked for, after it, after its end is told."""


def main() -> int:
    """Run the words that follow the stage's name."""
    from importlib import import_module

    from billctl.cli.app import run

    stage = STAGES[sys.argv[1]]
    owner = getattr(import_module(f"billctl.gateways.woocommerce.{stage.module}"), stage.name)
    with mock.patch.object(owner, stage.call, _deadly(getattr(owner, stage.call), stage.time)):
        return run(sys.argv[2:])


def _deadly(call: Callable[..., Any], time: int) -> Callable[..., Any]:
    left = [time]

    def called(*given: Any, **named: Any) -> Any:
        answer = call(*given, **named)
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    return called


if __name__ == "__main__":
    sys.exit(main())

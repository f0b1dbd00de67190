"""Who holds an idempotency key: a process that is still there, or one that left it behind."""

import os

LONGEST_HOLD = 900
"""Seconds after which a hold counts as left behind, should another process have got its process id."""


def held(owner: int, age: int) -> bool:
    """Whether the process `owner`, which took its hold `age` seconds ago, still has it."""
    if age > LONGEST_HOLD:
        return False
    if os.name == "nt":
        return True  # signal 0 is no question there but an interruption
    try:
        os.kill(owner, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

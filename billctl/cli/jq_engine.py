"""The program that `--jq` runs as a process of its own: jq's engine within limits. Not imported elsewhere.

Its input is one JSON document: `path` (where the jq package is), `expression`, `documents`, `memory`
(bytes), `seconds` and `output` (characters). It prints a line for each value found, `{"value": …}`, and
ends with `{"error": …}` where the expression is wrong or a limit is met.
"""

import json
import resource
import signal
import sys

DEEPEST = 500
"""Lists and objects in one another that a value may have: what every later reader can take."""


def _limit(memory: int, seconds: int) -> None:
    """Bound this process. macOS keeps no limit of memory; the time limit holds there too."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # jq's loop never comes back to Python's own handler
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _run(expression: str, documents: list[object], output: int) -> None:
    import jq

    program = jq.compile(expression)
    written = 0
    for document in documents:
        for value in program.input_text(json.dumps(document)):
            if _depth(value) > DEEPEST:
                raise ValueError("its output is nested too deeply")
            line = json.dumps({"value": value})
            written += len(line)
            if written > output:
                raise ValueError(f"its output is longer than {output:,} characters")
            sys.stdout.write(line + "\n")


def _depth(value: object) -> int:
    """How deeply `value` is nested, not by recursion: Python's own limit is another one in each version."""
    depth, level = 0, [value]
    while level := [item for part in level for item in _items(part)]:
        depth += 1
    return depth


def _items(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _main() -> None:
    task = json.load(sys.stdin)
    sys.path.append(task["path"])
    _limit(task["memory"], task["seconds"])
    try:
        _run(task["expression"], task["documents"], task["output"])
    except ValueError as error:
        _fail((str(error).splitlines() or ["the expression fails"])[0])
    except RecursionError:
        _fail("its output is nested too deeply")
    except MemoryError:
        _fail(f"it needs more than {task['memory'] // 2**20} MiB of memory")


def _fail(reason: str) -> None:
    sys.stdout.write(json.dumps({"error": reason}) + "\n")


if __name__ == "__main__":
    _main()

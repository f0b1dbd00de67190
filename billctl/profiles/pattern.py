"""Regular expressions from a configuration file, held to forms that cannot take for ever to match."""

import re
import warnings

LONGEST = 200
"""Characters of a pattern, and of a text that it is tried on."""

_QUANTIFIER = re.compile(r"[*+?]|\{[0-9]*,?[0-9]*\}")


def pattern_problem(pattern: str) -> str | None:
    """What is wrong with `pattern` as a rule for short ASCII texts, or None.

    A repeated group must hold neither a repetition nor alternatives: of those, some take time that
    doubles with every character of the text. Groups are plain or `(?:`, without references back.
    """
    if len(pattern) > LONGEST:
        return f"is longer than {LONGEST} characters"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what re only warns of will mean something else one day
            re.compile(pattern)
    except (re.error, Warning, OverflowError, RecursionError) as failure:
        return f"is no regular expression: {failure}"
    return _slow(pattern)


def matches(pattern: str, text: str) -> bool:
    """Whether the whole of `text`, at most 200 ASCII characters, is as `pattern` says."""
    return len(text) <= LONGEST and text.isascii() and re.fullmatch(pattern, text) is not None


def _slow(pattern: str) -> str | None:
    """Why matching a pattern that compiles could take too long, or None."""
    groups = [False]  # of each open group, whether it holds a repetition or alternatives
    at = 0
    while at < len(pattern):
        character = pattern[at]
        if character == "\\":
            if pattern[at + 1].isdigit():
                return "refers back to a group"
            at += 2
        elif character == "[":
            at = _end_of_class(pattern, at)
        elif character == "(":
            if pattern.startswith("(?", at) and not pattern.startswith("(?:", at):
                return "has a special group, where only ( and (?: are read"
            groups.append(False)
            at += 3 if pattern.startswith("(?:", at) else 1
        elif character == ")":
            inner = groups.pop()
            at += 1
            repeated = _QUANTIFIER.match(pattern, at)
            if inner and repeated and repeated[0] != "?":
                return "repeats a group that holds a repetition or alternatives"
            groups[-1] = groups[-1] or inner
        else:
            quantifier = _QUANTIFIER.match(pattern, at)
            groups[-1] = groups[-1] or character == "|" or quantifier is not None
            at = quantifier.end() if quantifier else at + 1
    return None


def _end_of_class(pattern: str, at: int) -> int:
    """The place after the `[…]` that begins at `at`; a `]` that comes first stands for itself."""
    at += 2 if pattern.startswith("[^", at) else 1
    at += pattern.startswith("]", at)
    while pattern[at] != "]":
        at += 2 if pattern[at] == "\\" else 1
    return at + 1

"""Lists of names, written as a line of words."""


def names(words: str) -> dict[str, None]:
    """`a b c` → `{a: None, b: None, c: None}`: fields whose usual value is null."""
    return dict.fromkeys(words.split())


def words(line: str) -> tuple[str, ...]:
    """`a b c` → `("a", "b", "c")`."""
    return tuple(line.split())

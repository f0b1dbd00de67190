"""Answers of a gateway with something wrong in them: nothing but billctl's own errors may come of that."""

from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import strategies as st

from billctl.errors import BillctlError

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.just("2026-11-20T08:00:00Z"),
    st.just(""),
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "object", "x"]), inner)
    ),
    max_leaves=4,
)


@st.composite
def spoilt(draw: st.DrawFn, objects: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """One of `objects`, with up to three of its fields replaced or taken out."""
    body = dict(objects[draw(st.sampled_from(sorted(objects)))])
    for name in draw(st.lists(st.sampled_from(sorted(body)), max_size=3)):
        if draw(st.booleans()):
            body[name] = draw(ANYTHING)
        else:
            body.pop(name, None)
    return body


def outcome(call: Callable[[], object]) -> object:
    """What a call returns, or the error of billctl's family that it raises."""
    try:
        return call()
    except BillctlError as error:
        return error

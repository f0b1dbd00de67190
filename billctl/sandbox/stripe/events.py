"""Events: what happened, so that others can see what was sent. Nothing is delivered to webhooks."""

from billctl.sandbox.stripe import params as p
from billctl.sandbox.stripe.call import Call, Endpoint, Page, retrieve
from billctl.sandbox.stripe.errors import invalid
from billctl.sandbox.stripe.paging import filtered, page


def index(call: Call) -> Page:
    """GET /v1/events, by `type` (which may end in `.*`) or by up to 20 `types`."""
    kind, kinds = call.params.get("type"), call.params.get("types")
    if kind and kinds:
        raise invalid("You may only specify one of these parameters: type, types.", param="type")
    if kinds is None and not (kind and "*" in kind):
        return page(call, "event", {"status": kind})
    wanted = kinds or [kind]
    found = call.objects.select("event", {})
    return filtered(call, "event", [one for one in found if any(_is(one["type"], name) for name in wanted)])


def _is(kind: str, wanted: str) -> bool:
    return kind == wanted or (wanted.endswith("*") and kind.startswith(wanted[:-1]))


ENDPOINTS = (
    Endpoint("GET", "/v1/events/{id}", retrieve("event")),
    Endpoint(
        "GET",
        "/v1/events",
        index,
        {
            **p.PAGE,
            "created": p.span,
            "type": p.text(),
            "types": p.listing(p.text()),
            **p.not_modelled("delivery_success"),
        },
    ),
)

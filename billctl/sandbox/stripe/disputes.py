"""Disputes. As in Stripe's test mode the evidence text decides: `winning_evidence` wins at once,
`losing_evidence` loses, anything else stays under review."""

from billctl.sandbox.database import Record
from billctl.sandbox.stripe import params as p
from billctl.sandbox.stripe.call import Call, Endpoint, Page, retrieve
from billctl.sandbox.stripe.errors import refused
from billctl.sandbox.stripe.evidence import FILES, TEXTS
from billctl.sandbox.stripe.paging import page

LONGEST = 20_000
VERDICTS = {"winning_evidence": "won", "losing_evidence": "lost"}
WAITING = {"needs_response": "under_review", "warning_needs_response": "warning_under_review"}


def update(call: Call) -> Record:
    """POST /v1/disputes/{id}: evidence is staged, and submitted unless `submit` is false."""
    dispute = call.find("dispute", call.path_id, param="dispute")
    given = call.params
    if "metadata" in given:
        dispute["metadata"] = p.merge_metadata(dispute.get("metadata", {}), given["metadata"])
    evidence = {name: text for name, text in (given.get("evidence") or {}).items() if text}
    if evidence or given.get("submit"):
        if dispute["status"] not in WAITING:
            raise refused("This dispute is already closed or its evidence was already submitted.")
        dispute["_evidence"] = {**dispute.get("_evidence", {}), **evidence}
        if given.get("submit", True):
            _submit(dispute)
    call.event("charge.dispute.updated", dispute)
    return call.objects.save(dispute)


def _submit(dispute: Record) -> None:
    text = dispute["_evidence"].get("uncategorized_text", "")
    dispute["_submissions"] = dispute.get("_submissions", 0) + 1
    dispute["status"] = VERDICTS.get(text, WAITING[dispute["status"]])
    dispute["is_charge_refundable"] = dispute["status"] == "won" or dispute["status"].startswith("warning")


def close(call: Call) -> Record:
    """POST /v1/disputes/{id}/close: accepts the dispute; there is no way back."""
    dispute = call.find("dispute", call.path_id, param="dispute")
    if dispute["status"] not in WAITING:
        raise refused("This dispute is already closed or its evidence was already submitted.")
    dispute |= {"status": "lost", "is_charge_refundable": False}
    call.event("charge.dispute.closed", dispute)
    return call.objects.save(dispute)


def index(call: Call) -> Page:
    """GET /v1/disputes, by charge or payment intent; there is no filter by customer."""
    charge, intent = call.params.get("charge"), call.params.get("payment_intent")
    if charge:
        call.find("charge", charge, param="charge", status=400)
    if intent:
        call.find("payment_intent", intent, param="payment_intent", status=400)
    return page(call, "dispute", {"charge": charge, "payment_intent": intent})


EVIDENCE = p.mapping(
    {
        **{name: p.text(LONGEST, unset=True) for name in TEXTS},
        **p.not_modelled(" ".join(FILES)),
        **p.not_modelled("enhanced_evidence"),
    }
)
ENDPOINTS = (
    Endpoint("GET", "/v1/disputes/{id}", retrieve("dispute", "dispute")),
    Endpoint(
        "POST",
        "/v1/disputes/{id}",
        update,
        {**p.EXPAND, "evidence": EVIDENCE, "metadata": p.metadata, "submit": p.boolean},
    ),
    Endpoint("POST", "/v1/disputes/{id}/close", close),
    Endpoint(
        "GET",
        "/v1/disputes",
        index,
        {**p.PAGE, "created": p.span, "charge": p.text(), "payment_intent": p.text()},
    ),
)

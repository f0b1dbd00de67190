"""/sites: the one site that a key opens."""

from billctl.sandbox import RECURLY_LIVE_SITE, RECURLY_SITE
from billctl.sandbox.recurly.call import Call, Endpoint, Page, Reply, Wire
from billctl.sandbox.recurly.errors import missing
from billctl.sandbox.recurly.fields import SORTED, choice
from billctl.sandbox.recurly.money import CURRENCIES
from billctl.sandbox.recurly.times import wire

OPENED = 1_525_700_000
"""When both sites were made: the spring of 2018."""

IDS = {False: "sbxsite00001", True: "lvesite00001"}
SUBDOMAINS = {False: RECURLY_SITE, True: RECURLY_LIVE_SITE}


def site(call: Call) -> Wire:
    """The site as Recurly shows it."""
    live = call.objects.live
    return {
        "id": IDS[live],
        "object": "site",
        "subdomain": SUBDOMAINS[live],
        "public_api_key": f"ewr1-billctl{'live' if live else 'test'}notareal",
        "mode": "production" if live else "development",
        "address": {"city": "Dubai", "country": "AE"},
        "settings": {
            "billing_address_requirement": "none",
            "accepted_currencies": list(CURRENCIES),
            "default_currency": CURRENCIES[0],
        },
        "features": ["credit_memos", "only_bill_what_changed"],
        "created_at": wire(OPENED),
        "updated_at": wire(OPENED),
        "deleted_at": None,
    }


def _list(call: Call) -> Page:
    found = [site(call)] if call.query.get("state", "active") == "active" else []
    if "ids" in call.query:
        found = [each for each in found if each["id"] in call.query["ids"]]
    return Page(found, None, lambda: len(found))


def _get(call: Call) -> Reply:
    found = site(call)
    if call.id not in (found["id"], f"subdomain-{found['subdomain']}"):
        raise missing("Site", "id", call.id)
    return Reply(200, found)


ENDPOINTS = (
    Endpoint("GET", "/sites", _list, query={**SORTED, "state": choice("active", "inactive")}),
    Endpoint("GET", "/sites/{site_id}", _get),
)

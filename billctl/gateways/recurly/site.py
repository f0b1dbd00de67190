"""The site that a key opens: who the account is, and whether its money is real."""

from typing import Any

from billctl.errors import AuthFailed
from billctl.gateway import Identity
from billctl.gateways.recurly import values
from billctl.gateways.recurly.client import Client
from billctl.gateways.recurly.errors import reading_answer
from billctl.gateways.recurly.queries import MOST

PLAY = frozenset({"development", "sandbox"})
"""Modes in which no real money moves; in `production` it does, and in any other it is taken to."""

FEATURES = {
    "credit_memos": "credit invoices",
    "only_bill_what_changed": "only bill what changed",
}
"""Features of a site that say how its refunds look, in words."""

NO_CREDIT_INVOICES = "without the Credit Invoices feature its refunds are not sent from here"


def identity(client: Client) -> Identity:
    """Whom the key opens, asked for anew. Recurly's name of a site is its subdomain, which is its id here."""
    site = only_site(client)
    with reading_answer(client.account.name, change=False):
        mode = values.needed(site, "mode")
        features = values.listed(site, "features")
        about = {"mode": mode}
        if currency := values.text(getattr(site, "settings", None), "default_currency"):
            about["currency"] = currency
        about |= {words: "on" if name in features else "off" for name, words in FEATURES.items()}
        return Identity(
            id=values.needed(site, "subdomain"),
            name=None,
            live=mode not in PLAY,
            lacking=() if "credit_memos" in features else (NO_CREDIT_INVOICES,),
            about=about,
        )


def only_site(client: Client) -> Any:
    """The one site that the key opens.

    Raises `AuthFailed` (`several_sites`, `no_site`) for a key of several sites or of none: what it is asked
    is asked of one of them, and nothing says which.
    """
    pages = client.site_pages(lambda sdk: sdk.list_sites(params={"limit": MOST, "state": "active"}))
    sites = [site for page in pages for site in page if getattr(site, "deleted_at", None) is None]
    if len(sites) == 1:
        return sites[0]
    names = ", ".join(sorted(values.text(site, "subdomain") or "?" for site in sites))
    raise AuthFailed(
        f"the api_key opens {f'several sites: {names}' if sites else 'no site that is active'}",
        code="several_sites" if sites else "no_site",
        hint="Store a key of one site: Recurly makes one in each, under Integrations, API Credentials.",
        account=client.account.name,
    )

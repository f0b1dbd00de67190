"""Stripe's API, as far as billing operations go, in the shapes of version 2026-10-28.endive.

Written from Stripe's OpenAPI description (2026-05-27.dahlia, the newest that could be read). Texts and
codes of errors that the description does not hold are taken from recorded answers where there are any;
each module says what could not be verified. A request's `Stripe-Version` is echoed and otherwise
ignored: there is one version here.
"""

"""PayPal's REST protocol on loopback, written from its OpenAPI files, not from billctl's adapter.

Source: `paypal/paypal-rest-api-specifications` (Feb 2024), and for what is not in it (a list of
subscriptions, a request id for void) the documentation of `paypal/PayPal-Python-Server-SDK` 2.3.0.

Not modelled: creating and paying orders, plans, products and invoices; templates; evidence and other
actions on disputes; webhooks, vault, payouts; conversion between currencies. Not verified: whether
PayPal refuses unknown body fields and bodies of GET, which are refused here, and every text that the
files leave open.
"""

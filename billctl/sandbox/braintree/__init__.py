"""Braintree's protocol on loopback: XML over HTTP Basic, searches in two steps, errors as 422 documents.

What it answers is taken from recorded exchanges with Braintree's sandbox, from the official SDK's parsing
and constants and from the SDK's integration tests. What none of them shows is chosen, and the docstring
of the place says so. Not modelled: PayPal and bank accounts in the vault, fraud tools, escrow,
disbursements, webhooks, and Braintree's own duplicate checking of sales.
"""

"""A WooCommerce store on loopback: the REST API `wc/v3` of a WordPress site, with its traps.

What it answers is taken from exchanges observed on a real store (WooCommerce 10.0.2) and from WooCommerce's
public source; subscriptions from the extension's public source, which was not run. What neither shows is
chosen, and the docstring of the place says so. The store's payment gateway has books of its own: a record of
a refund and money that moved are two things here as they are there. Not modelled: creating orders, products
and coupons, OAuth 1.0a, batches of changes, webhooks.
"""

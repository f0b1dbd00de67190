"""Payment methods: found by their token."""

from billctl.sandbox.braintree.call import Endpoint, retrieve

ENDPOINTS = (Endpoint("GET", "payment_methods/any/*", retrieve("credit_card"), changes=False),)

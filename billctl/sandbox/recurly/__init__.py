"""Recurly's API v2021-02-25, as far as billctl needs it.

What an answer holds and what a request may hold follow Recurly's OpenAPI description (the file
`openapi/api.yaml` of github.com/recurly/recurly-client-python at 7294ca7, MIT); how money moves follows
that file and docs.recurly.com. The site has the Credit Invoices feature, as every site since May 2018.
Where neither tells what Recurly does, the module says that what happens here is not verified.

Two sites: one of mode development, one of mode production, each opened by its own key.
"""

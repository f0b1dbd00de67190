"""WooCommerce, through its REST API v3 over `requests`, which is imported by the first request.

Modules: `place` says where a store is, `client` and `errors` ask it and say what a failure means, `ids`,
`values`, `mapping` and `recurring` turn what it answers into records, `objects` reads single ones, `find` and
`history` look customers up, `lists` lists.
"""

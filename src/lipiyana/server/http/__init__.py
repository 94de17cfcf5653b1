"""Short answers over HTTP: metrics and readiness.

In: GET requests. Out: `/metrics` and `/ready`.
"""

"""The HTTP port for monitoring.

In: GET requests. Out: `/metrics` (Prometheus) and `/ready` (probes).
"""

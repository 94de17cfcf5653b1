"""HTTP: the API beside gRPC, its page, and the port for monitoring.

In: requests. Out: answers. Only `metrics_endpoint` works without the extra `http`.
"""

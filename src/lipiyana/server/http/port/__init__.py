"""The port of the HTTP API: accepts connections, limits them, and closes them.

In: TCP connections. Out: calls of an ASGI application.
"""

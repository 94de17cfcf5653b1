"""Reads HTTP requests: headers, deadline, body, pictures and config.

In: an ASGI scope and its messages. Out: what is asked, or an error.
"""

"""Processes of a server: start, shared port, memory and shutdown.

In: settings and signals. Out: a running server, then an exit code.
"""

"""Processes of a server: how they start, share a port, stay within memory and end.

In: settings and signals. Out: a running server, then an exit code.
"""

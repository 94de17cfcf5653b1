"""Access control: tokens, TLS, and the identity of callers.

In: metadata of calls, files of keys. Out: a `Caller`, or UNAUTHENTICATED.
"""

"""Who may call: tokens, TLS, and how callers are distinguished.

In: metadata of calls, files of keys. Out: a `Caller`, or a refusal.
"""

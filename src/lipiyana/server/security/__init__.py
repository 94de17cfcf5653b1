"""Who may call: tokens, TLS, and how one caller is told from another.

In: metadata of calls, files of keys. Out: a `Caller`, or a refusal.
"""

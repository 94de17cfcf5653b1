"""`lipiyana serve` and the options of `lipiyana demo`.

In: options. Out: a server that runs until a signal, and an exit code.
"""

"""`lipiyana doctor`: what this machine and installation can do.

In: the machine, the installation, settings of a server. Out: findings, one line each.
"""

"""`lipiyana doctor`: checks this machine and installation.

In: the machine, the installation, the settings of a server. Out: findings, one line each.
"""

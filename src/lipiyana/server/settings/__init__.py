"""Settings of a server, from arguments, `LIPIYANA_*` variables and a TOML file.

In: arguments, environment and file. Out: one frozen `ServerSettings`, or an error that names the
setting.
"""

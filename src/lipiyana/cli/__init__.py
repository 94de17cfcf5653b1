"""The command line, `lipiyana`."""

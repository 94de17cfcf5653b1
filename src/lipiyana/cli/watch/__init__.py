"""`lipiyana watch`: options, progress, summary and exit code."""

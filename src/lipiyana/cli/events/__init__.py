"""`lipiyana rules` and `lipiyana forward`: events of rows, and rows over bad networks."""

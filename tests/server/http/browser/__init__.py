"""A package, so that its fixtures end before the tests of other folders begin."""

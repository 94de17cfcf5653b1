"""Facts about scripts: codes, code points, clusters, spelling, order of signs, romanization.

In: strings. Out: strings.
"""

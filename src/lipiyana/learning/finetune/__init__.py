"""From a few labelled pictures to a better model that is measured, quantized and registered.

It trains, so it needs the extra `train`; no part of reading or serving imports it.
"""

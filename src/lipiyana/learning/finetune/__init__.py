"""Fine-tuning: trains a better model on a few labelled pictures, quantizes it and registers it.

It needs the extra `train`; reading and serving never import it.
"""

"""Parts that all training runs share: the loop, schedules, checkpoints, INT8 simulation.

In: a network and batches. Out: checkpoints from which a run resumes.
"""

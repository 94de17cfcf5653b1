"""What every training run shares: the loop, schedules, checkpoints, INT8 simulation.

In: a network and batches. Out: checkpoints from which a run resumes.
"""

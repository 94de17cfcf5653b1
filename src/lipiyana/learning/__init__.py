"""Making models: training loops, fine-tuning, distilling, quantizing, import. Needs `train`.

In: models and labelled or drawn pictures. Out: models in a folder that `--models` names.
"""

"""Which scripts to render next: more of those that are still read badly."""

from __future__ import annotations

import torch
from torch import Tensor

from lipiyana.learning.trainer.metrics import cer
from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.scripts.table import SCRIPTS
from lipiyana.ocr.training.batches import Batch, greedy_texts

# Latin lines and digits stand beside every script on Indian roads, so it has a fixed share
PRIOR = {"Latn": 2.0, "Deva": 2.2, "Beng": 2.4, "Telu": 1.4, "Knda": 1.2, "Taml": 1.2}
MEMORY = 0.95
FLOOR = 0.03


class ScriptBalance:
    """Weights a script by a prior and the square root of its recent error.

    `shared` is a tensor in shared memory that the rendering processes read.
    """

    def __init__(self, codes: tuple[str, ...], shared: Tensor) -> None:
        self.codes = codes
        self.shared = shared
        self._errors = dict.fromkeys(codes, 0.5)
        self._update()

    @classmethod
    def uniform(cls) -> ScriptBalance:
        """Begin with all scripts at the same error."""
        codes = tuple(SCRIPTS)
        return cls(codes, torch.zeros(len(codes), dtype=torch.float64).share_memory_())

    def observe(self, batch: Batch, logits: Tensor, charset: Charset) -> dict[str, float]:
        """Take the errors of a batch that was just trained on; see `report`."""
        read = greedy_texts(logits, charset)
        for text, truth, code in zip(read, batch.texts, batch.scripts, strict=True):
            if code in self._errors:
                error = min(1.0, cer(truth, text))
                self._errors[code] += (1 - MEMORY) * (error - self._errors[code])
        self._update()
        return self.report()

    def report(self) -> dict[str, float]:
        """Recent character error rate by script, in percent."""
        return {code: round(100 * error, 1) for code, error in self._errors.items()}

    def _update(self) -> None:
        weights = [
            PRIOR.get(code, 1.0) * max(FLOOR, error) ** 0.5 for code, error in self._errors.items()
        ]
        self.shared.copy_(torch.tensor(weights, dtype=torch.float64) / sum(weights))

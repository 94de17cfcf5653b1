"""Tuned constants of the language model's part in reading.

Weights, costs and margins are in nats (natural logarithms of probabilities). Where no figure stands
beside a value, none was recorded: measure with `benchmarks/reader/language_model.py` before and
after you change it; its `--tune` chooses `weight` and `bonus`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LanguageSettings:
    """What decides which script and which words a line shows."""

    # n-grams

    back_off: float = -1.0
    """Discount for each letter of context that is left out."""
    unknown_letters: float = -9.0
    """Log probability of a letter that no word has there."""

    # which script

    mixed_penalty: float = 4.0
    """Nats by which a line in two scripts must be likelier than one in either."""
    hint: float = 6.0
    """Nats by which a line in a script that nobody hinted at must be likelier than one in a script
    that somebody did.
    """
    clear_margin: float = 8.0
    """Margin (nats per letter) between Telugu and Kannada above which the language model is
    skipped. Of rendered lines in fonts that the reader had never seen, half are below it, of real
    ones a twentieth.
    """
    letters_share: float = 1.0
    """Weight of that margin, per letter, beside the score of the words."""
    choosing_weight: float = 0.9
    """`weight` where words choose between two scripts: which words they are counts for more."""
    rare_letter_weight: float = 0.01
    """Factor of the probability of letters that hardly any sign shows, `script_choice._RARE`.
    """

    # which words

    weight: float = 0.5
    """Of the language model's logarithms beside the reader's."""
    bonus: float = 1.8
    """For each letter, so that long texts are not at a disadvantage."""
    unknown_word_cost: float = 2.0
    """Nats that an unknown word costs."""
    sign_cost: float = -2.0
    """What a sign or a digit weighs in place of a letter, in nats."""
    certain_line: float = 0.97
    """Probability of the least certain step from which a line needs no search."""
    certain_blank: float = math.log(0.95)
    """Log probability from which a step only separates letters."""
    beam_width: int = 6
    """Prefixes that are kept at each step."""
    most_letters_a_step: int = 6
    """Letters that are tried at one step."""
    min_probability: float = 0.02
    """Probability from which a letter is tried."""
    min_probability_respelt: float = 1e-4
    """Greatest probability in the line from which a letter may make a known word of another."""
    absent_letter: float = -12.0
    """Log probability of a letter that was not tried at a step."""
    respelling_rounds: int = 3
    """Rounds, in each of which a word of the best text may be replaced."""
    shortest_respelt: int = 2
    """Letters of a word that may be replaced: a single letter is near every other one."""


LANGUAGE = LanguageSettings()
"""What the package uses."""

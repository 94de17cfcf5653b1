"""What only looks like text: wheels, lamps and branches that a text detector takes for letters.

In photographs of streets such places are read as one letter, as punctuation, or as an Indic vowel
sign or other mark without its letter, often with more confidence than blurred words have.
"""

from __future__ import annotations

import unicodedata

_UNLIKELY = 0.5
"""Factor of confidence: of 19 lines so short or so ill-formed in 160 photographs, which had a
confidence of 0.3 or more, none was what stood there.
"""


def doubted(text: str, confidence: float) -> float:
    """Lower the confidence of a line of a whole picture where its text makes it doubtful.

    Args:
        text: NFC.
        confidence: of its reading, in [0, 1].

    Returns:
        0 where nothing of it is a letter, a digit or a sign of money; half of the confidence
        where it is one character alone, or begins with a mark that needs a letter before it;
        else `confidence`.
    """
    kinds = [unicodedata.category(character) for character in text if not character.isspace()]
    said = [kind for kind in kinds if kind[0] in "LN" or kind == "Sc"]
    if not said:
        return 0.0
    if kinds[0][0] == "M" or len(said) + sum(kind[0] == "M" for kind in kinds) == 1:
        return _UNLIKELY * confidence
    return confidence

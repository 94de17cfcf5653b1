"""Lines of text: shaping, typesetting, painting on a surface, cropping.

In: a string and fonts. Out: a picture of the line as a text detector crops it.
"""

import lipiyana.rendering.fonts  # noqa: F401 (names the extra where it is missing)

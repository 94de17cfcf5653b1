"""Tuned constants of reading plates.

Likelihoods, costs and margins are natural logarithms of probabilities; "a character" means divided
by the number of characters of a registration. Where no figure stands beside a value, none was
recorded: measure with `benchmarks/plates` before and after you change it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from lipiyana.ocr.crops import Margins
from lipiyana.ocr.detection.settings import DetectionSettings

_CROP_DETECTION = DetectionSettings(min_long_side=320, max_long_side=480, max_enlargement=8.0)
_COLOUR_MARGINS, _COLOUR_INSET = Margins(0.05, 0.12), Margins(-0.4, -0.16)
_CONFIDENCE_WEIGHTS: Mapping[str, float] = MappingProxyType(
    {
        "bias": 1.957,
        "likelihood": 2.685,
        "margin": 0.65,
        "other_model": -0.141,
        "second_look": -0.375,
        "usual": 0.747,
    }
)


@dataclass(frozen=True, slots=True)
class PlateSettings:
    """What the stages of plate reading decide by."""

    # rows of a crop

    two_row_aspect: float = 2.6
    """A crop wider than this times its height has one row: plates of two rows are 340x200 or
    200x100 mm, of one row 500x120 or 285x45.
    """
    three_row_aspect: float = 2.4
    """A crop wider than this times its height cannot have three rows, as province plates of Nepal
    have.
    """
    cut_slope_cost: float = 0.25
    """Cost of a cut with a slope of 1, as a share of the mean change: rows are nearly level."""
    cut_base_cost: float = 0.1
    """Cost of any cut, as the same share: of two empty lines the better placed one wins."""
    cut_range: tuple[float, float] = (0.3, 0.68)
    """Where the cut between two rows may cross the middle of the crop, as shares of its height."""
    upper_cut_range: tuple[float, float] = (0.2, 0.46)
    """Of the first of two cuts between three rows, likewise."""
    lower_cut_range: tuple[float, float] = (0.54, 0.82)
    """Of the second one."""
    row_overlap: float = 0.02
    """How much each row reaches beyond the cut, as a share of the crop's height."""
    row_min_share: float = 0.05
    """Floor of the share of all change on the emptier side of a cut: the empty ground above or
    below all text must not win.
    """
    same_column_overlap: float = 0.5
    """Share of the narrower block's width above which two blocks of text are one column."""
    beside_both_reach: float = 0.3
    """How far the number may be off the middle between two small rows before it, as a share of the
    distance of those rows.
    """

    # attempts to read a crop

    crop_detection: DetectionSettings = _CROP_DETECTION
    """A plate fills its crop, so text is searched for at a small size; tiny crops are enlarged."""
    detection_padding: float = 0.25
    """Border for the text detector, in crop heights: it misses letters at a picture's edge."""
    plate_min_digits: int = 2
    """With fewer digits in the first reading the crop hardly shows a plate."""
    plate_max_digits: int = 8
    """More digits with fewer letters than `plate_min_letters` are a telephone number."""
    plate_min_letters: int = 3
    """See `plate_max_digits`."""
    legible_confidence: float = 0.35
    """Mean confidence of the characters of the first reading below which no registration is
    searched for. Half of the crops of 577 street pictures are below it, and none of them gave one;
    the least of those that did had 0.40.
    """
    read_once_width: int = 40
    """Pixels of a crop that may show a plate, below which its first reading is final: of such crops
    of 134 photos of the selection part none was read right, at 0.2 to 0.5 s each.
    """
    cut_otherwise_height: int = 48
    """Pixels of such a crop, below which other numbers of rows are not tried: three would be too
    low to read.
    """
    sure_confidence: float = 0.99
    """Of each character and of the registration: the first reading needs no other attempt."""
    sure_confidence_alone: float = 0.998
    """Of each character, where no other model reads its script."""
    sure_max_objection: float = 0.5
    """Objection of the other model up to which a first reading needs no other attempt."""
    sure_min_prior: float = -1.0
    """Prior of a form below which it is unusual, and may be a part of another plate."""
    enough_confidence: float = 0.9
    """Confidence from which the crop is not searched for text, which takes longest."""
    second_look_scale: float = 0.75
    """Scale of the second look: what was read with confidence is read at this scale too."""
    second_look_padding: float = 0.06
    """Margin of the second look, as a share of its height."""
    widened_share: float = 0.2
    """Share of the lower row's width whose letters are drawn narrow before a large number."""
    widening: float = 2.0
    """Factor by which they are widened."""

    # search for registrations in what was read

    beam_width: int = 12
    """Prefixes that the grammar search follows."""
    classes_a_step: int = 6
    """Characters that it tries at each time step."""
    negligible_probability: float = 2e-4
    """Probabilities below this are left out of the search: they cost time and decide nothing."""
    min_path_ratio: float = -8.0
    """Likelihood, relative to the likeliest path through the same rows whatever it spells, below
    which a registration is not considered.
    """
    dropped_row_cost: float = 4.0
    """Cost of leaving a row out: a dealer's name may stand above or below the registration."""
    dropped_number_cost: float = 6.0
    """Additional cost if the row shows a number, as the second row of a trade plate does."""
    number_min_digits: int = 2
    """Digits of a row from which it shows a number, see `dropped_number_cost`."""
    number_max_digits: int = 6
    """Digits up to which it does: more are the serial number of a plate's maker."""
    seen_probability: float = 0.5
    """Probability from which a character that belongs to no registration counts as seen."""
    faint_digits_probability: float = 0.05
    """A row without any digit of this probability is not searched: every registration has digits,
    and a search takes milliseconds.
    """
    min_likelihood: float = -0.7
    """How likely it is, a character, that there is no registration. A reader that guesses makes
    registrations up. Chosen on training pictures: readable plates on the one side, pictures without
    a plate and plates that nobody can read on the other.
    """
    legible_row_height: float = 10.0
    """Pixels; in lower rows little can be seen, and `min_likelihood_low_rows` holds."""
    min_likelihood_low_rows: float = -0.2
    """`min_likelihood` where every row is lower than `legible_row_height`."""
    clear_likelihood: float = -0.1
    """A character: from this on the form's prior does not count. The prior distinguishes a short
    registration from a part of another one, which matters only where a plate is hard to read.
    """
    clear_min_characters: int = 5
    """Shorter registrations always count with their prior."""
    alternatives_margin: float = 4.0
    """Nats below the likeliest registration within which others are alternatives."""
    most_alternatives: int = 4
    """Alternatives of one registration."""
    same_rows_margin: float = 1.0
    """Nats below the likeliest attempt within which another one shows the registration as well;
    roundings of INT8 models, which differ between kinds of processors, are smaller.
    """

    # signs for and against a registration, see `hypotheses.Signs`

    overriding_probability: float = 0.9
    """Probability from which the reader did not hesitate over a character."""
    cut_off_room: float = 0.28
    """In distances between characters: one that is nearer to its row's end is cut off by it."""
    cut_off_confidence: float = 0.5
    """Highest confidence of a character that is cut off."""
    max_margin: float = 10.0
    """Nats; a larger margin to the next registration says nothing more."""
    max_objection: float = 6.0
    """Nats; the strongest objection."""
    no_opinion_objection: float = 2.0
    """Nats; objection of an attempt in which no registration is likely."""
    opinion_min_likelihood: float = -0.9
    """A character: below this an attempt finds no registration likely."""

    # confidence

    confidence_weights: Mapping[str, float] = field(default_factory=lambda: _CONFIDENCE_WEIGHTS)
    """Weights of the logistic model in `choice.confidence`.

    Fitted by `lipiyana.ocr.training.plates.fit_confidence` on 276 registrations that were read on
    real plates of which the reader saw none in training, and that are no guess; 244 of them were
    right. In eight folds by registration, of those at 0.8 to 0.9 28 of 31 were right, at 0.9 to
    0.98 62 of 67, above 123 of 123.
    """
    valid_confidence: float = 0.8
    """Confidence from which a registration is valid: on the selection part 2 of 103 crops with such
    a registration were read wrong, and 0.93 of those that were read right have one.
    """
    guess_factor: float = 0.5
    """Factor of confidence of a guess, see `choice.confidence`."""
    guess_max_ignored: int = 1
    """A registration that leaves more characters out is a guess."""
    guess_min_likelihood: float = -0.5
    """A character; a less likely registration is a guess."""
    parsed_factor: float = 0.95
    """Factor of the confidence of what was parsed, not searched: its signs were not weighed."""
    reading_threshold: float = 0.5
    """Confidence of a character above which it speaks for a reading, and below against it."""

    # registrations among the lines of a scene

    most_searched: int = 64
    """Lines and pairs of lines of one scene that registrations are searched for in, at about 20 ms
    each. Street photos and drawn highways have up to 10; a wall of hundreds of small plates would
    take half a minute. What comes after these is parsed as it was read.
    """
    searched_min_characters: int = 6
    """A line with fewer letters and digits is not searched."""
    searched_max_characters: int = 16
    """A line with more is not searched either: no registration is so long."""
    searched_min_digits: int = 2
    """A line with fewer digits is not searched: every registration has some."""

    parts_overlap: float = 0.5
    """Share of the smaller line's height (beside) or width (stacked) in which two lines overlap
    that may be parts of one registration.
    """
    parts_intrusion: float = 0.5
    """Heights of the lower line by which two such lines may overlap along their order."""
    beside_gap: float = 1.5
    """Greatest gap between two parts beside each other, in heights of the lower one."""
    stacked_gap: float = 1.2
    """Greatest gap between two rows above each other, likewise."""

    # colours; the network was trained on what the values up to `colour_glyph_width` give, so a
    # change needs `ocr/training/plates/train_colour.py`

    colour_row_height: int = 24
    """Pixels that a row is shrunk to, at most."""
    colour_max_columns: int = 160
    """Pixels of its width, likewise."""
    colour_margins: Margins = _COLOUR_MARGINS
    """What is taken around a row."""
    colour_whole_crop: float = 0.96
    """Share of the crop's width and height from which a row was not found but assumed."""
    colour_inset: Margins = _COLOUR_INSET
    """What is cut off such a row: its edges may lie beside the plate."""
    colour_min_pixels: int = 24
    """With fewer pixels on the plate there is nothing to say."""
    colour_min_spread: float = 2.0
    """Standard deviation in CIELAB, along the axis of the two colours, below which there is one."""
    colour_pure: float = 0.5
    """Share of a cluster's pixels that are farthest from the other, which are not its edges."""
    colour_edge: tuple[float, float] = (0.2, 0.06)
    """Shares of a row's height and width on each side that may lie beside the plate."""
    colour_glyph_height: tuple[float, float] = (0.35, 0.97)
    """Least and greatest height of a character, in heights of its row."""
    colour_glyph_width: float = 1.2
    """Greatest width of a character, in heights of its row."""

    colour_min_confidence: float = 0.9
    """Where the likeliest colours are less likely than this, none are named."""
    contradicted_colour_weight: float = 0.02
    """Weight of colours that the registration cannot have, beside others: white plates in shade are
    taken for dark ones far more often than one has colours that it must not have.
    """


PLATES = PlateSettings()
"""What the package uses."""

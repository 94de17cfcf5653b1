"""Tuned constants of reading whole pictures.

Where no figure stands beside a value, none was recorded: measure with `benchmarks/plates` and
`benchmarks/reader` before and after you change it.
"""

from __future__ import annotations

from dataclasses import dataclass

from lipiyana.vehicles.detection.network import OPERATING_POINT


@dataclass(frozen=True, slots=True)
class SceneSettings:
    """What the stages of a scene decide by."""

    # where plates are searched for

    helper_confidence: float = 0.2
    """Confidence from which vehicles and plates are looked at although they may not be asked for:
    a plate whose registration is read gains confidence.
    """
    believed_confidence: float = 0.3
    """Confidence of vehicles that are searched enlarged, and of plates that stop that search."""
    legible_vehicle_side: float = 96
    """Pixels of a vehicle's longer side: the plate of a smaller one cannot be read."""
    min_enlargement: float = 1.5
    """A crop that is enlarged by less shows nothing new."""
    most_vehicle_crops: int = 12
    """Vehicles of one picture that are searched enlarged: the largest ones."""
    vehicle_margin: float = 0.08
    """Of a vehicle's sides: bumpers and their plates may stick out of its box."""
    within_overlap: float = 0.5
    """Share of a plate's area in a vehicle above which the vehicle has a plate."""
    duplicate_overlap: float = 0.7
    """Share of either of two detected plates in the other above which they are one plate."""

    # which places are read

    plate_margin: float = 0.2
    """Of a plate's height, on all sides: detectors cut letters at the edges."""
    min_read_confidence: float = 0.1
    """Detector confidence below which a plate is returned as it was found, unread."""
    legible_plate_height: float = 9.0
    """Pixels of a plate's height below which it is not read, as if it said nothing.

    Of 577 street pictures at full size and at 416 pixels, no plate of less than 10 pixels gave a
    registration; of 15 places below 9 pixels none was a labelled plate. Reading them took a third
    of all time for plates.
    """
    most_plates_read: int = 100
    """Plates of one picture that are read, at milliseconds each."""
    well_read_confidence: float = 0.6
    """Least confidence of a character from which a plate is read with little doubt.

    If all plates are, the lines of the scene are not read: in 87 photos of one car each they
    corrected no such plate.
    """

    # confidence of plates without a valid registration

    on_vehicle_overlap: float = 0.5
    """Share of a plate's area in a vehicle above which it lies on the vehicle."""
    no_plate_factor: float = 0.95 * OPERATING_POINT
    """Factor of confidence of what is no plate: it is never shown by default."""
    words_factor: float = 0.4
    """Factor of confidence of words without a digit: boards on lorries and buses look like plates.
    """
    unread_factor: float = 0.5
    """Factor of confidence of a plate that says nothing: of 59 places in 190 photographs of
    auto-rickshaws half of the unread ones were lamps.
    """
    plate_min_characters: int = 3
    """Letters and digits that are read on a plate, if anything is."""
    word_min_letters: int = 3
    """Letters from which text without a digit is words."""
    words_min_letters: int = 7
    """Letters from which text is words even beside a number: registrations in English letters have
    six at most.
    """
    surely_read: float = 0.8
    """Confidence of every line from which a long text that is no registration is something else."""
    phone_min_digits: int = 9
    """Digits from which text with few letters is a telephone number."""
    phone_max_letters: int = 3
    """Letters that a telephone number may have, as in "Mob."; registrations with as many digits
    have five.
    """

    # what belongs together

    same_place_overlap: float = 0.5
    """Share of a plate in another one, or in a line of text, above which both are one plate."""
    owner_overlap: float = 0.6
    """Share of a plate's area in a vehicle above which it may belong to the vehicle."""

    # lines of text

    unlikely_text_factor: float = 0.5
    """Factor of confidence of lines that are one character or begin with a dependent mark: of 19
    such lines in 160 photographs, which had a confidence of 0.3 or more, none was what stood there.
    """

    # which way up the picture is, see also `RecognitionSettings.upright`

    direction_lines: int = 3
    """Largest lines that tell which way up a picture is, at most."""
    direction_characters: int = 12
    """Fewer lines tell if they have so many characters."""
    direction_min_characters: int = 3
    """With fewer characters level lines say nothing against a picture on its side."""
    direction_aspect: float = 1.5
    """Ratio of the sides from which a line is tall or wide."""
    direction_min_tall_area: float = 0.005
    """Share of the picture that tall lines cover at least, for a picture on its side."""
    direction_legible: float = 0.85
    """Mean confidence of level lines from which a picture does not lie on its side."""
    direction_legible_blocks: float = 0.6
    """Likewise where no line is tall, but few large ones may be blocks of lines on their side."""
    direction_most_blocks: int = 3
    """Lines up to which they may be blocks of lines that lie on their side."""
    direction_min_block_area: float = 0.05
    """Share of the picture that such blocks cover at least."""
    upright_vehicles: float = 1.0
    """Sum of the confidences of vehicles from which a picture is upright. In 80 pictures of streets
    the sum over believed vehicles was 2.4 upright, 0.1 to 0.25 in the other directions.
    """


SCENE = SceneSettings()
"""What the package uses."""

import numpy as np
import pytest
from needs import TORCH
from street_drawing import COLOURS

pytest.importorskip("torch", reason=TORCH)

from lipiyana.vehicles.detection.letterbox import PADDING, InputShape, letterbox
from lipiyana.vehicles.training.data.canvases import Canvases, draw_chances
from lipiyana.vehicles.training.data.labels import CLASSES
from lipiyana.vehicles.training.data.street_pictures import UNDECIDED, load_pictures
from lipiyana.vehicles.training.data.views import glimpse, letterboxed
from lipiyana.vehicles.training.data.weather import weathered
from lipiyana.vehicles.training.network import anchor_points

SIZE = 256


def _extent(pixels: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray | None:
    """Box of the pixels nearer to a colour than to the grey around it."""
    wanted, ground = np.array(colour, float), np.array([128.0] * 3)
    away = np.linalg.norm(pixels - wanted, axis=2)
    rows, columns = np.nonzero(away < np.linalg.norm(wanted - ground) * 0.45)
    if not len(rows):
        return None
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


def _check(view, tolerance: float) -> int:
    seen = 0
    for box, index in zip(view.boxes, view.classes, strict=True):
        if index != UNDECIDED:
            extent = _extent(view.pixels, COLOURS[CLASSES[index]])
            assert extent is not None
            np.testing.assert_allclose(extent, box, atol=tolerance)
            seen += 1
    return seen


@pytest.mark.parametrize("flip", [False, True])
def test_letterboxed_boxes_lie_on_their_objects_as_serving_sees_them(streets, flip: bool) -> None:
    (picture,) = load_pictures(streets("dhaka", count=1), None)
    image = picture.pixels()
    view = letterboxed(picture, image, SIZE, SIZE, flip=flip)
    assert _check(view, tolerance=1.0) == 3
    served, _ = letterbox(image[:, ::-1] if flip else image, InputShape(SIZE, None))
    difference = np.abs(view.pixels[:, :, ::-1].transpose(2, 0, 1) - served)
    assert np.median(difference) == 0
    assert difference.mean() < 1
    assert (view.pixels[-40:] == PADDING).all()


def test_random_views_keep_boxes_on_their_objects(streets) -> None:
    rng = np.random.default_rng(1)
    seen = 0
    for picture in load_pictures(streets("dhaka", count=4), None):
        for _ in range(10):
            scale = float(rng.uniform(0.5, 2))
            view = glimpse(picture, picture.pixels(), 200, 150, scale, rng)
            assert view.pixels.shape == (150, 200, 3)
            seen += _check(view, tolerance=2.0)
    assert seen > 30


def test_cut_and_tiny_objects_are_undecided(streets) -> None:
    (picture,) = load_pictures(streets("dhaka", count=1), None)
    far = letterboxed(picture, picture.pixels(), 12, 12, flip=False)
    assert len(far.classes) == 3
    assert (far.classes == UNDECIDED).all()


def test_weather_keeps_shape_and_type_and_changes_the_picture() -> None:
    rng = np.random.default_rng(2)
    image = rng.integers(0, 256, (96, 128, 3), np.uint8)
    for _ in range(60):
        changed = weathered(image, rng)
        assert changed.shape == image.shape
        assert changed.dtype == np.uint8
        assert (changed != image).any()


def test_a_mosaic_knows_under_each_picture_what_that_picture_knows(streets) -> None:
    pictures = [
        *load_pictures(streets("dhaka", count=2), None),
        *load_pictures(streets("iiith_auto", count=2), None),
    ]
    canvases = Canvases(pictures, SIZE)
    rng = np.random.default_rng(3)
    # if all vehicles are labelled, plates are known to be absent outside of them
    patterns, mixed = {tuple(picture.known) for picture in pictures} | {(True,) * len(CLASSES)}, 0
    for _ in range(12):
        canvas = canvases.draw(rng, mosaic_share=1.0)
        found = {tuple(row) for row in canvas.known} - {(False,) * len(CLASSES)}
        assert found <= patterns
        mixed += len({row[: CLASSES.index("plate")] for row in found}) == 2
    assert mixed
    assert canvas.known.shape == (len(anchor_points(SIZE)[0]), len(CLASSES))


def test_there_are_no_plates_outside_of_labelled_vehicles(streets) -> None:
    plate = CLASSES.index("plate")
    points = anchor_points(SIZE)[0].numpy()
    canvases = Canvases(load_pictures(streets("dhaka", count=4), None), SIZE)
    rng = np.random.default_rng(5)
    for _ in range(6):
        canvas = canvases.draw(rng, mosaic_share=0.0)
        inside = np.zeros(len(points), bool)
        for box in canvas.boxes:
            inside |= ((points >= box[:2]) & (points < box[2:])).all(1)
        assert not canvas.known[inside, plate].any()
        assert canvas.known[~inside, plate].mean() > 0.5
    autos = Canvases(load_pictures(streets("iiith_auto", count=2), None), SIZE)
    assert not autos.draw(rng, mosaic_share=0.5).known[:, plate].any()


def test_pictures_of_rare_classes_are_drawn_more_often(streets) -> None:
    pictures = load_pictures(streets("dhaka", count=40), None)
    for picture in pictures[1:]:
        picture.classes[:] = CLASSES.index("car")
    chances = draw_chances(pictures)
    assert chances.sum() == pytest.approx(1)
    assert chances[0] > 2 * chances[1]

from dataclasses import replace

import numpy as np
import pytest
from needs import TORCH

pytest.importorskip("torch", reason=TORCH)

from lipiyana.vehicles.training.data.canvases import Canvases
from lipiyana.vehicles.training.data.labels import CLASSES
from lipiyana.vehicles.training.data.street_pictures import UNDECIDED, load_pictures
from lipiyana.vehicles.training.data.variety import Variety
from lipiyana.vehicles.training.data.views import Cutouts, View, paste
from lipiyana.vehicles.training.data.weather import light_of, relit, repainted

SIZE = 128
CAR, AUTO = CLASSES.index("car"), CLASSES.index("auto_rickshaw")


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def _grey(boxes: list[list[float]]) -> View:
    pixels = np.full((100, 100, 3), 128, np.uint8)
    return View(pixels, np.array(boxes, np.float32).reshape(-1, 4), np.full(len(boxes), CAR))


def test_a_cutout_shows_one_vehicle_with_the_known_classes_of_its_picture(streets) -> None:
    pictures = load_pictures(streets("iiith_auto"), "train")
    view, known = Cutouts(pictures).draw(320, _rng())
    inside = view.pixels[2:-2, 2:-2].reshape(-1, 3).astype(int)
    assert (abs(inside - inside[0]) <= 2).all()
    assert view.boxes.tolist() == [[0, 0, view.pixels.shape[1], view.pixels.shape[0]]]
    assert [CLASSES[i] for i in np.flatnonzero(known)] == ["auto_rickshaw"]


def test_rare_classes_are_cut_out_more_often_than_they_are_there(streets) -> None:
    pictures = load_pictures(streets("dhaka", count=10), "train")
    without = [
        replace(p, boxes=p.boxes[p.classes != AUTO], classes=p.classes[p.classes != AUTO])
        for p in pictures[1:]
    ]
    cutouts, rng = Cutouts([pictures[0], *without]), _rng()
    labels = [int(cutouts.draw(SIZE, rng)[0].classes[0]) for _ in range(200)]
    assert 1.5 / 21 < np.mean(np.array(labels) == AUTO) < 0.3


def test_what_overlaps_is_small_or_undecided_is_not_cut_out(streets) -> None:
    (picture,) = load_pictures(streets("dhaka", count=1), "train")
    boxes = np.array([[0, 0, 60, 60], [10, 10, 70, 70], [100, 0, 120, 60], [150, 0, 220, 60]])
    classes = np.array([CAR, CAR, CAR, UNDECIDED])
    picture = replace(picture, boxes=boxes.astype(np.float32), classes=classes)
    with pytest.raises(ValueError, match="no picture has a vehicle"):
        Cutouts([picture]).draw(SIZE, _rng())


def test_a_cutout_is_clipped_to_its_picture(streets) -> None:
    (picture,) = load_pictures(streets("dhaka", count=1), "train")
    boxes = np.array([[-1, -1, 60, 60]], np.float32)
    picture = replace(picture, boxes=boxes, classes=np.array([CAR]))
    view, _ = Cutouts([picture]).draw(SIZE, _rng())
    assert view.pixels.shape[0] == view.pixels.shape[1] > 4


def test_pasting_adds_a_box_within_the_canvas_where_the_pixels_changed() -> None:
    red = View(
        np.full((40, 30, 3), (255, 0, 0), np.uint8),
        np.array([[0, 0, 30, 40]], np.float32),
        np.array([AUTO]),
    )
    edges = set()
    for seed in range(30):
        canvas = _grey([])
        pasted = paste(canvas, red, _rng(seed))
        x0, y0, x1, y1 = pasted.boxes[0].astype(int)
        changed = (pasted.pixels != canvas.pixels).any(2)
        assert changed[y0:y1, x0:x1].all()
        assert changed.sum() == (x1 - x0) * (y1 - y0) >= 0.65**2 * 30 * 40 - 60
        assert pasted.classes.tolist() == [AUTO]
        assert (canvas.pixels == 128).all()
        edges |= {x0 == 0, x1 == 100}
    assert edges == {True, False}


def test_hidden_vehicles_become_undecided() -> None:
    whole = View(
        np.zeros((90, 90, 3), np.uint8), np.array([[0, 0, 90, 90]], np.float32), np.array([AUTO])
    )
    canvas = _grey([[45, 45, 55, 55], [0, 0, 100, 100]])
    assert paste(canvas, whole, _rng(1)).classes[0] == UNDECIDED
    tiny = replace(whole, pixels=np.zeros((5, 5, 3), np.uint8))
    assert paste(canvas, tiny, _rng(1)).classes.tolist() == [CAR, CAR, AUTO]


def test_rotated_hues_keep_brightness_and_greys() -> None:
    image = np.zeros((2, 2, 3), np.uint8)
    image[0], image[1] = (200, 40, 40), (90, 90, 90)
    turned = [repainted(image, _rng(seed)) for seed in range(6)]
    assert len({tuple(picture[0, 0]) for picture in turned}) > 3
    for picture in turned:
        assert picture[0, 0].max() == 200
        assert (picture[1] == 90).all()


def test_relighting_transfers_light_but_not_content() -> None:
    scene = np.tile(np.linspace(60, 160, 64, dtype=np.uint8)[:, None, None], (1, 64, 3))
    red_dusk = np.zeros((8, 8, 3), np.uint8)
    red_dusk[:4], red_dusk[4:] = (90, 30, 20), (60, 10, 10)
    light = light_of(red_dusk)
    drawn = [relit(scene, light, _rng(seed)).astype(float) for seed in range(20)]
    assert np.mean([picture.mean() for picture in drawn]) < 0.8 * scene.mean()
    assert all(picture[..., 0].mean() > picture[..., 2].mean() + 5 for picture in drawn)
    # darker parts stay darker under equal shade
    assert np.mean([picture[-16:].mean() - picture[:16].mean() for picture in drawn]) > 5


def test_a_picture_of_one_colour_can_be_relit() -> None:
    grey = np.full((32, 32, 3), 128, np.uint8)
    assert relit(grey, light_of(grey), _rng()).shape == grey.shape


def test_canvases_are_relit_by_the_pictures_they_are_drawn_from(streets) -> None:
    pictures = load_pictures(streets("dhaka"), "train")
    plain, relit_ones = (
        Canvases(pictures, SIZE, variety).draw(_rng(), 0.0)
        for variety in (Variety(), Variety(relit=1.0))
    )
    assert (plain.pixels != relit_ones.pixels).mean() > 0.5


def test_canvases_with_pastes_have_more_vehicles(streets) -> None:
    pictures = load_pictures(streets("dhaka"), "train")

    def mean_count(variety: Variety) -> float:
        canvases, rng = Canvases(pictures, SIZE, variety), _rng()
        return float(np.mean([len(canvases.draw(rng, 0.0).boxes) for _ in range(30)]))

    assert mean_count(Variety(pastes=3)) > mean_count(Variety()) + 1


def test_where_a_cutout_lies_its_own_source_says_what_is_known(streets) -> None:
    (auto,) = load_pictures(streets("iiith_auto", count=1), "train")
    # no boxes, all known: only cutouts bring unknown classes to its canvases
    empty = replace(
        auto, boxes=auto.boxes[:0], classes=auto.classes[:0], known=np.ones_like(auto.known)
    )
    canvases = Canvases([empty] * 20 + [auto], SIZE, Variety(pastes=4))
    drawn = [canvases.draw(_rng(seed), 0.0) for seed in range(12)]
    shares = [canvas.known[:, CAR].mean() for canvas in drawn if len(canvas.boxes)]
    assert any(0 < share < 1 for share in shares)


def test_small_objects_are_neither_positives_nor_negatives(streets) -> None:
    pictures = load_pictures(streets("dhaka"), "train")
    canvas = Canvases(pictures, SIZE, Variety(smallest=1000)).draw(_rng(), 0.0)
    assert len(canvas.boxes) == 0
    assert not canvas.known.all()


def test_a_wider_range_of_scales_shows_larger_objects(streets) -> None:
    pictures = load_pictures(streets("dhaka"), "train")

    def largest(variety: Variety) -> float:
        canvases, rng = Canvases(pictures, SIZE, variety), _rng()
        boxes = np.concatenate([canvases.draw(rng, 0.0).boxes for _ in range(40)])
        return float((boxes[:, 2] - boxes[:, 0]).max())

    assert largest(Variety(wider=2)) > 1.2 * largest(Variety())


def test_an_overview_sized_canvas_shows_the_whole_picture(streets) -> None:
    pictures = load_pictures(streets("dhaka", count=1), "train")
    canvas = Canvases(pictures, SIZE).draw(_rng(), 1.0, (SIZE // 2, SIZE // 2))
    scale = (SIZE // 2) / max(pictures[0].pixels().shape[:2])
    sides = scale * (pictures[0].boxes[:, 2:] - pictures[0].boxes[:, :2])
    assert canvas.pixels.shape == (SIZE // 2, SIZE // 2, 3)
    np.testing.assert_allclose(canvas.boxes[:, 2:] - canvas.boxes[:, :2], sides, rtol=0.05)


def test_close_ups_fill_overview_sized_canvases(streets) -> None:
    (picture,) = load_pictures(streets("dhaka", count=1), "train")
    small, near = [5, 5, 15, 15], [20, 20, 95, 95]
    picture = replace(
        picture, boxes=np.array([small, near], np.float32), classes=np.array([CAR, AUTO])
    )
    canvases, rng = Canvases([picture], SIZE, Variety(filling=0.01)), _rng()

    def filled(shape: tuple[int, int]) -> float:
        drawn = [canvases.draw(rng, 0.0, shape) for _ in range(100)]
        sides = [(c.boxes[:, 2:] - c.boxes[:, :2]).min(1).max(initial=0) for c in drawn]
        return float(np.mean(np.array(sides) > 0.5 * max(shape)))

    assert filled((SIZE // 2, SIZE // 2)) > filled((SIZE, SIZE)) + 0.15

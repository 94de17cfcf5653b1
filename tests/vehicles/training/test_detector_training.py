from pathlib import Path

import numpy as np
import pytest
from needs import TORCH

torch = pytest.importorskip("torch", reason=TORCH)

from lipiyana.learning.trainer.schedule import learning_rate_factor
from lipiyana.learning.trainer.stored_weights import load_weights
from lipiyana.vehicles.training.data.batches import BatchSource, CanvasMix, collate
from lipiyana.vehicles.training.data.canvases import Canvas
from lipiyana.vehicles.training.data.labels import CLASSES
from lipiyana.vehicles.training.data.street_pictures import load_pictures
from lipiyana.vehicles.training.data.views import letterboxed
from lipiyana.vehicles.training.fake_quantization import simulate_int8
from lipiyana.vehicles.training.network import anchor_points
from lipiyana.vehicles.training.train_detector import Recipe, Trainer, train

SIZE = 96
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)


def _trainer(run: Path, **changes: float) -> Trainer:
    run.mkdir(exist_ok=True)
    recipe = Recipe(body_rate=2e-3, head_rate=4e-3, warm_up_steps=1, fade_steps=0, **changes)
    return Trainer(run, recipe, CPU, SIZE)


def _batch(folder: Path):
    views = [
        letterboxed(picture, picture.pixels(), SIZE, SIZE, flip=False)
        for picture in load_pictures(folder, None)
    ]
    known = np.ones((len(anchor_points(SIZE)[0]), len(CLASSES)), bool)
    smallest = np.zeros(len(known), np.float32)
    return collate(
        [Canvas(view.pixels, view.boxes, view.classes, known, smallest) for view in views]
    )


def test_the_loss_falls_on_a_few_drawn_pictures(streets, tmp_path: Path) -> None:
    torch.manual_seed(0)
    trainer, batch = _trainer(tmp_path / "run"), _batch(streets("dhaka"))
    with torch.no_grad():  # with a score of 0.5 everywhere the first steps would be too large
        for head in trainer.net.heads:
            for rows in (head.class_rows, head.presence_rows):
                rows.bias.fill_(-2.3)
    for group in trainer.optimizer.param_groups:
        group["peak"] = 1e-3
    totals = [float(trainer.learn(batch, 1.0).total) for _ in range(25)]
    assert 0 < np.mean(totals[-3:]) < 0.6 * np.mean(totals[:3])
    assert trainer.examples == 25 * 4


def test_a_resumed_run_continues_exactly(streets, tmp_path: Path) -> None:
    batch = _batch(streets("dhaka"))
    first = _trainer(tmp_path / "run")
    for _ in range(3):
        first.learn(batch, 1.0)
    first.save()
    resumed = _trainer(tmp_path / "run")
    assert resumed.resume()
    for trainer in (first, resumed):
        for _ in range(2):
            trainer.learn(batch, 0.5)
    assert resumed.step == first.step == 5
    for name, value in first.net.state_dict().items():
        assert torch.equal(value, resumed.net.state_dict()[name]), name
    for name, value in first.averaged.state_dict().items():
        assert torch.equal(value, resumed.averaged.state_dict()[name]), name


def test_a_run_logs_saves_and_ends_its_mosaics(streets, tmp_path: Path) -> None:
    pictures = tuple(load_pictures(streets("dhaka"), "train"))
    source = BatchSource(CanvasMix(pictures, size=SIZE, batch=2, seed=0, workers=0))
    trainer = _trainer(tmp_path / "run", decay_share=1.0)
    train(trainer, iter(source), 0.02, set_mosaic_share=source.mosaic_share.fill_)
    assert trainer.step > 0
    assert source.mosaic_share.item() == 0
    weights = load_weights(tmp_path / "run" / "last.pt")
    assert torch.equal(weights["heads.0.box.weight"], trainer.averaged.heads[0].box.weight)


def test_a_network_learns_in_simulated_int8_with_the_same_parameters(
    streets, tmp_path: Path
) -> None:
    trainer, batch = _trainer(tmp_path / "run"), _batch(streets("dhaka", count=2))
    names = set(trainer.net.state_dict())
    pixels = batch.pixels.float()
    exact = trainer.net(pixels)[1].detach()
    simulate_int8(trainer.net)
    rounded = trainer.net(pixels)[1].detach()
    assert not torch.equal(exact, rounded)
    assert (exact - rounded).abs().mean() < 0.1 * exact.std()
    before = trainer.net.backbone.stem.conv.weight.detach().clone()
    trainer.learn(batch, 1.0)
    assert set(trainer.net.state_dict()) == names
    assert not torch.equal(before, trainer.net.backbone.stem.conv.weight)


def test_another_set_of_classes_is_refused(tmp_path: Path) -> None:
    trainer = _trainer(tmp_path / "run")
    trainer.save()
    state = torch.load(tmp_path / "run" / "last.pt", weights_only=True)
    torch.save(state | {"classes": ["car"]}, tmp_path / "run" / "last.pt")
    with pytest.raises(ValueError, match="same classes"):
        trainer.resume()


def test_silu_fades_over_the_first_steps_of_network_and_average(streets, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    trainer = Trainer(run, Recipe(fade_steps=4), CPU, SIZE)
    batch, shares = _batch(streets("dhaka", count=1)), []
    for _ in range(5):
        trainer.learn(batch, 0.0)
        shares.append(trainer.averaged.backbone.stem.activation.share)
    assert shares == [1, 0.75, 0.5, 0.25, 0]


def test_the_learning_rate_warms_up_stays_and_falls() -> None:
    recipe = Recipe(warm_up_steps=10, decay_share=0.5)
    assert learning_rate_factor(0, 0, recipe) == pytest.approx(0.1)
    assert learning_rate_factor(10, 0.4, recipe) == 1
    assert learning_rate_factor(10, 0.75, recipe) == pytest.approx(0.5)
    assert learning_rate_factor(10, 1, recipe) == pytest.approx(0.01)

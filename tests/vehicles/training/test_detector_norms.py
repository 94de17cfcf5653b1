from pathlib import Path

import numpy as np
import pytest
from needs import TORCH

torch = pytest.importorskip("torch", reason=TORCH)

from lipiyana.vehicles.training.data.labels import CLASSES
from lipiyana.vehicles.training.network import DetectorNet
from lipiyana.vehicles.training.norms import calibrate, folded, install
from lipiyana.vehicles.training.train_detector import Recipe, Trainer

SIZE = 96


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)


def _pixels(count: int = 2) -> torch.Tensor:
    return torch.rand(count, 3, SIZE, SIZE) * 255


def test_calibrated_norms_change_nothing_and_folded_ones_are_gone() -> None:
    net, pixels = DetectorNet(3).eval(), _pixels()
    names = set(net.state_dict())
    with torch.no_grad():
        plain = net(pixels)[1]
        install(net)
        calibrate(net, pixels)
        assert torch.allclose(net.eval()(pixels)[1], plain, atol=1e-4)
        assert torch.allclose(net.train()(pixels)[1], plain, atol=1e-2)
    assert set(net.state_dict()) > names
    assert set(folded(net).state_dict()) == names


def test_blocks_that_add_nothing_can_learn() -> None:
    net, pixels = DetectorNet(3), _pixels()
    install(net)
    calibrate(net, pixels)
    second = net.backbone.stage5[2].added[0].second
    assert second.conv.weight.std() > 0.01
    assert not second.norm.weight.any()
    net.train()(pixels)[1].square().mean().backward()
    assert second.norm.weight.grad.abs().max() > 0
    with torch.no_grad():
        folded_second = folded(net).backbone.stage5[2].added[0].second
    assert not folded_second.conv.weight.any()


def test_frozen_layers_have_no_norms_and_no_gradients(tmp_path: Path) -> None:
    trainer = Trainer(
        tmp_path, Recipe(fade_steps=0), torch.device("cpu"), SIZE, norms=True, frozen=("stem",)
    )
    backbone = trainer.net.backbone
    assert backbone.stem.norm is None
    assert backbone.stage2[0][0].norm is not None
    trainer.net(_pixels())[1].mean().backward()
    assert backbone.stem.conv.weight.grad is None
    assert backbone.stage2[0][0].conv.weight.grad is not None


def test_a_folded_network_computes_what_the_norms_did() -> None:
    net = DetectorNet(3)
    install(net)
    calibrate(net, _pixels())
    with torch.no_grad():
        for name, value in net.named_parameters():
            if ".norm." in name:
                value.add_(torch.randn_like(value) * 0.1)
        net.train()(_pixels())  # changes the running statistics
        pixels = _pixels(1)
        expected = net.eval()(pixels)[1]
        difference = (folded(net)(pixels)[1] - expected).abs().max()
        assert difference < 1e-3 * expected.std()
        assert torch.equal(net(pixels)[1], expected)  # the network itself keeps its norms


def test_a_run_with_norms_saves_folded_weights_and_resumes(streets, tmp_path: Path) -> None:
    from lipiyana.learning.trainer.stored_weights import load_weights
    from lipiyana.vehicles.training.data.batches import collate
    from lipiyana.vehicles.training.data.canvases import Canvas
    from lipiyana.vehicles.training.data.street_pictures import load_pictures
    from lipiyana.vehicles.training.data.views import letterboxed
    from lipiyana.vehicles.training.network import anchor_points

    known = np.ones((len(anchor_points(SIZE)[0]), len(CLASSES)), bool)
    smallest = np.zeros(len(known), np.float32)
    views = [
        letterboxed(picture, picture.pixels(), SIZE, SIZE, flip=False)
        for picture in load_pictures(streets("dhaka"), None)
    ]
    batch = collate(
        [Canvas(view.pixels, view.boxes, view.classes, known, smallest) for view in views]
    )
    base = Trainer(tmp_path, Recipe(fade_steps=0), torch.device("cpu"), SIZE)
    base.save("base.pt")
    run = tmp_path / "run"
    run.mkdir()
    recipe = Recipe(fade_steps=0, warm_up_steps=1)
    first = Trainer(run, recipe, torch.device("cpu"), SIZE, norms=True)
    first.start_from(tmp_path / "base.pt", batch.pixels)
    for _ in range(3):
        first.learn(batch, 1.0)
    first.save()
    DetectorNet(len(CLASSES)).load_state_dict(load_weights(run / "last.pt"))
    resumed = Trainer(run, recipe, torch.device("cpu"), SIZE, norms=True)
    assert resumed.resume()
    for trainer in (first, resumed):
        trainer.learn(batch, 0.5)
    for name, value in first.averaged.state_dict().items():
        assert torch.equal(value, resumed.averaged.state_dict()[name]), name

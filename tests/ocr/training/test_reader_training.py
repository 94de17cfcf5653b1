from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from needs import TORCH

torch = pytest.importorskip("torch", reason=TORCH)

from lipiyana.learning.trainer.fading import FadingActivation
from lipiyana.learning.trainer.run import Recipe
from lipiyana.learning.trainer.schedule import learning_rate_factor
from lipiyana.learning.trainer.stored_weights import load_weights
from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.training.batches import Batch, greedy_texts
from lipiyana.ocr.training.evaluation import read_with_onnx, read_with_torch
from lipiyana.ocr.training.export_reader import export_float
from lipiyana.ocr.training.lines import fits
from lipiyana.ocr.training.network import LineReaderNet, ReaderShape
from lipiyana.ocr.training.train_reader import Trainer

CHARSET = Charset.load()
FLOAT_TWIN = Path(__file__).parents[3] / "models" / "reader.float.onnx.xz"


def batch(text: str) -> Batch:
    labels = CHARSET.encode(text)
    pixels = torch.randn(1, 3, 48, 96, generator=torch.Generator().manual_seed(1))
    return Batch(pixels, torch.tensor(labels), torch.tensor([len(labels)]), (text,), ("Deva",))


def trainer(folder: Path) -> Trainer:
    torch.manual_seed(0)
    return Trainer(folder, CHARSET, Recipe(fade_steps=2), torch.device("cpu"))


@pytest.fixture(scope="module")
def shipped() -> LineReaderNet:
    net = LineReaderNet(ReaderShape(classes=CHARSET.classes))
    net.load_state_dict(load_weights(FLOAT_TWIN))
    return net


@pytest.mark.parametrize("rounded", [False, True])
def test_training_starts_from_a_float_twin(
    shipped: LineReaderNet, rounded: bool, tmp_path: Path
) -> None:
    twin = tmp_path / "twin.onnx"
    export_float(shipped, CHARSET, twin, rounded=rounded)
    weights = load_weights(twin)
    begun = trainer(tmp_path)
    begun.start_from(twin)
    state = begun.averaged.state_dict()
    assert set(state) == set(weights)
    assert all(torch.equal(state[name], weights[name]) for name in state)


@pytest.mark.parametrize("rounded", [False, True])
def test_the_exported_model_reads_as_the_network(
    shipped: LineReaderNet, rounded: bool, tmp_path: Path
) -> None:
    twin = tmp_path / "twin.onnx"
    export_float(shipped, CHARSET, twin, rounded=rounded)
    stored = LineReaderNet(shipped.shape)
    stored.load_state_dict(load_weights(twin))
    pixels = np.random.default_rng(0).standard_normal((2, 3, 48, 64), np.float32)
    logits = torch.from_numpy(read_with_torch(stored)(pixels))
    exported = read_with_onnx(twin)(pixels)
    np.testing.assert_allclose(exported, logits.softmax(-1).numpy(), atol=1e-4)


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    first = trainer(tmp_path)
    first.learn(batch("नमक"), 1.0)
    first.save()
    first.learn(batch("कमल"), 1.0)
    second = trainer(tmp_path)
    assert second.resume()
    assert second.step == 1
    second.learn(batch("कमल"), 1.0)
    for name, value in first.net.state_dict().items():
        torch.testing.assert_close(second.net.state_dict()[name], value)
    for name, value in first.averaged.state_dict().items():
        torch.testing.assert_close(second.averaged.state_dict()[name], value)


def test_training_lowers_the_loss_of_its_own_line(tmp_path: Path) -> None:
    from lipiyana.ocr.training.train_reader import ctc_loss

    run, line = trainer(tmp_path), batch("नमक")
    run.start_from(FLOAT_TWIN)
    before = ctc_loss(run.learn(line, 1.0), line)
    for _ in range(5):
        logits = run.learn(line, 1.0)
    assert ctc_loss(logits, line) < before


def test_another_charset_is_refused(tmp_path: Path) -> None:
    trainer(tmp_path).save()
    other = Trainer(tmp_path, Charset("abc"), Recipe(), torch.device("cpu"))
    with pytest.raises(ValueError, match="same charset"):
        other.resume()


def test_gelu_fades_into_relu() -> None:
    x = torch.linspace(-3, 3, 13)
    half = FadingActivation(torch.nn.functional.gelu, 0.5)(x)
    mean = (torch.nn.functional.gelu(x) + torch.relu(x)) / 2
    torch.testing.assert_close(half, mean)
    torch.testing.assert_close(FadingActivation(torch.nn.functional.gelu, 0.0)(x), torch.relu(x))


def test_the_learning_rate_warms_up_stays_and_falls() -> None:
    recipe = Recipe(warm_up_steps=10, decay_share=0.5)
    assert learning_rate_factor(0, 0.0, recipe) == pytest.approx(0.1)
    assert learning_rate_factor(50, 0.4, recipe) == 1
    assert learning_rate_factor(50, 0.75, recipe) == pytest.approx(0.5)
    assert learning_rate_factor(50, 1.0, recipe) == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("labels", "width", "fit"),
    [([1, 2], 8, True), ([1, 1], 8, False), ([1, 1], 12, True), ([], 32, False)],
)
def test_repeated_labels_need_a_blank_between_them(
    labels: list[int], width: int, fit: bool
) -> None:
    assert fits(labels, width) is fit


def test_greedy_texts_come_in_logical_order() -> None:
    visual = CHARSET.encode("ناکد")
    logits = torch.zeros(1, 2 * len(visual), CHARSET.classes)
    logits[0, 1::2, 0] = 1
    for step, label in enumerate(visual):
        logits[0, 2 * step, label] = 1
    assert greedy_texts(logits, CHARSET) == ["دکان"]

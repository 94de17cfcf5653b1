from __future__ import annotations

import html
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import cv2
import pytest
from needs import TORCH

torch = pytest.importorskip("torch", reason=TORCH)

from numbers_drawn import draw_number

from lipiyana.errors import InvalidRequest, ModelUnavailable
from lipiyana.learning.finetune.common.course import Limits, Measured
from lipiyana.learning.finetune.common.job import WORK, Listener
from lipiyana.learning.finetune.common.saving import BEST
from lipiyana.learning.finetune.reader.base import choose_base
from lipiyana.learning.finetune.reader.examples import Example
from lipiyana.learning.finetune.reader.learner import (
    ReaderBase,
    ReaderLearner,
    ReaderRecipe,
    grow_head,
)
from lipiyana.learning.finetune.reader.line_source import REAL, LineMix, batches
from lipiyana.learning.finetune.reader.rendered_lines import SimilarTexts
from lipiyana.learning.finetune.reader.run import ReaderJob, finetune_reader
from lipiyana.learning.trainer.run import Recipe
from lipiyana.learning.trainer.stored_weights import load_weights
from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.recognition.reader import LineReader
from lipiyana.ocr.training.network import ReaderShape
from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.runtime.manifest import Task
from lipiyana.runtime.store import ModelStore

SAMPLES = Path(__file__).parents[3] / "samples"


FAST = ReaderRecipe(
    training=Recipe(1e-2, 1e-2, warm_up_steps=1, fade_steps=0, decay_share=0.3, ema_decay=0.9),
    retain=0.0,
    retained_lines=0,
    int8=False,
    workers=0,
)


def test_the_head_grows_and_forgets_nothing() -> None:
    old, new = Charset("12AÉक"), Charset("12AÉकખ3")
    weights = {"head.weight": torch.randn(6, 4), "head.bias": torch.randn(6), "x": torch.ones(1)}
    grown = grow_head(weights, old, new)
    assert grown["head.weight"].shape == (8, 4)
    assert torch.equal(grown["head.weight"][:6], weights["head.weight"])
    digits = weights["head.weight"][1:3].mean(0)
    torch.testing.assert_close(grown["head.weight"][7], digits)
    with pytest.raises(ValueError, match="must begin with the old"):
        grow_head(weights, old, Charset("2 1AÉक"))


def test_similar_texts_keep_the_pattern() -> None:
    import random

    charset = Charset.load()
    texts = SimilarTexts(["को.३५प", "६२१३"], charset)
    rng = random.Random(3)
    drawn = [texts.sample(rng) for _ in range(300)]
    assert {d.script for d in drawn} == {"Deva"}
    assert all(charset.covers(d.text) for d in drawn)
    digits = set("".join(d.text for d in drawn)) & set("०१२३४५६७८९")
    assert len(digits) == 10
    assert not any(c.isascii() and c.isalnum() for d in drawn for c in d.text)


def test_batches_contain_the_lines_of_the_user(numbers: Path) -> None:
    example = Example("a:1", numbers / "0000.png", "4", "train")
    mix = LineMix((example,), Charset.load().characters, None, real_share=1.0)
    batch = next(batches(mix, 0))
    assert set(batch.texts) == {"4"}
    assert set(batch.scripts) == {REAL}
    assert batch.pixels.shape[1:3] == (3, 48)


def test_a_deleted_picture_is_skipped(numbers: Path) -> None:
    gone = Example("a:1", numbers / "gone.png", "9", "train")
    there = Example("a:2", numbers / "0001.png", "4", "train")
    mix = LineMix((gone, there), Charset.load().characters, None, real_share=1.0)
    assert set(next(batches(mix, 0)).texts) == {"4"}


def test_the_base_is_distilled_on_rendered_lines(tiny_models: Path, tmp_path: Path) -> None:
    base = choose_base(ModelStore(tiny_models, threads=1), None)
    example = Example("a", tmp_path / "none.png", "4", "train")
    grown = (*base.reader.charset.characters, "क")
    learner = ReaderLearner(
        tmp_path, base.reader, LineMix((example,), grown, None), (), replace(FAST, retain=1.0)
    )
    from lipiyana.ocr.training.batches import Batch

    batch = Batch(
        torch.randn(2, 3, 48, 32), torch.ones(2), torch.ones(2), ("1", "1"), ("Latn", REAL)
    )
    logits = learner._trainer.net(batch.pixels).detach()
    # the new class does not change the old ones
    assert abs(float(learner._divergence(batch, logits))) < 1e-5
    assert float(learner._divergence(batch, logits + torch.randn_like(logits))) > 0.01


def one_line(models: Path, numbers: Path) -> tuple[ReaderBase, LineMix]:
    """The tiny reader, and a mix of a single real line."""
    base = choose_base(ModelStore(models, threads=1), None).reader
    example = Example("a", numbers / "0001.png", "4", "train")
    return base, LineMix((example,), base.charset.characters, None, real_share=1.0)


def test_int8_is_simulated_only_at_the_end(
    tiny_models: Path, numbers: Path, tmp_path: Path
) -> None:
    base, mix = one_line(tiny_models, numbers)
    learner = ReaderLearner(tmp_path, base, mix, (), replace(FAST, int8=True))
    net, pixels = learner._trainer.net, torch.randn(1, 3, 48, 32)

    def strays() -> bool:
        plain = type(net)(ReaderShape.of_weights(net.state_dict())).eval()
        plain.load_state_dict(net.state_dict())
        net.eval()
        return not torch.allclose(net(pixels), plain(pixels), atol=1e-4)

    learner.learn(0.1)
    assert not strays()
    learner.learn(0.9)
    assert strays()


def test_an_interpolated_model_is_chosen_if_it_is_no_worse(
    tiny_models: Path, numbers: Path, tmp_path: Path
) -> None:
    base, mix = one_line(tiny_models, numbers)
    learner = ReaderLearner(tmp_path, base, mix, mix.examples, FAST)
    learned = {name: w + 0.01 for name, w in learner._trainer.averaged.state_dict().items()}
    learner._trainer.averaged.load_state_dict(learned)
    learner.keep_best()
    assert learner.settle(Measured(-1.0, 0.0)) is None
    torch.testing.assert_close(load_weights(tmp_path / BEST), learned)
    settled = learner.settle(Measured(9.0, 0.0))
    assert settled is not None
    kept = load_weights(tmp_path / BEST)
    nearer = {name: base.weights[name].lerp(learned[name], 0.4) for name in learned}
    torch.testing.assert_close(kept, nearer)


def test_an_interpolated_model_may_lose_a_tenth_of_the_gain(
    tiny_models: Path, numbers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, mix = one_line(tiny_models, numbers)
    learner = ReaderLearner(tmp_path, base, mix, mix.examples, FAST)
    learner.keep_best()
    errors = iter(
        [1.0, 0.5, 0.3, 0.14, 0.06]
    )  # of the base, then nearer and nearer to the best model
    monkeypatch.setattr(learner, "_measured", lambda _: Measured(next(errors), 0.0))
    assert learner.settle(Measured(0.05, 0.0)) == Measured(0.14, 0.0)


def test_a_full_disk_is_reported_as_one(
    tiny_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = choose_base(ModelStore(tiny_models, threads=1), None)
    example = Example("a", tmp_path / "none.png", "4", "train")
    mix = LineMix((example,), base.reader.charset.characters, None)
    learner = ReaderLearner(tmp_path, base.reader, mix, (), FAST)
    learner.keep_best()
    before = (tmp_path / BEST).read_bytes()

    def full(_: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise RuntimeError("PytorchStreamWriter failed writing file")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(RuntimeError, match="PytorchStreamWriter"):
        learner.keep_best()
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=0))
    with pytest.raises(OSError, match="No space left"):
        learner.save()
    assert [path.name for path in tmp_path.iterdir()] == [BEST]
    assert (tmp_path / BEST).read_bytes() == before


@pytest.fixture(scope="module")
def finetuned(tiny_models: Path, numbers: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny reader, trained on the digits, with one interruption by Ctrl-C."""
    out = tmp_path_factory.mktemp("out") / "models"
    store = ModelStore(tiny_models, threads=1)
    job = ReaderJob(
        data=numbers,
        out=out,
        limits=Limits(minutes=60, steps=80, measure_every_s=5.0, patience=1000),
        recipe=FAST,
        name="digits",
        samples=SAMPLES,
    )
    stopping = Listener(
        on_standing=lambda s: os.kill(os.getpid(), signal.SIGINT) if s.share > 0.02 else None
    )
    stopped = finetune_reader(job, store, stopping)
    assert stopped.course.ending == "interrupted"
    assert not (out / "manifest.toml").exists()
    with pytest.raises(InvalidRequest, match="--resume") as caught:
        finetune_reader(job, store)
    assert caught.value.reason == "UNFINISHED"
    other = replace(job, name="else", resume=True)
    with pytest.raises(InvalidRequest, match="other data"):
        finetune_reader(other, store)
    with pytest.MonkeyPatch.context() as patched:
        no_fonts = FontLibrary([], {"held_out": {}})
        patched.setattr(FontLibrary, "load", lambda: no_fonts)
        made = finetune_reader(replace(job, resume=True), store)
    assert made.course.history[0][1] > 0.9
    assert made.validation is not None
    assert made.validation.score_after.cer < 0.5
    assert not (out / WORK).exists()
    return out


def test_the_new_reader_is_what_a_store_serves(finetuned: Path, numbers: Path) -> None:
    store = ModelStore(finetuned, threads=1)
    entry = store.default_for_task(Task.LINE_READER)
    assert entry.name in {"digits", "digits-float"}
    card = (finetuned / entry.card).read_text("utf-8")
    for key in ("base", "base_sha256", "data_sha256", "code"):
        assert str(entry.parameters[key]) in card
    assert all(check.ok for check in store.verify() if check.entry.name.startswith("digits"))
    rows = [row.split("\t") for row in (numbers / "labels.tsv").read_text().splitlines()]
    pictures = [cv2.imread(str(numbers / name))[..., ::-1] for name, _ in rows]
    readings = LineReader(store).read(pictures)
    hits = sum(reading.text == row[1] for reading, row in zip(readings, rows, strict=True))
    assert hits > 0.6 * len(rows)  # one in three by chance


def test_the_report_has_scores_and_pictures_of_lines(finetuned: Path) -> None:
    report = (finetuned / "report-digits.html").read_text("utf-8")
    assert "data:image/jpeg;base64," in report
    assert "your validation part" in report
    assert "the project's samples" in html.unescape(report)
    assert "<script" not in report


def test_a_finetuned_reader_can_be_a_base(finetuned: Path) -> None:
    base = choose_base(ModelStore(finetuned, threads=1), "digits-float")
    assert isinstance(base.reader, ReaderBase)
    assert len(base.reader.charset) == 95


def test_an_existing_reader_is_not_replaced_without_warning(
    finetuned: Path, tiny_models: Path, numbers: Path
) -> None:
    store, warned = ModelStore(tiny_models, threads=1), []

    def stop(_: str) -> None:
        raise KeyboardInterrupt

    listener = Listener(on_step=stop, on_warning=warned.append)
    job = ReaderJob(data=numbers, out=finetuned, name="digits", samples=None)
    with pytest.raises(InvalidRequest, match="not overwritten"):
        finetune_reader(job, store, listener)
    with pytest.raises(KeyboardInterrupt):
        finetune_reader(job, ModelStore(finetuned, threads=1), listener)
    assert warned == []
    with pytest.raises(KeyboardInterrupt):
        finetune_reader(replace(job, name="others"), store, listener)
    assert len(warned) == 1


def test_other_models_are_refused_as_base(tmp_path: Path) -> None:
    store = ModelStore(threads=1)
    with pytest.raises(InvalidRequest, match="cannot train from"):
        choose_base(store, "ppocrv6-small-line-reader")
    with pytest.raises(InvalidRequest, match="not a line reader"):
        choose_base(store, "ppocrv6-small-text-detector")
    with pytest.raises(ModelUnavailable):
        choose_base(store, str(tmp_path / "no.onnx"))


def test_the_command_reports_errors(tmp_path: Path, tiny_models: Path) -> None:
    from typer.testing import CliRunner

    from lipiyana.cli.main import app

    cv2.imwrite(str(tmp_path / "a.png"), draw_number("1"))
    (tmp_path / "labels.tsv").write_text("a.png\t1\n")
    command = ["finetune", "reader", str(tmp_path), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, [*command, "--models", str(tiny_models)])
    assert result.exit_code == 2
    assert "10 are needed" in " ".join(result.output.replace("│", " ").split())
    assert not (tmp_path / "out").exists()

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from cli_fake import FakeRecognizer
from PIL import Image, ImageDraw, ImageFont
from typer.testing import CliRunner, Result

from lipiyana.annotation.settings import DRAWING
from lipiyana.cli import recognizers
from lipiyana.cli.annotate import target_name
from lipiyana.cli.main import app
from lipiyana.errors import Unavailable
from lipiyana.pipeline import LocalRecognizer
from lipiyana.samples import sample_folder
from lipiyana.server import ServerSettings, running_server
from lipiyana.types import ImageInput, Layout, Recognition, RecognitionConfig


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    canvas = Image.new("RGB", (320, 120), "white")
    font = ImageFont.load_default(32)
    ImageDraw.Draw(canvas).text((160, 60), "KA 01 AB 1234", font=font, fill="black", anchor="mm")
    canvas.save(path)


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["annotate", *arguments])


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_copies_keep_their_folders_and_originals_are_unchanged(here: Path) -> None:
    for name in ("in/a.jpg", "in/deep/a.png", "in/b.webp"):
        picture(here / name)
    before = (here / "in" / "a.jpg").read_bytes()
    result = invoke("in", "-o", "out")
    assert result.exit_code == 0
    assert files(here / "out") == {"a.jpg", "deep/a.png", "b.webp.png"}
    assert (here / "in" / "a.jpg").read_bytes() == before
    for name in ("a.png", "a.jpg"):
        path = here / "out" / ("deep" if name == "a.png" else "") / name
        with Image.open(path) as copy:
            assert copy.size == (320, 120)
            pixels = np.asarray(copy.convert("RGB")).astype(int)
        assert (np.abs(pixels - DRAWING.plate).sum(axis=2) < 40).any()


def test_pictures_with_the_same_name_get_a_number(here: Path) -> None:
    for name in ("one/a.png", "two/a.png"):
        picture(here / name)
    assert invoke("one", "two/a.png", "-o", "out").exit_code == 0
    assert files(here / "out") == {"a.png", "a-2.png"}


def test_a_bad_picture_does_not_stop_the_others(here: Path) -> None:
    picture(here / "in" / "a.png")
    (here / "in" / "b.png").write_text("no picture")
    result = invoke("in", "missing.jpg", "-o", "out")
    assert result.exit_code == 1
    assert files(here / "out") == {"a.png"}
    assert "in/b.png: " in result.stderr
    assert "missing.jpg" in result.stderr
    assert "1 written to out, 2 failed" in result.stderr


@pytest.mark.parametrize(
    ("inputs", "output", "says"),
    [
        ("in", "in", "in would be both read and written to"),
        ("in", ".", "in would be read, but is in ., which is written to"),
        ("in/a.png", "in", "in/a.png would be read, but is in in, which is written to"),
    ],
)
def test_an_input_picture_is_never_overwritten(
    here: Path, inputs: str, output: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    picture(here / "in" / "a.png")
    before = (here / "in" / "a.png").read_bytes()
    result = invoke(inputs, "-o", output)
    assert result.exit_code == 2
    assert f"{says}; name another folder" in " ".join(result.stderr.split())
    assert (here / "in" / "a.png").read_bytes() == before


@pytest.mark.parametrize("hard", [False, True])
def test_a_link_to_a_picture_is_not_written_through(here: Path, hard: bool) -> None:
    picture(here / "in" / "a.jpg")
    before = (here / "in" / "a.jpg").read_bytes()
    (here / "out").mkdir()
    if hard:
        (here / "out" / "a.jpg").hardlink_to(here / "in" / "a.jpg")
    else:
        (here / "out" / "a.jpg").symlink_to("../in/a.jpg")
    assert invoke("in", "-o", "out").exit_code == 0
    assert (here / "in" / "a.jpg").read_bytes() == before
    assert not (here / "out" / "a.jpg").is_symlink()
    assert (here / "out" / "a.jpg").read_bytes() != before
    assert files(here / "out") == {"a.jpg"}


def test_a_link_to_a_folder_of_pictures_is_not_followed(here: Path) -> None:
    picture(here / "in" / "deep" / "a.jpg")
    before = (here / "in" / "deep" / "a.jpg").read_bytes()
    (here / "out").mkdir()
    (here / "out" / "deep").symlink_to("../in/deep")
    result = invoke("in", "-o", "out")
    assert result.exit_code == 1
    assert "leads out of out" in result.stderr
    assert (here / "in" / "deep" / "a.jpg").read_bytes() == before


def test_the_pixel_limit_comes_from_the_environment(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture(here / "in" / "a.png")
    monkeypatch.setenv("LIPIYANA_MAX_PIXELS", "38399")
    result = invoke("in", "-o", "out")
    assert result.exit_code == 1
    assert "raise the limit (LIPIYANA_MAX_PIXELS)" in result.stderr
    canvas = Image.new("RGB", (7100, 7100), "white")  # over the default limit
    canvas.save(here / "in" / "a.png")
    monkeypatch.setenv("LIPIYANA_MAX_PIXELS", "50410000")
    assert invoke("in", "-o", "out").exit_code == 0


def test_copies_inside_an_input_are_not_annotated_again(here: Path) -> None:
    picture(here / "a.png")
    for _ in range(2):
        assert invoke(".", "-o", "out").exit_code == 0
        assert files(here / "out") == {"a.png"}


def test_no_picture_is_exit_code_2(here: Path) -> None:
    (here / "in").mkdir()
    (here / "in" / "a.heic").touch()
    result = invoke("in", "-o", "out")
    assert result.exit_code == 2
    assert "no picture found in in: skipped 1 HEIC; convert pictures" in result.stderr
    assert not (here / "out").exists()


def test_skipped_files_are_reported(here: Path) -> None:
    picture(here / "in" / "a.png")
    (here / "in" / "b.heic").touch()
    assert "skipped 1 file of other kinds: 1 HEIC; convert" in invoke("in", "-o", "out").stderr
    (here / "in" / "b.heic").unlink()
    assert "skipped" not in invoke("in", "-o", "out").stderr


def test_output_names_never_collide() -> None:
    used: set[Path] = set()
    names = [target_name(name, used) for name in ("a.tif.png", "a.tif", "a.tif", "a", "a.png")]
    assert names == [
        Path("a.tif.png"),
        Path("a.tif-2.png"),
        Path("a.tif-3.png"),
        Path("a.png"),
        Path("a-2.png"),
    ]


def test_only_requested_features_are_drawn(here: Path) -> None:
    picture(here / "in" / "a.png")
    assert invoke("in", "-o", "out", "--features", "text").exit_code == 0
    with Image.open(here / "out" / "a.png") as copy:
        pixels = np.asarray(copy.convert("RGB")).astype(int)
    assert not (np.abs(pixels - DRAWING.plate).sum(axis=2) < 40).any()
    assert (pixels == DRAWING.text).all(axis=2).any()


def test_unknown_features_are_refused(here: Path) -> None:
    picture(here / "in" / "a.png")
    result = invoke("in", "-o", "out", "--features", "faces")
    assert result.exit_code == 2
    assert not (here / "out").exists()


def test_a_server_and_workers_give_the_same_copies(here: Path, recognizer: LocalRecognizer) -> None:
    for number in range(3):
        picture(here / "in" / f"{number}.png")
    (here / "in" / "bad.png").write_text("no picture")
    assert invoke("in", "-o", "one", "--workers", "1").exit_code == 1
    several = invoke("in", "-o", "several", "--workers", "3")
    assert several.exit_code == 1
    assert "3 written to several, 1 failed" in several.stderr
    with running_server(recognizer, ServerSettings(port=0, threads=1)) as server:
        served = invoke("in", "-o", "served", "--server", server.target)
    assert served.exit_code == 1
    assert "3 written to served, 1 failed" in served.stderr
    copies = {name: (here / "one" / name).read_bytes() for name in files(here / "one")}
    assert sorted(copies) == ["0.png", "1.png", "2.png"]
    for folder in ("several", "served"):
        assert {n: (here / folder / n).read_bytes() for n in files(here / folder)} == copies


def test_names_do_not_depend_on_which_picture_is_ready_first(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, size in (("one", 900), ("two", 60)):
        (here / folder).mkdir()
        Image.new("RGB", (size, size), "white").save(here / folder / "a.png")
    ready = threading.Event()

    class SecondFirst(FakeRecognizer):
        def recognize(self, image: ImageInput, *_: object, **__: object) -> Recognition:
            assert isinstance(image, bytes)
            if len(image) > 1500:
                assert ready.wait(60)
            ready.set()
            return Recognition(1, 1)

    chosen = recognizers.Chosen(SecondFirst(), 2)
    monkeypatch.setattr(recognizers, "in_process", lambda *_, **__: chosen)
    sizes = [(here / folder / "a.png").stat().st_size for folder in ("one", "two")]
    assert sizes[0] > 1500 > sizes[1]
    assert invoke("one", "two", "-o", "out").exit_code == 0
    for name, side in (("a.png", 900), ("a-2.png", 60)):
        with Image.open(here / "out" / name) as copy:
            assert copy.size == (side, side)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--server", "localhost"], "Invalid value for --server"),
        (["--server", "localhost:1", "--models", "."], "cannot be used with --server"),
        (["--workers", "0"], "--workers"),
        (["--script-hints", "Klin"], "Invalid value for --script-hints"),
    ],
)
def test_invalid_options_are_refused(here: Path, options: list[str], says: str) -> None:
    picture(here / "a.png")
    result = invoke("a.png", "-o", "out", *options)
    assert result.exit_code == 2
    assert says in " ".join(result.stderr.replace("│", " ").split())
    assert not (here / "out").exists()


def test_a_server_that_is_down_ends_the_run(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(40):
        picture(here / "in" / f"{number:02}.png")

    class Down(FakeRecognizer):
        calls = 0

        def recognize(self, *_: object, **__: object) -> Recognition:
            self.calls += 1
            raise Unavailable("no server answers")

    down = Down()
    monkeypatch.setattr(recognizers, "connect", lambda *_: recognizers.Chosen(down, 1))
    result = invoke("in", "-o", "out", "--server", "localhost:1")
    assert result.exit_code == 1
    assert result.stderr.count("no server answers") == 1
    assert down.calls < 40
    assert down.closed


def test_an_error_names_its_picture_once(here: Path) -> None:
    (here / "a").write_text("no picture")
    result = invoke("missing.jpg", "a", "-o", "out")
    messages = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert messages[0] == "error: there is no file or folder missing.jpg"
    assert messages[1].startswith("error: a: ")
    assert len(messages) == 2


def test_plates_are_drawn_with_the_layout_of_read(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Seen(FakeRecognizer):
        def recognize(
            self, image: ImageInput, config: RecognitionConfig | None = None, **_: object
        ) -> Recognition:
            self.configs.append(config)
            return Recognition(320, 120)

    seen = Seen()
    monkeypatch.setattr(recognizers, "in_process", lambda *_, **__: recognizers.Chosen(seen, 1))
    picture(here / "a.png")
    invoke("a.png", "-o", "out", "--layout", "plate", "--romanize")
    invoke("a.png", "-o", "out")
    as_plate, as_scene = seen.configs
    assert as_plate is not None
    assert as_scene is not None
    assert (as_plate.layout, as_plate.romanize) == (Layout.PLATE, True)
    assert (as_scene.layout, as_scene.romanize) == (Layout.SCENE, False)


def test_a_sample_of_a_plate_is_labelled(here: Path) -> None:
    sample = sample_folder() / "plates" / "03_standard_2row.jpg"
    assert invoke(str(sample), "-o", "out", "--layout", "plate").exit_code == 0
    with Image.open(sample) as before, Image.open(here / "out" / sample.name) as after:
        yellow = [
            (np.abs(np.asarray(one.convert("RGB")).astype(int) - DRAWING.plate).sum(axis=2) < 40)
            for one in (before, after)
        ]
    assert not yellow[0].any()
    assert yellow[1].any()

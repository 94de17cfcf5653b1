"""A camera, or a video file, read frame by frame with tracks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from needs import BROWSER
from page_fake import PageRecognizer
from page_visit import Visit, script

if TYPE_CHECKING:
    from playwright.sync_api import WebSocket

expect = pytest.importorskip("playwright.sync_api", reason=BROWSER).expect


@pytest.fixture
def sent(visit: Visit) -> list[bytes]:
    """The frames that the page has sent."""
    frames: list[bytes] = []

    def listen(socket: WebSocket) -> None:
        socket.on(
            "framesent", lambda data: frames.append(data) if isinstance(data, bytes) else None
        )

    visit.page.on("websocket", listen)
    return frames


@pytest.fixture
def heard(visit: Visit) -> list[str]:
    """The answers that the page has received."""
    answers: list[str] = []

    def listen(socket: WebSocket) -> None:
        socket.on(
            "framereceived", lambda data: answers.append(data) if isinstance(data, str) else None
        )

    visit.page.on("websocket", listen)
    return answers


@pytest.fixture
def camera(
    visit: Visit, sent: list[bytes], heard: list[str], recognizer_of_page: PageRecognizer
) -> Iterator[Visit]:
    visit.page.context.grant_permissions(["camera"])
    visit.page.get_by_role("button", name="Camera").click()
    visit.wait_for_marks()
    yield visit
    recognizer_of_page.release()


def test_a_camera_is_read_with_tracks(camera: Visit) -> None:
    page = camera.page
    rate = re.compile(r"[1-9][.\d]* frames a second")
    expect(page.locator("#rate")).to_contain_text(rate)
    vehicles = page.locator(".list.vehicle .row")
    expect(vehicles.first).to_contain_text("track ")
    before = page.evaluate(script("tracks"))
    page.evaluate(script("frames"), 12)
    assert page.evaluate(script("tracks")) == before
    assert [len(set(values)) for values in before] == [2, 2]
    # the colours of tracks, which are not those of classes
    colours = page.evaluate(
        """async () => {
            const { CLASSES, trackColour } = await import("/static/js/show/colours.js");
            const tracks = [...document.querySelectorAll(".mark.vehicle text")]
                .map(({ textContent }) => Number(/#(\\d+)/.exec(textContent)[1]));
            return [tracks.map(trackColour), Object.values(CLASSES)];
        }"""
    )
    shown = page.locator(".mark.vehicle .shape").evaluate_all(
        "(shapes) => shapes.map((shape) => shape.getAttribute('stroke'))"
    )
    assert shown == colours[0]
    assert not set(shown) & set(colours[1])


def settled(sent: list[bytes], pause: Callable[[], object]) -> int:
    """Number of sent frames once a pause adds none; a test hears of frames late."""
    for _ in range(40):
        before = len(sent)
        pause()
        if len(sent) == before:
            return before
    raise AssertionError("the page goes on sending frames that are not answered")


def test_at_most_two_frames_are_under_way(
    camera: Visit, sent: list[bytes], heard: list[str], recognizer_of_page: PageRecognizer
) -> None:
    recognizer_of_page.hold()
    stuck = settled(sent, lambda: camera.page.evaluate(script("frames"), 15))
    answers = [json.loads(answer) for answer in heard]
    dropped = sum(len(answer["dropped_frame_ids"]) for answer in answers)
    assert 1 <= stuck - len(answers) - dropped <= 2
    recognizer_of_page.release()
    for _ in range(40):
        camera.page.evaluate(script("frames"), 15)
        if len(sent) > stuck:
            break
    assert len(sent) > stuck
    numbers = [int.from_bytes(frame[:8], "big") for frame in sent]
    assert numbers == sorted(set(numbers))
    assert all(frame[8:10] == b"\xff\xd8" for frame in sent)


COUNT_GRABS = """() => {
    const { toBlob } = HTMLCanvasElement.prototype;
    window.grabbed = 0;
    HTMLCanvasElement.prototype.toBlob = function (...rest) {
        window.grabbed += 1;
        toBlob.apply(this, rest);
    };
}"""


def test_a_camera_pauses_goes_on_and_stops(camera: Visit) -> None:
    page = camera.page
    page.evaluate(COUNT_GRABS)
    camera.until("() => window.grabbed > 1")
    page.get_by_role("button", name="Pause").click()
    camera.until("() => document.querySelector('#frame video').paused")
    paused = page.evaluate("window.grabbed")
    # a frame that was grabbed before may still be sent, and answered
    for _ in range(15):
        page.evaluate("() => new Promise(requestAnimationFrame)")
    assert page.evaluate("window.grabbed") == paused
    page.get_by_role("button", name="Go on").click()
    camera.until("paused => window.grabbed > paused", paused)
    page.evaluate("() => { window.camera = document.querySelector('#frame video').srcObject; }")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#work")).to_be_hidden()
    assert page.evaluate("window.camera.getTracks().map((track) => track.readyState)") == ["ended"]


def test_a_refused_camera_is_explained(visit: Visit) -> None:
    visit.page.evaluate(
        """() => { navigator.mediaDevices.getUserMedia = () => Promise.reject(
            new DOMException("no", "NotAllowedError")); }"""
    )
    visit.page.get_by_role("button", name="Camera").click()
    expect(visit.page.get_by_role("alert")).to_contain_text("The camera was not allowed")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a moving square, as WebM."""
    path = tmp_path_factory.mktemp("clip") / "street.webm"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"VP80"), 10, (640, 480))
    if not writer.isOpened():
        pytest.skip("this OpenCV writes no WebM")
    for index in range(20):
        frame = np.full((480, 640, 3), 90, np.uint8)
        cv2.rectangle(frame, (10 * index, 100), (10 * index + 100, 200), (0, 0, 255), -1)
        writer.write(frame)
    writer.release()
    return path


def play(visit: Visit, clip: Path) -> None:
    with visit.page.expect_file_chooser() as chooser:
        visit.page.get_by_role("button", name="Video file").click()
    chooser.value.set_files(clip)


def test_a_video_is_read_frame_by_frame_to_its_end(
    visit: Visit, sent: list[bytes], clip: Path, recognizer_of_page: PageRecognizer
) -> None:
    play(visit, clip)
    visit.wait_for_marks()
    page = visit.page
    expect(page.get_by_label("wait for each frame")).to_be_checked()
    expect(page.get_by_role("button", name="Play again")).to_be_visible()
    assert len(sent) >= 10  # of 20; a browser may skip some as it goes on
    first = len(sent)
    page.get_by_label("wait for each frame").uncheck()
    page.get_by_role("button", name="Play again").click()
    visit.until("() => document.querySelector('#frame video').currentTime > 1")
    expect(page.get_by_role("button", name="Play again")).to_be_visible()
    assert len(sent) > first
    page.get_by_role("button", name="Stop").click()


def test_a_frame_waits_for_its_answer(
    visit: Visit, sent: list[bytes], clip: Path, recognizer_of_page: PageRecognizer
) -> None:
    recognizer_of_page.hold()
    visit.page.get_by_text("Options", exact=True).click()
    visit.page.locator("[name=bypass]").check()  # an earlier test may have read these frames
    play(visit, clip)
    recognizer_of_page.wait_for_next()
    visit.until("() => document.querySelector('#frame video').paused")
    visit.page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)))"
    )
    assert len(sent) == 1
    recognizer_of_page.release()
    visit.wait_for_marks()
    visit.page.get_by_role("button", name="Stop").click()


def test_a_file_that_is_no_video_is_explained(visit: Visit, tmp_path: Path) -> None:
    path = tmp_path / "no.webm"
    path.write_bytes(b"not a video")
    play(visit, path)
    expect(visit.page.get_by_role("alert")).to_contain_text("cannot play this video")


def test_a_picture_ends_the_camera(camera: Visit) -> None:
    camera.page.get_by_text("Samples").click()
    camera.page.locator("#samples .sample").first.click()
    expect(camera.page.locator("#frame img")).to_be_visible()
    expect(camera.page.locator("#live")).to_be_hidden()
    camera.wait_for_marks(7)

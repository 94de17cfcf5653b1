"""Shadow mode: the challenger reads a share, answers nothing, and delays nothing."""

from __future__ import annotations

import queue
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from served_fake import PATIENCE, SECRET, FakeRecognizer, recognition

import lipiyana.models
from lipiyana.client import Client
from lipiyana.errors import InvalidRequest, ModelUnavailable
from lipiyana.review.keeping_recognizer import SpareTime
from lipiyana.server import ServerSettings, local_recognizer, running_server
from lipiyana.server.shadow.differences import KINDS, differences
from lipiyana.server.shadow.recognizer import ShadowedRecognizer
from lipiyana.server.telemetry.metrics import Metrics
from lipiyana.types import (
    Box,
    CachePolicy,
    Layout,
    Plate,
    Recognition,
    RecognitionConfig,
    Registration,
)

BYPASS = RecognitionConfig(cache_policy=CachePolicy.BYPASS)
PLATE = Path(__file__).parents[3] / "samples" / "plates" / "02_standard_2row.jpg"


class Outcomes:
    """An observer; `next` waits for what comes next."""

    def __init__(self) -> None:
        self.seen: queue.Queue[tuple[str, tuple[str, ...]]] = queue.Queue()

    def shadowed(self, outcome: str, kinds: Sequence[str] = ()) -> None:
        self.seen.put((outcome, tuple(kinds)))

    def next(self) -> tuple[str, tuple[str, ...]]:
        return self.seen.get(timeout=PATIENCE)


def at_once(job: Callable[[], None]) -> bool:
    job()
    return True


def shadowed(
    champion: FakeRecognizer,
    challenger: FakeRecognizer,
    share: float,
    outcomes: Outcomes,
    *,
    offer: Callable[[Callable[[], None]], bool] = at_once,
    waiting: int = 0,
) -> ShadowedRecognizer:
    return ShadowedRecognizer(
        champion, challenger, share, outcomes, offer=offer, busy=lambda: waiting > 0
    )


class Different(FakeRecognizer):
    """Reads one word more than there is."""

    def recognize(self, *args: object, **rest: object) -> Recognition:
        return recognition(super().recognize(*args, **rest).text_lines[0].text + " more")  # type: ignore[arg-type]


@pytest.mark.parametrize(("share", "count"), [(0.1, 3), (0.25, 7), (1.0, 30)])
def test_the_challenger_reads_its_share_and_answers_nothing(share: float, count: int) -> None:
    champion, challenger, outcomes = FakeRecognizer(), Different(), Outcomes()
    both = shadowed(champion, challenger, share, outcomes)
    for number in range(30):
        picture = str(number).encode()
        assert both.recognize(picture, BYPASS).text_lines[0].text == str(number)
    assert len(challenger.computed) == count
    assert [outcomes.next() for _ in range(count)] == [("different", ("text",))] * count
    assert outcomes.seen.empty()
    assert both.plan_digest() == champion.plan_digest()


def test_nothing_is_shown_while_pictures_wait() -> None:
    challenger, outcomes = FakeRecognizer(), Outcomes()
    both = shadowed(FakeRecognizer(), challenger, 1.0, outcomes, waiting=1)
    both.recognize(b"a", BYPASS)
    assert outcomes.next() == ("dropped", ())
    assert challenger.computed == []


def test_a_challenger_that_fails_changes_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(FakeRecognizer):
        def recognize(self, *_: object, **__: object) -> Recognition:
            raise KeyError(SECRET)

    outcomes = Outcomes()
    both = shadowed(FakeRecognizer(), Failing(), 1.0, outcomes)
    assert both.recognize(b"a", BYPASS).text_lines[0].text == "a"
    assert outcomes.next() == ("failed", ())
    assert "KeyError" in caplog.text
    assert SECRET not in caplog.text


def test_a_stuck_challenger_delays_no_answer() -> None:
    challenger, outcomes = FakeRecognizer(), Outcomes()
    challenger.hold()
    spare_time = SpareTime(lambda: None, every=3600, share=1)
    both = ShadowedRecognizer(
        FakeRecognizer(),
        challenger,
        1.0,
        outcomes,
        offer=spare_time.offer,
        busy=lambda: False,
        on_close=spare_time.close,
    )
    settings = ServerSettings(port=0, threads=1)
    with running_server(both, settings) as server, Client(server.target) as client:
        client.recognize(b"0", BYPASS)
        challenger.wait_for(b"0")
        for number in range(1, 10):
            picture = str(number).encode()
            assert client.recognize(picture, BYPASS).text_lines[0].text == str(number)
        # four wait behind the one that is stuck
        seen = [outcomes.next() for _ in range(5)]
        assert [outcome for outcome, _ in seen].count("dropped") == 5
        challenger.release()
    both.close()
    assert len(challenger.computed) <= 5


def test_a_server_compares_real_models_and_shows_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = Outcomes()
    counted = Metrics.shadowed

    def count(metrics: Metrics, outcome: str, kinds: Sequence[str] = ()) -> None:
        counted(metrics, outcome, kinds)
        outcomes.shadowed(outcome, kinds)

    monkeypatch.setattr(Metrics, "shadowed", count)
    folder = Path(lipiyana.models.__file__).parent
    settings = ServerSettings(port=0, threads=1, shadow=folder, shadow_share=1.0)
    metrics = Metrics()
    config = RecognitionConfig(layout=Layout.PLATE, cache_policy=CachePolicy.BYPASS)
    served = local_recognizer(settings, metrics)
    with running_server(served, settings) as server, Client(server.target) as client:
        text = generate_latest(metrics.registry).decode()
        samples = [line for line in text.splitlines() if re.match(r"\w+_(total|count)\b", line)]
        assert samples
        # the warm-up, of all layouts, is in no metric
        assert [line for line in samples if not line.endswith(" 0.0")] == []
        found = client.recognize(PLATE.read_bytes(), config)
        assert outcomes.next() == ("same", ())
    served.close()
    (plate,) = found.plates
    shown = generate_latest(metrics.registry).decode()
    assert 'lipiyana_shadow_pictures_total{outcome="same"} 1.0' in shown
    assert plate.registration.canonical
    assert plate.registration.canonical not in shown


def test_a_shadow_without_models_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable):
        local_recognizer(ServerSettings(port=0, shadow=tmp_path), Metrics())
    with pytest.raises(InvalidRequest, match="shadow_share"):
        ServerSettings.load(shadow_share=0)


def plate(text: str) -> Plate:
    return Plate(text, 0.9, Box(0, 0, 9, 9), registration=Registration(canonical=text))


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        ({}, ()),
        ({"vehicles": ()}, ("vehicles",)),
        ({"text_lines": ()}, ("lines",)),
        ({"plates": ()}, ("plates",)),
        ({"plates": (plate("KL01CC51"),)}, ("registrations",)),
        ({"text_lines": (), "plates": ()}, ("plates", "lines")),
    ],
)
def test_kinds_of_differences(change: dict[str, object], kinds: tuple[str, ...]) -> None:
    one = replace(recognition("shop"), plates=(plate(SECRET),))
    assert differences(one, replace(one, **change)) == kinds  # type: ignore[arg-type]
    assert set(kinds) <= set(KINDS)
    (vehicle,) = one.vehicles
    bus = replace(one, vehicles=(replace(vehicle, label="bus", confidence=0.1),))
    assert differences(one, bus) == ("classes",)
    surer = replace(one, vehicles=(replace(vehicle, confidence=1.0, box=Box(5, 5, 9, 9)),))
    assert differences(one, surer) == ()

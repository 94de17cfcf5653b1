"""The plot of benchmarks/serving/serve.py: throughput and latency by the calls at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_LEFT, _TOP, _WIDTH, _HEIGHT, _GAP = 64, 56, 300, 200, 96


@dataclass(frozen=True)
class Point:
    """One closed loop: `calls` at a time, pictures a second, percentiles of the latency in s."""

    calls: int
    throughput: float
    p50: float
    p95: float
    p99: float


def svg(points: Sequence[Point], in_process: float) -> str:
    """Plot throughput beside what one process does without a server, and latency on a log scale."""
    width, height = 2 * (_LEFT + _WIDTH) + _GAP, _TOP + _HEIGHT + 60
    most = 1.15 * max([in_process, *(point.throughput for point in points)])
    slowest = max(point.p99 for point in points)
    fastest = min(point.p50 for point in points)
    low, high = math.floor(math.log10(fastest)), math.ceil(math.log10(slowest))
    second = _LEFT + _WIDTH + _GAP

    def linear(value: float) -> float:
        return _TOP + _HEIGHT * (1 - value / most)

    def logarithmic(value: float) -> float:
        return _TOP + _HEIGHT * (1 - (math.log10(value) - low) / max(1, high - low))

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="sans-serif" font-size="12">',
        "<title>Throughput and latency by calls at a time</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        _text(_LEFT, 24, "Pictures a second (dashed: in process)", size=15),
        _text(second, 24, "Latency in ms: p50, and p99 above", size=15),
    ]
    for share in (0.25, 0.5, 0.75, 1):
        value = most * share / 1.15
        parts += _rule(_LEFT, linear(value), f"{value:.3g}")
    for power in range(low, high + 1):
        parts += _rule(second, logarithmic(10.0**power), f"{10.0 ** (power + 3):g}")
    for left in (_LEFT, second):
        parts += [
            _text(_x(left, point.calls, points), _TOP + _HEIGHT + 20, str(point.calls), "middle")
            for point in points
        ]
        parts.append(_text(left + _WIDTH / 2, _TOP + _HEIGHT + 42, "calls at a time", "middle"))
    level = linear(in_process)
    parts.append(
        f'<path d="M{_LEFT} {level:.1f}H{_LEFT + _WIDTH}" stroke="#6b7280" stroke-dasharray="5 4"/>'
    )
    parts.append(_line(_LEFT, points, lambda point: linear(point.throughput), "#2563eb"))
    parts.append(_line(second, points, lambda point: logarithmic(point.p50), "#2563eb"))
    parts.append(_line(second, points, lambda point: logarithmic(point.p99), "#dc2626"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _x(left: float, calls: int, points: Sequence[Point]) -> float:
    last = math.log2(max(2, points[-1].calls))
    return left + _WIDTH * math.log2(max(1, calls)) / last


def _line(
    left: float, points: Sequence[Point], height: Callable[[Point], float], colour: str
) -> str:
    places = [(_x(left, point.calls, points), height(point)) for point in points]
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places)
    return f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>{dots}'


def _rule(left: float, y: float, label: str) -> list[str]:
    return [
        f'<path d="M{left} {y:.1f}H{left + _WIDTH}" stroke="#d1d5db"/>',
        _text(left - 8, y + 4, label, "end"),
    ]


def _text(x: float, y: float, text: str, anchor: str = "start", *, size: int = 12) -> str:
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" font-size="{size}" '
        f'fill="#111827">{text}</text>'
    )

"""The report of a comparison as one HTML file: a table, and a plot of each signal."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from lipiyana.drift.comparison import Difference
from lipiyana.drift.counting.signals import SIGNALS
from lipiyana.drift.settings import DRIFT

_WIDTH, _HEIGHT = 420, 120
_MOST_BARS = 24
_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse}td,th{padding:.2rem .7rem;text-align:right}
td:first-child,th:first-child{text-align:left}tr.drift{background:#fde8e0}
figure{margin:1.2rem 0}figcaption{color:#555}text{font:10px system-ui,sans-serif;fill:#555}
.a{fill:#9ab}.b{fill:#c62}
"""


def html_report(differences: Sequence[Difference], before: int, now: int) -> bytes:
    """Write the report.

    Args:
        differences: of `compare`.
        before: pictures of the reference.
        now: pictures that were compared with it.
    """
    drifted = sum(one.drifted for one in differences)
    rows = "".join(map(_row, differences))
    plots = "".join(map(_figure, differences))
    said = (
        f"{drifted} of {len(differences)} signals have drifted. {now} pictures were compared with "
        f"{before} of the reference. A signal has drifted if its p value, corrected for the number "
        "of signals, is small and its population stability index (PSI) is large."
    )
    if not differences:
        least = DRIFT.least_pictures
        said = f"Too little to say: {now} pictures against {before}, and both need {least}."
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Drift</title>'
        f"<style>{_STYLE}</style><h1>Drift</h1><p>{said}</p><table><tr><th>signal<th>before<th>now"
        f"<th>PSI<th>distance<th>p</tr>{rows}</table>{plots}</html>\n"
    ).encode()


def _row(one: Difference) -> str:
    kind = ' class="drift"' if one.drifted else ""
    return (
        f"<tr{kind}><td>{one.signal}<td>{one.before:.0f}<td>{one.now:.0f}<td>{one.psi:.2f}"
        f"<td>{one.distance:.2f}<td>{one.p:.2g}</tr>"
    )


def _figure(one: Difference) -> str:
    bars = list(zip(one.names, one.shares_before, one.shares_now, strict=True))
    if SIGNALS[one.part].bins:
        used = [index for index, (_, a, b) in enumerate(bars) if a or b]
        bars = bars[used[0] : used[-1] + 1] if used else []
    else:
        bars = sorted(bars, key=lambda bar: -max(bar[1], bar[2]))[:_MOST_BARS]
    largest = max([0.001, *(max(a, b) for _, a, b in bars)])
    step = _WIDTH / max(1, len(bars))
    drawn = []
    for index, (name, a, b) in enumerate(bars):
        title = f"<title>{escape(name)}: {a:.1%}, now {b:.1%}</title>"
        for kind, share, shift in (("a", a, 0.1), ("b", b, 0.5)):
            height = _HEIGHT * share / largest
            drawn.append(
                f'<rect class="{kind}" x="{(index + shift) * step:.1f}" '
                f'y="{_HEIGHT - height:.1f}" width="{0.4 * step:.1f}" '
                f'height="{height:.1f}">{title}</rect>'
            )
    ends = "" if not bars else (
        f'<text x="0" y="{_HEIGHT + 13}">{escape(bars[0][0])}</text>'
        f'<text x="{_WIDTH}" y="{_HEIGHT + 13}" text-anchor="end">{escape(bars[-1][0])}</text>'
    )  # fmt: skip
    note = "drifted; " if one.drifted else ""
    return (
        f"<figure><figcaption><b>{one.signal}</b>: {note}{SIGNALS[one.part].meaning}. Grey: "
        f'before, orange: now.</figcaption><svg viewBox="0 0 {_WIDTH} {_HEIGHT + 18}" '
        f'width="{_WIDTH}">{"".join(drawn)}{ends}</svg></figure>'
    )

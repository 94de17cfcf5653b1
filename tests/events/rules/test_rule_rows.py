"""Rows that make no sense are no rows; they end nothing."""

from __future__ import annotations

import pytest

from lipiyana.events.rules.sightings import observation_of_line

PLATE = (
    '"plates": [{"text": "KA01AB1234", "box": {"x_max": 1, "y_max": 1}, %s'
    '"registration": {"canonical": "KA01AB1234", "valid": true}}]'
)


@pytest.mark.parametrize(
    "line",
    [
        '{"kind": "track", "id": "a-1", "source": "a", "track": 1e999, "label": "car"}',
        '{"path": "a.jpg", "recognition": "\\ud800"}',
        '{"path": "a.jpg", "recognition": {"image_width": 0, "image_height": 0, %s}}'
        % (PLATE % ""),
        '{"path": "a.jpg", "recognition": {"image_width": 9, "image_height": 9, %s}}'
        % (PLATE % '"vehicle_index": 3, '),
        '{"kind": "track", "id": "a-1", "source": "a", "track": %s}' % ("9" * 400),
        "[]",
        "1",
    ],
)
def test_what_makes_no_sense_is_a_value_error(line: str) -> None:
    with pytest.raises(ValueError, match="not a row of"):
        observation_of_line(line)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "it is not JSON"),
        ("[]", "it is not an object"),
        ('{"kind": "track"}', "it has no `source`"),
        ('{"n": 1}', "it has no `recognition`"),
        ('{"kind": "x"}', "its kind is unknown: x"),
        ('{"kind": "track", "source": 1, "first_seen": "now"}', "not what it should be"),
    ],
)
def test_what_is_missing_is_named(line: str, says: str) -> None:
    with pytest.raises(ValueError, match=f"{says}$"):
        observation_of_line(line)

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lipiyana.events.rules.rules_file import RulesFile
from lipiyana.events.rules.ruleset import RulesError

SEEN = "rules: [{name: seen, kind: seen}]"


def written(path: Path, rules: str, version: int) -> Path:
    path.write_text(rules, "utf-8")
    os.utime(path, ns=(version, version))  # two changes may fall into one tick of the file system
    return path


def test_a_change_is_taken_over_once(tmp_path: Path) -> None:
    path = written(tmp_path / "rules.yaml", SEEN, 1)
    file = RulesFile(path)
    assert file.changed() is None
    written(path, SEEN.replace("seen", "other", 1), 2)
    changed = file.changed()
    assert changed is not None
    assert [rule.name for rule in changed.rules] == ["other"]
    assert file.changed() is None
    written(path, SEEN.replace("seen", "other", 1) + "  # a comment", 3)
    assert file.changed() is None


def test_a_broken_change_is_reported_once_and_the_old_rules_stay(tmp_path: Path) -> None:
    path = written(tmp_path / "rules.yaml", SEEN, 1)
    file = RulesFile(path)
    for version, broken in enumerate(["rules: [", "rules: 3"], start=2):
        written(path, broken, version)
        with pytest.raises(RulesError, match=r"rules\.yaml"):
            file.changed()
        assert file.changed() is None
        assert [rule.name for rule in file.rules.rules] == ["seen"]
    path.unlink()
    with pytest.raises(RulesError, match="cannot be read"):
        file.changed()
    written(path, "rules: [{name: back, kind: seen}]", 9)
    assert file.changed() is not None


def test_a_file_with_faults_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(RulesError):
        RulesFile(written(tmp_path / "rules.yaml", "rules: 3", 1))

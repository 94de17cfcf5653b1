"""A file of rules that may be changed while they are in use."""

from __future__ import annotations

from pathlib import Path

from lipiyana.events.rules.ruleset import RuleSet, load_rules


class RulesFile:
    """Rules of a file, loaded anew when it has changed."""

    def __init__(self, path: Path) -> None:
        """Load the rules.

        Raises:
            RulesError: they cannot be used.
        """
        self._path = path
        self._version = self._stat()
        self.rules = load_rules(path)

    def changed(self) -> RuleSet | None:
        """Return the new rules if the file has changed since it was loaded, else None.

        Raises:
            RulesError: the change cannot be used; raised once, and the old rules stay.
        """
        version = self._stat()
        if version == self._version:
            return None
        self._version = version
        changed = load_rules(self._path)
        if changed == self.rules:
            return None
        self.rules = changed
        return changed

    def _stat(self) -> tuple[int, ...]:
        try:
            found = self._path.stat()
        except OSError as error:
            return (error.errno or 0,)
        return found.st_mtime_ns, found.st_size, found.st_ino

"""The grammar as a finite automaton, read one character at a time.

A beam search keeps one state for each hypothesis: `step` says whether a character may follow, and
`accepting` whether the characters so far are a complete registration. The alphabet has no
separators; the caller skips them. States are made when they are first reached (subset
construction), so building an automaton is cheap. It is safe to share between threads.
"""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Iterable, Sequence

from lipiyana.ocr.registrations.formats import Pattern, Variant
from lipiyana.ocr.registrations.slots import Slot


class Automaton:
    """Deterministic automaton over all patterns; states are small integers.

    Attributes:
        start: the state before the first character.
    """

    start = 0

    def __init__(self, patterns: Sequence[Pattern | Variant]) -> None:
        nodes = _Nodes()
        root = nodes.add()
        ends: dict[int, int] = {}
        for index, pattern in enumerate(patterns):
            node = nodes.add()
            nodes.skips[root].add(node)
            for slot in pattern.slots:
                node = nodes.add_slot(slot, node)
            ends[node] = index
        self._nodes = nodes
        self._ends = ends
        self._alphabet = frozenset(ch for arcs in nodes.arcs for ch in arcs)
        self._lock = threading.Lock()
        self._states: dict[frozenset[int], int] = {}
        self._members: list[frozenset[int]] = []
        self._steps: list[dict[str, int | None]] = []
        self._accepting: list[tuple[int, ...]] = []
        self._state(nodes.closure([root]))

    def step(self, state: int, character: str) -> int | None:
        """The state after `character`, or None if it cannot follow."""
        steps = self._steps[state]
        if character in steps:
            return steps[character]
        if character not in self._alphabet:
            # not stored: arbitrary input must not grow the table
            return None
        with self._lock:
            reached = {
                target
                for node in self._members[state]
                for target in self._nodes.arcs[node].get(character, ())
            }
            following = self._state(self._nodes.closure(reached)) if reached else None
            steps[character] = following
        return following

    def run(self, text: str, state: int = 0) -> int | None:
        """The state after all of `text`, beginning in `state`, or None if it cannot follow."""
        current: int | None = state
        for character in text:
            if current is None:
                return None
            current = self.step(current, character)
        return current

    def accepting(self, state: int) -> tuple[int, ...]:
        """Indices of the patterns that are complete in `state`, most preferred first."""
        return self._accepting[state]

    def next_characters(self, state: int) -> frozenset[str]:
        """Every character that may follow in `state`."""
        return frozenset(ch for node in self._members[state] for ch in self._nodes.arcs[node])

    def _state(self, members: frozenset[int]) -> int:
        known = self._states.get(members)
        if known is not None:
            return known
        number = len(self._members)
        self._members.append(members)
        self._steps.append({})
        self._accepting.append(tuple(sorted(self._ends[n] for n in members if n in self._ends)))
        self._states[members] = number
        return number


class _Nodes:
    """The nondeterministic automaton; a state of `Automaton` is a set of its nodes."""

    def __init__(self) -> None:
        self.arcs: list[dict[str, set[int]]] = []
        self.skips: list[set[int]] = []

    def add(self) -> int:
        self.arcs.append({})
        self.skips.append(set())
        return len(self.arcs) - 1

    def join(self, source: int, characters: Iterable[str], target: int) -> None:
        for character in characters:
            self.arcs[source].setdefault(character, set()).add(target)

    def closure(self, nodes: Iterable[int]) -> frozenset[int]:
        found = set(nodes)
        waiting = list(found)
        while waiting:
            for node in self.skips[waiting.pop()]:
                if node not in found:
                    found.add(node)
                    waiting.append(node)
        return frozenset(found)

    def add_slot(self, slot: Slot, entry: int) -> int:
        """Append a slot after the node `entry`; return the node where the slot ends."""
        leave = self.add()
        if slot.words:
            self._add_words(slot.words, entry, leave)
        elif slot.nonzero:
            self._add_nonzero(slot, entry, leave)
        else:
            self._add_run(slot, entry, leave)
        return leave

    def _add_words(self, words: Iterable[str], entry: int, leave: int) -> None:
        prefixes = {"": entry}
        for word in words:
            for end in range(1, len(word)):
                if word[:end] not in prefixes:
                    prefixes[word[:end]] = self.add()
                    self.join(prefixes[word[: end - 1]], word[end - 1], prefixes[word[:end]])
            self.join(prefixes[word[:-1]], word[-1], leave)

    def _add_run(self, slot: Slot, entry: int, leave: int) -> None:
        if slot.least == 0:
            self.skips[entry].add(leave)
        for length in range(1, slot.most + 1):
            node = self.add()
            self.join(entry, slot.alphabet, node)
            if length >= slot.least:
                self.skips[node].add(leave)
            entry = node

    def _add_nonzero(self, slot: Slot, entry: int, leave: int) -> None:
        zeros = [ch for ch in slot.alphabet if unicodedata.decimal(ch) == 0]
        others = [ch for ch in slot.alphabet if unicodedata.decimal(ch) != 0]
        only_zeros, decided = entry, -1
        for length in range(1, slot.most + 1):
            still_zeros, node = self.add(), self.add()
            self.join(only_zeros, zeros, still_zeros)
            self.join(only_zeros, others, node)
            if decided >= 0:
                self.join(decided, slot.alphabet, node)
            if length >= slot.least:
                self.skips[node].add(leave)
            only_zeros, decided = still_zeros, node

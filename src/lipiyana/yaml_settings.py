"""YAML that people write by hand: read it, and tell what is wrong in it and where.

It needs PyYAML and pydantic, which are parts of extras.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from lipiyana.files import MAX_TOML_BYTES, read_text
from lipiyana.words import did_you_mean, shown

Steps = Sequence[int | str]

_WANTED = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "dict_type": "names with values, such as `name: value`",
    "enum": "one of {expected}",
    "finite_number": "a number",
    "float_parsing": "a number",
    "float_type": "a number",
    "frozen_set_type": "a list",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "less_than_equal": "at most {le}",
    "list_type": "a list",
    "model_attributes_type": "names with values, such as `name: value`",
    "model_type": "names with values, such as `name: value`",
    "string_type": "text; write it in quotes",
    "too_long": "a list of at most {max_length}",
    "too_short": "a list of at least {min_length} elements",
    "tuple_type": "a list",
}


class YamlError(ValueError):
    """A file is no YAML, or names something twice; the message says where."""


@dataclass(frozen=True, slots=True)
class YamlFile:
    """What a file holds.

    Attributes:
        content: as plain values.
        root: where each is in the file.
    """

    content: Any
    root: Node | None

    def place(self, steps: Steps) -> str:
        """Write where a value is, such as `rules[1].zone (line 7)`.

        Steps that the file does not have, such as the kind by which a model was chosen, are left
        out, except the last one: it may be what is missing.
        """
        node, path = self.root, ""
        if steps and steps[-1] == "[key]":  # of pydantic, for a name that is none
            steps = steps[:-1]
        for number, step in enumerate(steps):
            inner = _child(node, step)
            if inner is None and number < len(steps) - 1:
                continue
            path += f"[{step}]" if isinstance(step, int) else f".{step}"
            node = inner or node
        line = "" if node is None else f" (line {node.start_mark.line + 1})"
        return (path.removeprefix(".") or "the file") + line


def read_yaml(path: Path) -> YamlFile:
    """Read a file of at most `MAX_TOML_BYTES`.

    Raises:
        OSError: it cannot be read.
        YamlError: it is no YAML, or names something twice.
    """
    try:
        loader = yaml.SafeLoader(read_text(path, max_bytes=MAX_TOML_BYTES))
        try:
            root = loader.get_single_node()
            if twice := list(_repeated(root)):
                raise YamlError("; ".join(twice))
            return YamlFile(None if root is None else loader.construct_document(root), root)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = "" if mark is None else f"line {mark.line + 1}: "
        raise YamlError(f"it is not YAML: {where}{error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise YamlError(f"it is not YAML: {' '.join(str(error).split())}") from None
    except UnicodeDecodeError:
        raise YamlError("it is not UTF-8") from None
    except RecursionError:
        raise YamlError("it is nested too deeply") from None
    except ValueError as error:  # such as a date of month 13
        if isinstance(error, YamlError):
            raise
        raise YamlError(f"it has a value that cannot be read: {error}") from None


def faults_of(
    error: ValidationError,
    file: YamlFile,
    names: Callable[[Steps], Iterable[str]],
    *,
    patterns: str,
    secret: frozenset[str] = frozenset(),
) -> list[str]:
    """Tell all faults that pydantic has found, each with its place.

    Args:
        error: what it has found.
        file: in which.
        names: of the settings that there are where an unknown one was found, given its steps.
        patterns: what names look like, for one that does not.
        secret: settings whose values are not told.
    """
    told: list[str] = []
    for fault in error.errors(include_url=False):
        place, given = file.place(fault["loc"]), fault["input"]
        context = fault.get("ctx", {})
        match fault["type"]:
            case "missing":
                told.append(f"{place}: this setting is missing")
            case "extra_forbidden":
                known = sorted(names(fault["loc"]))
                hint = did_you_mean(fault["loc"][-1], known) or f"; there are {', '.join(known)}"
                told.append(f"{place}: there is no such setting{hint}")
            case "union_tag_not_found":
                told.append(f"{place}: it has no `kind`; name one, such as `kind: seen`")
            case "union_tag_invalid":
                kinds = [kind.strip("' ") for kind in context["expected_tags"].split(",")]
                hint = did_you_mean(context["tag"], kinds)
                told.append(
                    f"{place}: there is no kind {context['tag']!r}; there are "
                    f"{', '.join(kinds)}{hint}"
                )
            case "value_error":
                told.append(f"{place}: {fault['msg'].removeprefix('Value error, ')}")
            case "string_pattern_mismatch":
                told.append(f"{place}: {shown(given)} is no name: {patterns}")
            case kind:
                numbers = {name: _plain(value) for name, value in context.items()}
                wanted = _WANTED.get(kind, "another value").format_map(numbers)
                hidden = bool(secret.intersection(map(str, fault["loc"])))
                but = "" if hidden or isinstance(given, dict | list) else f", not {_said(given)}"
                told.append(f"{place}: it must be {wanted}{but}")
    return told


def _child(node: Node | None, step: int | str) -> Node | None:
    if isinstance(node, SequenceNode) and isinstance(step, int):
        values: list[Node] = node.value
        return values[step] if step < len(values) else None
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if isinstance(key, ScalarNode) and key.value == str(step):
                return value  # type: ignore[no-any-return]
    return None


def _repeated(root: Node | None) -> Iterable[str]:
    """Name each key that a mapping has twice; YAML would silently take the last one."""
    seen: set[int] = set()
    left = [] if root is None else [root]
    while left:
        node = left.pop()
        if id(node) in seen:  # an alias, which may even be of what it is in
            continue
        seen.add(id(node))
        if isinstance(node, SequenceNode):
            left += node.value
        elif isinstance(node, MappingNode):
            lines: dict[tuple[str, str], int] = {}
            for key, value in node.value:
                left += [key, value]
                if not isinstance(key, ScalarNode):
                    continue
                name, line = (key.tag, key.value), key.start_mark.line + 1
                if name in lines:
                    yield f"line {line}: {key.value} is there already, in line {lines[name]}"
                lines.setdefault(name, line)


def _plain(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _said(given: object) -> str:
    if given is None:
        return "nothing"
    if isinstance(given, bool):
        return str(given).lower()
    if isinstance(given, float) and math.isnan(given):
        return ".nan"
    return shown(given)

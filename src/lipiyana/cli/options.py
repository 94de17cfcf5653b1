"""Options that several commands share, and parsers of option values with plain error messages.

Typer's own messages for bad values differ between its versions, and some are hard to understand
for users. Therefore each option has a `parser` from this module.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

from lipiyana.runtime.devices import Device
from lipiyana.script_codes import SCRIPT_NAMES
from lipiyana.types import Feature, Layout
from lipiyana.words import did_you_mean

_Choice = TypeVar("_Choice", bound=StrEnum)


class Engine(StrEnum):
    """What reads the pictures of `lipiyana read`."""

    LOCAL = "local"
    RAY = "ray"


class _Plain:
    """Shows the names of arguments and values in its help, not the types of Python."""

    def get_params(self, ctx: Any) -> list[Any]:
        params: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for param in params:
            if param.param_type_name == "argument":
                param.display_type_rich = lambda ctx: None  # noqa: ARG005
            elif getattr(param, "is_flag", False) and param.metavar is None:
                param.metavar = ""
        return params


class PlainCommand(_Plain, TyperCommand):
    """A command whose help shows no types of Python: flags have no value."""


class PlainGroup(_Plain, TyperGroup):
    """A group of commands, see `PlainCommand`."""


class App(typer.Typer):
    """A group of commands whose help shows no types of Python."""

    def __init__(self, **settings: Any) -> None:
        plain: dict[str, Any] = {"cls": PlainGroup, "no_args_is_help": True}
        super().__init__(**(plain | settings))

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Any], Any]:
        """Register a command; see `typer.Typer.command`."""
        plain: dict[str, Any] = {"cls": PlainCommand}
        return super().command(name, **(plain | settings))


def whole_number(least: int, most: int | None = None) -> Callable[[Any], int]:
    """Create a parser of whole numbers between inclusive bounds."""

    def whole_number(value: Any) -> int:
        try:
            number = int(value)
        except ValueError:
            raise typer.BadParameter(f"{value} is not a whole number.") from None
        if number < least or (most is not None and number > most):
            raise typer.BadParameter(f"{value} is not {_range(least, most)}.")
        return number

    return whole_number


def number(least: float, most: float) -> Callable[[Any], float]:
    """Create a parser of numbers between inclusive bounds."""

    def number(value: Any) -> float:
        try:
            found = float(value)
        except ValueError:
            found = math.nan
        if math.isnan(found):
            raise typer.BadParameter(f"{value} is not a number.")
        if not least <= found <= most:
            raise typer.BadParameter(f"{value} is not {_range(least, most)}.")
        return found

    return number


def choice(kind: type[_Choice]) -> Callable[[Any], _Choice]:
    """Create a parser of the values of an enumeration, in upper or lower case."""

    def choice(value: Any) -> _Choice:
        try:
            return kind(str(value).lower())
        except ValueError:
            known = [member.value for member in kind]
            near = did_you_mean(value, known) or "."
            raise typer.BadParameter(f"{value} is not one of {', '.join(known)}{near}") from None

    return choice


def existing_path(value: Any) -> Path:
    """Parse the path of an existing file or folder."""
    path = Path(value)
    if not path.exists():
        raise typer.BadParameter(f"there is no file or folder {value}.")
    return path


def existing_folder(value: Any) -> Path:
    """Parse the path of an existing folder."""
    path = Path(value)
    if not path.exists():
        raise typer.BadParameter(f"there is no folder {value}.")
    if not path.is_dir():
        raise typer.BadParameter(f"{value} is a file; name a folder.")
    return path


def existing_file(value: Any) -> Path:
    """Parse the path of an existing file."""
    path = Path(value)
    if not path.exists():
        raise typer.BadParameter(f"there is no file {value}.")
    if path.is_dir():
        raise typer.BadParameter(f"{value} is a folder; name a file.")
    return path


def folder_to_write(value: Any) -> Path:
    """Parse the path of a folder that exists or can be created."""
    path = Path(value)
    if path.exists() and not path.is_dir():
        raise typer.BadParameter(f"{value} is a file; name a folder.")
    return path


def _range(least: float, most: float | None) -> str:
    return f"at least {least:g}" if most is None else f"between {least:g} and {most:g}"


Models = Annotated[
    Path | None,
    typer.Option(
        "--models",
        metavar="DIR",
        help="Folder with a manifest.toml; its models take precedence over the installed ones.",
        parser=existing_folder,
    ),
]

Resume = Annotated[bool, typer.Option("--resume", help="Continue a stopped run.")]

LayoutChoice = Annotated[
    Layout,
    typer.Option(
        "--layout",
        metavar="scene|line|plate",
        parser=choice(Layout),
        help="What a picture shows: a scene, one line of text, or one plate.",
    ),
]

Features = Annotated[
    str | None,
    typer.Option(
        metavar="LIST",
        help="What to find: text,plates,vehicles or some of them. Default: all with a model.",
    ),
]

ScriptHints = Annotated[
    str | None,
    typer.Option(
        metavar="LIST",
        help="Codes of likely scripts, such as Deva,Latn. They decide where the script of a line "
        "is in doubt.",
    ),
]

Workers = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        parser=whole_number(1, 1024),
        help="Pictures read at a time. Default: one per CPU.",
    ),
]

DeviceChoice = Annotated[
    Device | None,
    typer.Option(
        "--device",
        metavar="|".join(Device),
        parser=choice(Device),
        help="What runs the models. Default: the CPU. `lipiyana doctor` shows what can be used.",
    ),
]

Fp16 = Annotated[
    bool, typer.Option("--fp16", help="Let the device compute in 16-bit floats, if it can.")
]

Inference = Annotated[
    str | None,
    typer.Option(
        "--inference",
        metavar="grpc://HOST:PORT",
        help="Run the models on a server of the Open Inference Protocol; grpcs:// for TLS.",
    ),
]

InferenceCa = Annotated[
    Path | None,
    typer.Option(
        "--inference-ca",
        metavar="FILE",
        parser=existing_file,
        help="PEM file of the issuer of its certificate.",
    ),
]

InferenceFallback = Annotated[
    bool,
    typer.Option(
        "--inference-fallback", help="Run a model in this process where that server does not."
    ),
]

Server = Annotated[
    str | None,
    typer.Option(metavar="HOST:PORT", help="Read on a server instead of in this process."),
]

EngineChoice = Annotated[
    Engine,
    typer.Option(
        "--engine",
        metavar="local|ray",
        parser=choice(Engine),
        help="What reads: this process, or the machines of a Ray cluster. Needs the extra `ray`.",
    ),
]

RayAddress = Annotated[
    str | None,
    typer.Option(
        "--ray-address", metavar="HOST:PORT", help="A Ray cluster. Default: this machine alone."
    ),
]

MinConfidence = Annotated[
    float | None,
    typer.Option(
        metavar="F",
        parser=number(0, 1),
        help="Drop results with a lower confidence. Default: 0.3 in a scene; none for a line or a "
        "plate.",
    ),
]


def parse_features(text: str | None) -> frozenset[Feature]:
    """Parse the LIST of `Features`; None gives the empty set, which means the default.

    Raises:
        typer.BadParameter: a name is unknown, or the list is empty.
    """
    known = [feature.value for feature in Feature]
    return frozenset(map(Feature, _names(text, known, "--features")))


def parse_script_hints(text: str | None) -> tuple[str, ...]:
    """Parse the LIST of `ScriptHints`; letters may be in upper or lower case.

    Raises:
        typer.BadParameter: a code is unknown, or the list is empty.
    """
    text = None if text is None else ",".join(name.strip().capitalize() for name in text.split(","))
    return _names(text, [*SCRIPT_NAMES], "--script-hints", SCRIPT_NAMES)


def _names(
    text: str | None, known: list[str], option: str, meanings: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    if text is None:
        return ()
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in known:
            near = did_you_mean(name, known, meanings) or "."
            message = f"{name!r} is not one of {', '.join(known)}{near}"
            raise typer.BadParameter(message, param_hint=option)
    if not names:
        raise typer.BadParameter(f"name one or more of {', '.join(known)}.", param_hint=option)
    return tuple(dict.fromkeys(names))

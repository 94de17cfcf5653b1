"""Where rows come from: what must be the same for rows of one file to mean the same."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from importlib.metadata import version

from lipiyana.types import ModelInfo, RecognitionConfig

_PREFIX = "lipiyana."


@dataclass(frozen=True, slots=True)
class Provenance:
    """What the contents of rows depend on, apart from the pictures.

    Attributes:
        version: of this package.
        pipeline: `PIPELINE_VERSION`; "" if it is not known, as for a server.
        models: the SHA-256 of each model that may be used, by name; empty if they are not known.
        options: see `options_of`.
    """

    version: str = field(default_factory=lambda: version("lipiyana"))
    pipeline: str = ""
    models: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)

    def metadata(self) -> dict[str, str]:
        """Write it as the metadata of a schema."""
        return {
            f"{_PREFIX}{one.name}": value if isinstance(value, str) else json.dumps(dict(value))
            for one in fields(self)
            for value in (getattr(self, one.name),)
        }

    @classmethod
    def from_metadata(cls, metadata: Mapping[bytes, bytes] | None) -> Provenance:
        """Read it from the metadata of a schema.

        Raises:
            ValueError: the metadata is not that of rows.
        """
        try:
            texts = {
                one.name: (metadata or {})[f"{_PREFIX}{one.name}".encode()].decode()
                for one in fields(cls)
            }
            return cls(
                texts["version"],
                texts["pipeline"],
                _strings(texts["models"]),
                _strings(texts["options"]),
            )
        except (KeyError, AttributeError) as error:
            raise ValueError("its metadata is not that of rows of lipiyana") from error

    def difference(self, earlier: Provenance) -> str:
        """Say how earlier rows differ from those of this run, "" if they do not.

        The text follows "the rows of FILE were written".
        """
        # an option that is missing is younger than the rows
        if options := _differing(earlier.options, self.options, "unset"):
            then, now = (
                ", ".join(f"{option_name(name)} {value}" for name, value in side.items())
                for side in options
            )
            return f"with {then}, not with {now}"
        if models := _differing(earlier.models, self.models, "absent"):
            then, now = (
                ", ".join(f"{name} {sha256[:12]}" for name, sha256 in side.items())
                for side in models
            )
            return f"by other models ({then}), not by those of this run ({now})"
        if earlier.pipeline != self.pipeline:
            return f"by version {earlier.pipeline} of the pipeline, not {self.pipeline}"
        if earlier.version != self.version:
            return f"by lipiyana {earlier.version}, not {self.version}"
        return ""


def digests(models: Iterable[ModelInfo]) -> dict[str, str]:
    """Give the SHA-256 of each model by its name."""
    return {model.name: model.sha256 for model in models}


def options_of(config: RecognitionConfig) -> dict[str, str]:
    """The fields of a config that the contents of rows depend on, as text."""
    confidence = config.min_confidence
    return {
        "layout": config.layout.value,
        "features": ",".join(sorted(feature.value for feature in config.features)) or "unset",
        "min_confidence": "unset" if confidence is None else f"{confidence:g}",
        "script_hints": ",".join(config.script_hints) or "unset",
        "romanize": "set" if config.romanize else "unset",
        "words": "set" if config.words else "unset",
    }


def option_name(name: str) -> str:
    """The option of the command line for a name of `Provenance.options`."""
    return "--" + name.replace("_", "-")


def _differing(
    earlier: Mapping[str, str], now: Mapping[str, str], missing: str
) -> tuple[dict[str, str], dict[str, str]] | None:
    """The items that differ, on both sides; None if there are none."""
    both = {
        name: (earlier.get(name, missing), now.get(name, missing)) for name in {**now, **earlier}
    }
    names = [name for name, (then, today) in both.items() if then != today]
    if not names:
        return None
    return {name: both[name][0] for name in names}, {name: both[name][1] for name in names}


def _strings(text: str) -> dict[str, str]:
    found = json.loads(text)
    return {str(name): str(value) for name, value in found.items()}

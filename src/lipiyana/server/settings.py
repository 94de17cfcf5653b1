"""What a server can be told: by arguments, `LIPIYANA_*` variables, a TOML file, in this order."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from lipiyana.errors import InvalidRequest, NotFound
from lipiyana.images import DEFAULT_LIMITS
from lipiyana.runtime import available_threads

MEBIBYTE = 1024 * 1024


class ServerSettings(BaseSettings):
    """Settings of one server; each is a key of the TOML file and, upper case, a variable.

    Attributes:
        host: address to listen on. Loopback by default, since whoever reaches the port may use
            it; a container sets `0.0.0.0`, or `::` for IPv6 as well.
        port: 0 takes a free one.
        metrics_port: Prometheus metrics over HTTP at the same host; absent: none.
        models: folder of models that come before the built-in ones.
        workers: pictures computed at a time; by default a CPU each.
        max_queue: pictures that may wait for a worker before calls are refused.
        max_batch: pictures in one batch.
        max_message_bytes: of a request or a response.
        max_pixels: width times height of a picture.
        cache_bytes: bound of the cache of answers; 0 turns it off.
        cache_ttl: seconds that an answer is kept.
        reflection: whether clients may ask for the contract.
        shutdown_grace: seconds that accepted calls get after SIGTERM.
    """

    model_config = SettingsConfigDict(env_prefix="LIPIYANA_", extra="forbid", frozen=True)

    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(default=50051, ge=0, le=65535)
    metrics_port: int | None = Field(default=None, ge=0, le=65535)
    models: Path | None = None
    workers: int = Field(default_factory=available_threads, ge=1)
    max_queue: int = Field(default=128, ge=1)
    max_batch: int = Field(default=64, ge=1)
    max_message_bytes: int = Field(default=32 * MEBIBYTE, ge=1024, lt=2**31)
    max_pixels: int = Field(default=DEFAULT_LIMITS.max_pixels, ge=1)
    cache_bytes: int = Field(default=64 * MEBIBYTE, ge=0)
    cache_ttl: float = Field(default=600.0, gt=0)
    reflection: bool = False
    shutdown_grace: float = Field(default=30.0, ge=0)

    @model_validator(mode="after")
    def _batch_fits_queue(self) -> Self:
        if self.max_batch > self.max_queue:
            raise ValueError("max_batch must not exceed max_queue: such a batch would never fit")
        return self

    @classmethod
    def load(cls, file: Path | None = None, **arguments: Any) -> ServerSettings:
        """Gather the settings; an argument that is None counts as not given.

        Raises:
            NotFound: there is no such file.
            InvalidRequest: `field` is not a setting, or has a value that makes no sense
                (INVALID_SETTINGS).
        """
        if file is not None and not file.is_file():
            raise NotFound(f"there is no settings file {file}")

        class FromFile(cls):  # type: ignore[misc, valid-type]
            model_config = SettingsConfigDict(toml_file=file)

        try:
            loaded = FromFile(**{k: v for k, v in arguments.items() if v is not None})
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = ".".join(str(part) for part in first["loc"])
            text = first["msg"].removeprefix("Value error, ")
            problem = f"{field}: {text}" if field else text
            raise InvalidRequest(
                f"bad settings: {problem}", field=field, reason="INVALID_SETTINGS"
            ) from None
        except (OSError, ValueError) as error:  # not TOML, not UTF-8, not readable
            raise InvalidRequest(
                f"cannot read {file}: {error}", field="config", reason="INVALID_SETTINGS"
            ) from None
        return cls.model_construct(**loaded.model_dump())

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take arguments, then the environment, then the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

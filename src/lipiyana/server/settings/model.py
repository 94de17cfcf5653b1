"""Settings of a server: from arguments, then `LIPIYANA_*` variables, then a TOML file."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any, Self, get_args

from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from lipiyana.cache import SharedCacheOptions
from lipiyana.images.loading import DEFAULT_LIMITS, MOST_PIXELS, ImageLimits, limits_for
from lipiyana.review.keeper import KeepLimits
from lipiyana.runtime.container import MOST_THREADS, available_threads
from lipiyana.server.queue.admission import open_to_one
from lipiyana.server.security.tls import TLSFiles
from lipiyana.server.settings.inference import MOST_SECONDS, InferenceSettings
from lipiyana.server.settings.sources import (
    as_bad_setting,
    read_settings_file,
    refuse_doubtful_guards,
)
from lipiyana.server.settings.values import MOST_BYTES, Hosts, Origins, Size
from lipiyana.server.telemetry.logs import LogFormat
from lipiyana.server.tuning import MEBIBYTE
from lipiyana.variables import PREFIX

DAY = 24 * 3600
MOST_ITEMS = 100_000
"""Maximum of settings that count pictures, streams or connections, for the same reason."""

_MOST_LIFETIME = 36_500 * DAY
_MOST_WORKERS = 256

_PATHS = (
    "models",
    "drift",
    "drift_reference",
    "drift_webhook_secret",
    "inference_ca",
    "keep_unsure",
    "shadow",
    "tls_certificate",
    "tls_key",
    "tls_client_ca",
    "tokens",
)


def _share_of_threads(settings: dict[str, Any]) -> int:
    return max(1, available_threads() // int(settings.get("workers", 1)))


def _is_number(annotation: Any) -> bool:
    return not {int, float}.isdisjoint({annotation, *get_args(annotation)})


class ServerSettings(InferenceSettings):
    """Settings of one server; each is a key of the TOML file and, in upper case, a variable.

    There, numbers of bytes may have a unit: `"512 MiB"`. `InferenceSettings` has those of what runs
    the models.

    Attributes:
        host: address to listen on. Default: loopback, because anyone who reaches the port may use
            it. In a container set `0.0.0.0`, or `::` for IPv6 as well.
        port: 0 chooses a free one.
        metrics_port: port for Prometheus metrics over HTTP at the same host; absent: none.
        http_port: port for the HTTP API and its page at the same host; absent: none. Needs the
            extra `http`.
        http_origins: origins such as `https://app.example` whose pages may call the HTTP API; its
            own page always may.
        http_hosts: names such as `signs.example` by which the HTTP API may be called. At a loopback
            `host`, loopback names are always allowed; at another, addresses are, and any name if
            none is listed.
        models: folder of models that take precedence over the installed ones.
        workers: processes that share the port; each has its own cache, queue and limits.
        threads: pictures that each process computes at a time. Default: its share of the CPUs.
        max_queue: pictures that may wait in each process before calls are rejected.
        max_queue_bytes: encoded bytes of the pictures that wait or are computed.
        max_batch: pictures in one batch.
        max_streams: open streams of each process.
        max_connections: connections to each process.
        max_connection_calls: concurrent calls of one connection.
        max_receiving_bytes: memory for messages that each process is receiving. It receives
            `max_receiving_bytes / max_message_bytes` messages at a time.
        receive_timeout: seconds within which the message of a call must arrive.
        stream_idle_timeout: seconds without a frame after which a stream is ended.
        model_batch: rows of several pictures that one run of a model takes together; 1 turns
            batching off. It needs more threads than CPUs.
        model_batch_wait: seconds that a run waits for others to join its batch.
        max_message_bytes: size of a request or a response.
        max_pixels: width times height of a picture.
        max_decoded_bytes: memory of the decoded pictures that each process computes at a time.
            Pictures wait until there is room; one that needs more in total is rejected.
        max_decode_seconds: CPU time of decoding one picture. A picture whose estimate exceeds half
            of it is rejected before.
        max_read_seconds: CPU time of reading one picture, with decoding.
        cache_bytes: size of the cache of answers; 0 turns it off.
        cache_ttl: seconds for which an answer is cached.
        shared_cache_url: Redis in which servers share answers (`redis://`, `rediss://`, `unix://`);
            absent: none. Needs the extra `redis`.
        shared_cache_secret: signs shared answers and hashes their keys; must be the same on all
            servers that share them.
        shared_cache_namespace: prefix of the keys; servers with different ones share nothing.
        shared_cache_ttl: seconds for which an answer is shared.
        shared_cache_timeout: maximum seconds that a call waits for the shared cache.
        repeated_frames: whether a frame of a stream that repeats an earlier one gets its result.
        keep_unsure: folder for the pictures that the models are least sure of, for
            `lipiyana review`; absent: none are stored. Needs one worker.
        keep_unsure_pictures: maximum number of stored pictures.
        keep_unsure_days: maximum number of days that a picture is stored.
        shadow: folder of models that read a share of the pictures in spare time, answer nothing,
            and are compared; absent: none.
        shadow_share: of the pictures that are computed.
        drift: folder for counts of what pictures and answers are like, by which the server notices
            that they change; absent: nothing is counted.
        drift_reference: profile (`lipiyana drift profile`) with which they are compared, besides
            the week before; absent: none.
        drift_webhook: address that is told when drift begins and ends; absent: none. Needs the
            extra `events`.
        drift_webhook_secret: file with the secret that signs these messages; absent: that of
            `LIPIYANA_WEBHOOK_SECRET`, if there is one.
        tls_certificate: PEM file of the server's certificates; absent: plaintext.
        tls_key: PEM file of its private key.
        tls_client_ca: PEM file of the issuer of client certificates, which are then required;
            absent: none are required.
        tokens: TOML file of the keys of callers, see `Tokens`; absent: no token is required.
        reflection: whether clients may ask for the contract.
        tracing: whether calls are reported to OpenTelemetry by OTLP. Needs the extra `otel`.
        log_format: `text`, or `json` for one object per line.
        max_connection_age: seconds after which clients are asked to reconnect, so that they spread
            over added servers; absent: never.
        shutdown_grace: seconds to finish accepted calls after SIGTERM.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        # environment files of containers write unset variables as empty ones
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
    )

    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(default=50051, ge=0, le=65535)
    metrics_port: int | None = Field(default=None, ge=0, le=65535)
    http_port: int | None = Field(default=None, ge=0, le=65535)
    http_origins: Origins = ()
    http_hosts: Hosts = ()
    models: Path | None = None
    workers: int = Field(default=1, ge=1, le=_MOST_WORKERS)
    threads: int = Field(default_factory=_share_of_threads, ge=1, le=MOST_THREADS)
    max_queue: int = Field(default=128, ge=1, le=MOST_ITEMS)
    max_queue_bytes: Size = Field(default=256 * MEBIBYTE, ge=1024, le=MOST_BYTES)
    max_batch: int = Field(default=64, ge=1, le=MOST_ITEMS)
    max_streams: int = Field(default=32, ge=1, le=MOST_ITEMS)
    max_connections: int = Field(default=128, ge=1, le=MOST_ITEMS)
    max_connection_calls: int = Field(default=64, ge=1, le=10_000)
    max_receiving_bytes: Size = Field(default=256 * MEBIBYTE, ge=1024, le=MOST_BYTES)
    receive_timeout: float = Field(default=30.0, gt=0, le=MOST_SECONDS)
    stream_idle_timeout: float = Field(default=300.0, gt=0, le=MOST_SECONDS)
    model_batch: int = Field(default=1, ge=1, le=1024)
    model_batch_wait: float = Field(default=0.0, ge=0, le=1)
    max_message_bytes: Size = Field(default=32 * MEBIBYTE, ge=1024, lt=2**31)
    max_pixels: int = Field(default=DEFAULT_LIMITS.max_pixels, ge=1, le=MOST_PIXELS)
    max_decoded_bytes: Size = Field(default=512 * MEBIBYTE, ge=16 * MEBIBYTE, le=MOST_BYTES)
    max_decode_seconds: float = Field(default=2.0, gt=0, le=MOST_SECONDS)
    max_read_seconds: float = Field(default=10.0, gt=0, le=MOST_SECONDS)
    cache_bytes: Size = Field(default=64 * MEBIBYTE, ge=0, le=MOST_BYTES)
    cache_ttl: float = Field(default=600.0, gt=0, le=_MOST_LIFETIME)
    shared_cache_url: SecretStr | None = None
    shared_cache_secret: SecretStr = SecretStr("")
    shared_cache_namespace: str = Field(default="lipiyana", pattern=r"^[A-Za-z0-9._-]{1,64}$")
    shared_cache_ttl: float = Field(default=3600.0, gt=0, le=_MOST_LIFETIME)
    shared_cache_timeout: float = Field(default=0.01, gt=0, le=1)
    repeated_frames: bool = False
    keep_unsure: Path | None = None
    keep_unsure_pictures: int = Field(default=KeepLimits().pictures, ge=1, le=MOST_ITEMS)
    keep_unsure_days: float = Field(default=KeepLimits().seconds / DAY, gt=0, le=36_500)
    shadow: Path | None = None
    shadow_share: float = Field(default=0.1, gt=0, le=1)
    drift: Path | None = None
    drift_reference: Path | None = None
    drift_webhook: str | None = None
    drift_webhook_secret: Path | None = None
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    tokens: Path | None = None
    reflection: bool = False
    tracing: bool = False
    log_format: LogFormat = "text"
    max_connection_age: float | None = Field(default=None, ge=1, le=MOST_SECONDS)
    shutdown_grace: float = Field(default=30.0, ge=0, le=MOST_SECONDS)

    @field_validator("*", mode="before")
    @classmethod
    def _a_bool_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        assert info.field_name is not None, "it validates fields"  # noqa: S101
        if isinstance(value, bool) and _is_number(cls.model_fields[info.field_name].annotation):
            raise ValueError("must be a number, not true or false")
        return value

    @model_validator(mode="after")
    def _batch_fits_queue(self) -> Self:
        for one, all_ in (("max_batch", "max_queue"), ("max_message_bytes", "max_queue_bytes")):
            largest = open_to_one(getattr(self, all_))
            if getattr(self, one) > largest:
                raise ValueError(
                    f"{one} must not exceed {largest}, the part of {all_} for one caller"
                )
        return self

    @model_validator(mode="after")
    def _a_message_can_be_received(self) -> Self:
        if self.max_receiving_bytes < self.max_message_bytes:
            raise ValueError("max_receiving_bytes must not be below max_message_bytes")
        return self

    @model_validator(mode="after")
    def _ports_differ(self) -> Self:
        ports = {name: getattr(self, name) for name in ("port", "metrics_port", "http_port")}
        for (one, first), (other, second) in combinations(ports.items(), 2):
            if first and first == second:
                raise ValueError(f"{one} and {other} are both {first}: they must differ")
        return self

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key must be set together")
        if self.tls_client_ca is not None and self.tls_certificate is None:
            raise ValueError("tls_client_ca needs tls_certificate and tls_key")
        return self

    @model_validator(mode="after")
    def _caches_build_on_the_first(self) -> Self:
        for name in ("shared_cache_url", "repeated_frames"):
            if getattr(self, name) and not self.cache_bytes:
                raise ValueError(f"{name} needs the cache of answers: set cache_bytes above 0")
        return self

    @model_validator(mode="after")
    def _one_process_keeps(self) -> Self:
        if self.keep_unsure is not None and self.workers > 1:
            raise ValueError("keep_unsure needs workers = 1: only one process may use the folder")
        return self

    @model_validator(mode="after")
    def _drift_is_counted(self) -> Self:
        for name in ("drift_reference", "drift_webhook"):
            if getattr(self, name) is not None and self.drift is None:
                raise ValueError(f"{name} needs drift, the folder of the counts")
        if self.drift_webhook_secret is not None and self.drift_webhook is None:
            raise ValueError("drift_webhook_secret needs drift_webhook, whose messages it signs")
        return self

    @property
    def image_limits(self) -> ImageLimits:
        """Limits of a picture."""
        return limits_for(self.max_pixels, self.max_decoded_bytes, self.max_decode_seconds)

    @property
    def keep_limits(self) -> KeepLimits:
        """Limits of the folder `keep_unsure`."""
        return KeepLimits(self.keep_unsure_pictures, seconds=self.keep_unsure_days * DAY)

    @property
    def shared_cache(self) -> SharedCacheOptions | None:
        """Options of the shared cache; None if there is none."""
        if self.shared_cache_url is None:
            return None
        return SharedCacheOptions(
            self.shared_cache_url.get_secret_value(),
            self.shared_cache_secret.get_secret_value().encode(),
            self.shared_cache_namespace,
            self.shared_cache_ttl,
            self.shared_cache_timeout,
        )

    @property
    def tls(self) -> TLSFiles | None:
        """The files of TLS; None if the server uses plaintext."""
        if self.tls_certificate is None or self.tls_key is None:
            return None
        return TLSFiles(self.tls_certificate, self.tls_key, self.tls_client_ca)

    @classmethod
    def load(cls, file: Path | None = None, **arguments: Any) -> ServerSettings:
        """Load the settings; an argument that is None counts as absent.

        Relative paths in the file start at its folder, all others at the current folder.

        Raises:
            NotFound: there is no such file.
            InvalidRequest: `field` is not a setting, or has an invalid value (INVALID_SETTINGS).
        """
        names = tuple(cls.model_fields)
        refuse_doubtful_guards(names)
        values = {} if file is None else read_settings_file(file, names, _PATHS)

        class FromFile(cls):  # type: ignore[misc, valid-type]
            @classmethod
            def settings_customise_sources(
                cls, settings_cls: type[BaseSettings], **sources: PydanticBaseSettingsSource
            ) -> tuple[PydanticBaseSettingsSource, ...]:
                first = super().settings_customise_sources(settings_cls, **sources)
                return *first, InitSettingsSource(settings_cls, values)

        given = {name: value for name, value in arguments.items() if value is not None}
        try:
            loaded = FromFile(**given)
        except ValidationError as error:
            raise as_bad_setting(error, given, file, names) from None
        return cls.model_construct(**loaded.model_dump())

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take arguments, then the environment."""
        return init_settings, env_settings

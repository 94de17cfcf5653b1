"""The recognizer that a serving process reads with, made from the settings."""

from __future__ import annotations

import logging
from pathlib import Path

from lipiyana.batching import BatchedModels, Batcher
from lipiyana.drift.profile import digests, read_profile, require_same_models
from lipiyana.drift.settings import DRIFT
from lipiyana.drift.watching.sharing import shared_watch
from lipiyana.drift.watching.watch import DriftNews, DriftWatch
from lipiyana.errors import InvalidRequest, MissingExtra, ModelUnavailable
from lipiyana.images.decoders import quiet_decoders
from lipiyana.images.decoding_memory import DecodingMemory
from lipiyana.inference.models import RemoteModels
from lipiyana.pipeline import LocalRecognizer
from lipiyana.review.keeper import KeepLimits, UnsureKeeper
from lipiyana.review.keeping_recognizer import KeepingRecognizer, SpareTime
from lipiyana.runtime.container import available_threads
from lipiyana.runtime.manifest import MANIFEST, ModelEntry, Task, read_manifest
from lipiyana.runtime.session import AHEAD
from lipiyana.runtime.store import ModelStore
from lipiyana.server.settings.model import DAY, ServerSettings
from lipiyana.server.shadow.recognizer import ShadowedRecognizer
from lipiyana.server.telemetry.metrics import Metrics
from lipiyana.server.tuning import WORKERS

_log = logging.getLogger("lipiyana.server")


def local_recognizer(
    settings: ServerSettings, metrics: Metrics | None = None
) -> LocalRecognizer | KeepingRecognizer | ShadowedRecognizer:
    """Create the recognizer of the settings and load its models; pictures share the CPUs.

    Args:
        settings: settings of the server.
        metrics: counts the runs of the models; without it there is no shadow.

    Raises:
        ModelUnavailable: `settings.models` has no manifest, or a model is not there or not intact;
            or a server of models has another one.
        Unavailable: the server of models cannot be reached.
        PermissionDenied: `settings.keep_unsure` or `settings.drift` cannot be used.
        NotFound: `settings.drift_reference` cannot be read.
        InvalidRequest: it is a profile of another version; or `settings.drift_webhook` is no
            address. One of other models is logged, and nothing is compared with it.
        MissingExtra: `settings.drift_webhook` needs the extra `events`.
    """
    quiet_decoders()
    cpus = max(1, available_threads() // settings.workers)
    elsewhere = settings.inference_options
    # without batching there is one slot per thread, so that no run waits for another
    slots = settings.threads if settings.model_batch == 1 else min(cpus, settings.threads)
    batcher = Batcher(
        # runs elsewhere only wait here, and a picture may have several under way
        slots=slots if elsewhere is None else settings.threads * (1 + AHEAD),
        max_rows=settings.model_batch,
        wait=settings.model_batch_wait,
        observe=None if metrics is None else metrics.ran,
    )
    if settings.models is not None:
        _require_preferred(settings.models)
    remote = None if elsewhere is None else RemoteModels(elsewhere, metrics)
    store = ModelStore(
        settings.models,
        max(1, cpus // settings.threads),
        device=settings.device,
        fp16=settings.fp16,
        source=BatchedModels(batcher, remote),
    )
    recognizer = LocalRecognizer(
        store,
        limits=settings.image_limits,
        decoding_memory=DecodingMemory(settings.max_decoded_bytes),
    )
    for model in recognizer.models:
        store.session(model.name)  # load now, so that errors show before the first picture
    if remote is not None:
        remote.watch([model.name for model in recognizer.models])
    if metrics is not None:
        metrics.models(recognizer.models)
    watch = None
    if settings.drift is not None:
        watch = recognizer.observer = _watch(recognizer, settings, settings.drift, metrics)
    served = (
        recognizer
        if settings.keep_unsure is None
        else _keeping(recognizer, settings.keep_unsure, settings.keep_limits, watch)
    )
    if settings.shadow is None or metrics is None:
        return served
    return _shadowed(served, settings.shadow, settings, metrics)


def _require_preferred(folder: Path) -> None:
    """Refuse a folder that lacks a file that it prefers: others would answer, and nobody knew.

    Raises:
        ModelUnavailable: it has no manifest, an invalid one, or lacks such a file.
    """
    preferred: dict[Task, ModelEntry] = {}
    for entry in read_manifest(folder):
        preferred.setdefault(entry.task, entry)
    for entry in preferred.values():
        if not entry.installed and not entry.extra:
            raise ModelUnavailable(
                f"{folder / MANIFEST} names {entry.name} first, and its file {entry.file} is not "
                "there; copy it, or take it out of the manifest"
            )


def _watch(
    recognizer: LocalRecognizer, settings: ServerSettings, folder: Path, metrics: Metrics | None
) -> DriftWatch:
    """Watch for drift, on a thread that ends with the recognizer."""
    reference, models = settings.drift_reference, digests(recognizer.models)
    profile = None if reference is None else read_profile(reference)
    outdated = False
    if profile is not None:
        try:
            require_same_models(profile.models, models)
        except InvalidRequest as error:  # after a promotion; reading matters more than watching
            profile, outdated = None, True
            _log.warning(
                "drift_reference %s is not compared with: %s, by `lipiyana drift profile %s`, once "
                "these have counted for a while. Until then only the week before is compared with",
                reference, error.message, folder,
            )  # fmt: skip
    if metrics is not None:
        metrics.drift_reference(outdated)
    if profile is not None and profile.total.pictures < DRIFT.least_pictures:
        _log.warning(
            "%s has %d pictures, and a reference needs %d: nothing is compared with it. Make it of "
            "more pictures",
            reference, profile.total.pictures, DRIFT.least_pictures,
        )  # fmt: skip
    address, secret = settings.drift_webhook, settings.drift_webhook_secret
    return shared_watch(
        models,
        profile,
        folder,
        metrics,
        lambda: None if address is None else _webhook(address, secret),
    )


def _webhook(address: str, secret: Path | None) -> DriftNews:
    """Open what tells of drift: it signs, waits and tries again as the events' webhook does."""
    try:
        from lipiyana.events.sinks.addresses import Credentials
        from lipiyana.events.sinks.opening import open_event_sink
    except ModuleNotFoundError as error:
        raise MissingExtra.for_extra("events", "drift_webhook") from error
    credentials = Credentials.load(secret, None, None)
    return open_event_sink(
        address, credentials, lambda said: _log.warning("the webhook of drift: %s", said)
    )


def _keeping(
    recognizer: LocalRecognizer, folder: Path, limits: KeepLimits, watch: DriftWatch | None
) -> KeepingRecognizer:
    """Store unsure pictures, and those of a kind that is new, while no calls wait."""
    keeper = UnsureKeeper(folder, limits)
    _log.warning(
        "unsure pictures are kept in %s: at most %d, for %g days. Number plates and faces are "
        "personal data",
        folder, limits.pictures, limits.seconds / DAY,
    )  # fmt: skip
    spare_time = SpareTime(keeper.remove_old, every=WORKERS.look_for_old_seconds)
    return KeepingRecognizer(
        recognizer,
        keeper,
        defer=spare_time.offer,
        on_close=spare_time.close,
        novelty=watch,
    )


def _shadowed(
    champion: LocalRecognizer | KeepingRecognizer,
    folder: Path,
    settings: ServerSettings,
    metrics: Metrics,
) -> ShadowedRecognizer:
    """Let the models of a folder read a share of the pictures while no calls wait."""
    store = ModelStore(folder, 1)
    # memory of its own, so that no call waits for what the shadow has decoded
    memory = DecodingMemory(settings.max_decoded_bytes)
    challenger = LocalRecognizer(store, limits=settings.image_limits, decoding_memory=memory)
    for model in challenger.models:
        store.session(model.name)
    spare_time = SpareTime(lambda: None, every=WORKERS.look_for_old_seconds, share=0.5)
    _log.info("%g of the pictures are shown to the models of %s", settings.shadow_share, folder)
    return ShadowedRecognizer(
        champion,
        challenger,
        settings.shadow_share,
        metrics,
        offer=spare_time.offer,
        busy=lambda: metrics.waiting > 0,
        on_close=spare_time.close,
    )

"""Converts requests to protobuf messages, and back."""

from __future__ import annotations

from collections.abc import Mapping

from lipiyana import types
from lipiyana.errors import InvalidImage, InvalidRequest
from lipiyana.v1 import recognition_pb2 as pb
from lipiyana.wire.enums import CACHE_POLICIES, FEATURES, LAYOUTS, PIXEL_FORMATS, Member, inverse

_FEATURE_OF = inverse(FEATURES)
_LAYOUT_OF = inverse(LAYOUTS) | {int(pb.LAYOUT_UNSPECIFIED): types.Layout.SCENE}
_POLICY_OF = inverse(CACHE_POLICIES) | {int(pb.CACHE_POLICY_UNSPECIFIED): types.CachePolicy.USE}
_PIXEL_FORMAT_OF = inverse(PIXEL_FORMATS)


def image_to_proto(image: bytes | types.RawImage) -> pb.Image:
    """Wrap encoded bytes or raw pixels.

    Raises:
        InvalidImage: a side is negative or does not fit the wire.
    """
    if isinstance(image, bytes):
        return pb.Image(encoded=image)
    for name in ("width", "height"):
        if not 0 <= getattr(image, name) < 2**32:
            raise InvalidImage(
                f"a raw picture needs a width and a height, not {image.width}x{image.height}",
                reason="BAD_RAW_IMAGE",
            )
    pixel_format = PIXEL_FORMATS[image.pixel_format]
    return pb.Image(
        raw=pb.RawImage(
            data=image.data, width=image.width, height=image.height, pixel_format=pixel_format
        )
    )


def image_from_proto(message: pb.Image) -> bytes | types.RawImage:
    """Unwrap encoded bytes or raw pixels; their sizes are not checked here.

    Raises:
        InvalidRequest: there is no picture (MISSING_IMAGE), or its pixel format is not known.
    """
    match message.WhichOneof("source"):
        case "encoded":
            return message.encoded
        case "raw":
            raw = message.raw
            pixel_format = _known(
                _PIXEL_FORMAT_OF, raw.pixel_format, "image", "UNKNOWN_PIXEL_FORMAT"
            )
            return types.RawImage(raw.data, raw.width, raw.height, pixel_format)
        case _:
            raise InvalidRequest(
                "there is no picture: set image.encoded or image.raw",
                field="image",
                reason="MISSING_IMAGE",
            )


def config_to_proto(config: types.RecognitionConfig) -> pb.RecognitionConfig:
    """Write a config."""
    return pb.RecognitionConfig(
        features=[FEATURES[feature] for feature in sorted(config.features)],
        layout=LAYOUTS[config.layout],
        script_hints=config.script_hints,
        min_confidence=config.min_confidence,
        cache_policy=CACHE_POLICIES[config.cache_policy],
        romanize=config.romanize,
        words=config.words,
    )


def config_from_proto(message: pb.RecognitionConfig) -> types.RecognitionConfig:
    """Read a config; absent fields become the defaults of `RecognitionConfig`.

    Raises:
        InvalidRequest: an enum has a number that this version does not know, or `RecognitionConfig`
            refuses a value.
    """
    return types.RecognitionConfig(
        features=frozenset(
            _known(_FEATURE_OF, number, "features", "UNKNOWN_FEATURE")
            for number in message.features
        ),
        layout=_known(_LAYOUT_OF, message.layout, "layout", "UNKNOWN_LAYOUT"),
        script_hints=message.script_hints,
        min_confidence=message.min_confidence if message.HasField("min_confidence") else None,
        cache_policy=_known(
            _POLICY_OF, message.cache_policy, "cache_policy", "UNKNOWN_CACHE_POLICY"
        ),
        romanize=message.romanize,
        words=message.words,
    )


def _known(members: Mapping[int, Member], number: int, field: str, reason: str) -> Member:
    if (member := members.get(number)) is None:
        raise InvalidRequest(
            f"{field} has {number}, which this server does not know", field=field, reason=reason
        )
    return member

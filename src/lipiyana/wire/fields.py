"""What old and new versions of protobuf tell of fields by different names."""

from __future__ import annotations

from google.protobuf.descriptor import FieldDescriptor


def is_repeated(field: FieldDescriptor) -> bool:
    """Say whether a field has many values."""
    try:
        return bool(field.is_repeated)
    except AttributeError:  # before 6.31; from then on `label` warns
        return bool(getattr(field, "label", None) == FieldDescriptor.LABEL_REPEATED)

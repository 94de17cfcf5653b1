"""Code generated from `protos/lipiyana/inference/v2`."""

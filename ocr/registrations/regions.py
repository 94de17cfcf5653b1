"""State and union territory codes of Indian registrations.

Source: S.O.444(E) of 1989 and its amendments. Vehicles keep codes that were replaced later, so old
codes parse too; their name is the name of the present state.
"""

from __future__ import annotations

REGIONS = {
    "AN": "Andaman and Nicobar Islands",
    "AP": "Andhra Pradesh",
    "AR": "Arunachal Pradesh",
    "AS": "Assam",
    "BR": "Bihar",
    "CG": "Chhattisgarh",
    "CH": "Chandigarh",
    "DD": "Dadra and Nagar Haveli and Daman and Diu",
    "DL": "Delhi",
    "GA": "Goa",
    "GJ": "Gujarat",
    "HP": "Himachal Pradesh",
    "HR": "Haryana",
    "JH": "Jharkhand",
    "JK": "Jammu and Kashmir",
    "KA": "Karnataka",
    "KL": "Kerala",
    "LA": "Ladakh",
    "LD": "Lakshadweep",
    "MH": "Maharashtra",
    "ML": "Meghalaya",
    "MN": "Manipur",
    "MP": "Madhya Pradesh",
    "MZ": "Mizoram",
    "NL": "Nagaland",
    "OD": "Odisha",
    "PB": "Punjab",
    "PY": "Puducherry",
    "RJ": "Rajasthan",
    "SK": "Sikkim",
    "TG": "Telangana",
    "TN": "Tamil Nadu",
    "TR": "Tripura",
    "UK": "Uttarakhand",
    "UP": "Uttar Pradesh",
    "WB": "West Bengal",
}
"""Codes that are issued today, with the names of their states."""

SUCCESSORS = {"TS": "TG", "DN": "DD", "OR": "OD", "UA": "UK"}
"""Codes that are no longer issued, each with the code that replaced it."""

REGION_NAMES = REGIONS | {old: REGIONS[new] for old, new in SUCCESSORS.items()}
"""All codes, old and new, with the names of their present states."""


def successor(code: str) -> str:
    """The code that replaced `code`, or `code` itself if it is still issued."""
    return SUCCESSORS.get(code, code)

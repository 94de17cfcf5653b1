"""State and union territory codes of Indian registrations.

Source: S.O.444(E) of 1989 and its amendments. A code that was replaced stays on the vehicles
that carry it, so it parses as painted; its name is the name of the present state.
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
"""Codes that are no longer issued, with the code that came after each."""

REGION_NAMES = REGIONS | {old: REGIONS[new] for old, new in SUCCESSORS.items()}
"""Every code that may be painted, old or new, with the name of its present state."""


def successor(code: str) -> str:
    """The code issued today in the place of `code` (`code` itself where it is current)."""
    return SUCCESSORS.get(code, code)

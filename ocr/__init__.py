"""Reading: text detection, text recognition, plates and registrations.

In: RGB pictures. Out: lines with their text, and registrations. No part imports `training`.
"""

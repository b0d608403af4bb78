"""The nodes of a rule tree: plain frozen data that knows neither Django nor SQL."""

from __future__ import annotations

"""What a caller hears in each country: frequencies and cadences, as data.

They are those of "Various tones used in national networks (according to ITU-T Recommendation E.180)", annex to ITU
Operational Bulletin 781. A cadence alternates tone and silence, in seconds.
"""

from __future__ import annotations

from typing import NamedTuple

from hw.errors import ToneError


class Cadence(NamedTuple):
    """One period of a repeated tone: all `hz` sound together in every other span of `on_off_s`."""

    hz: tuple[float, ...]
    on_off_s: tuple[float, ...]


class Country(NamedTuple):
    """What a caller hears in one country."""

    ringback: Cadence
    busy: Cadence


def _country(ringback_hz: tuple[float, ...], ringing_s: tuple[float, ...], busy_hz: tuple[float, ...],
             busy_s: float) -> Country:
    return Country(Cadence(ringback_hz, ringing_s), Cadence(busy_hz, (busy_s, busy_s)))


_DOUBLE = (0.4, 0.2, 0.4, 2.0)
_EUROPE = (425.0,)

# Countries that modulate one carrier (400 Hz by 16 Hz) are given the two sidebands, which beat alike.
COUNTRIES: dict[str, Country] = {
    "at": _country((420.0,), (1.0, 5.0), (420.0,), 0.4),
    "au": _country((413.0, 438.0), _DOUBLE, _EUROPE, 0.375),
    "be": _country(_EUROPE, (1.0, 3.0), _EUROPE, 0.5),
    "br": _country(_EUROPE, (1.0, 4.0), _EUROPE, 0.25),
    "ca": _country((440.0, 480.0), (2.0, 4.0), (480.0, 620.0), 0.5),
    "ch": _country(_EUROPE, (1.0, 4.0), _EUROPE, 0.5),
    "cn": _country((450.0,), (1.0, 4.0), (450.0,), 0.35),
    "cz": _country(_EUROPE, (1.0, 4.0), _EUROPE, 0.33),
    "de": _country(_EUROPE, (1.0, 4.0), _EUROPE, 0.48),
    "dk": _country(_EUROPE, (1.0, 4.0), _EUROPE, 0.5),
    "es": _country(_EUROPE, (1.5, 3.0), _EUROPE, 0.2),
    "fi": _country(_EUROPE, (1.0, 4.0), _EUROPE, 0.3),
    "fr": _country((440.0,), (1.5, 3.5), (440.0,), 0.5),
    "gb": _country((400.0, 450.0), _DOUBLE, (400.0,), 0.375),
    "ie": _country((400.0, 450.0), _DOUBLE, _EUROPE, 0.5),
    "in": _country((387.5, 412.5), _DOUBLE, (400.0,), 0.75),
    "it": _country(_EUROPE, (1.0, 4.0), _EUROPE, 0.5),
    "jp": _country((392.0, 408.0), (1.0, 2.0), (400.0,), 0.5),
    "nl": _country(_EUROPE, (1.0, 4.0), _EUROPE, 0.5),
    "no": _country(_EUROPE, (1.0, 4.0), _EUROPE, 0.5),
    "nz": _country((400.0, 450.0), _DOUBLE, (400.0,), 0.5),
    "pl": _country(_EUROPE, (1.0, 4.0), _EUROPE, 0.5),
    "pt": _country(_EUROPE, (1.0, 5.0), _EUROPE, 0.5),
    "se": _country(_EUROPE, (1.0, 5.0), _EUROPE, 0.25),
    "us": _country((440.0, 480.0), (2.0, 4.0), (480.0, 620.0), 0.5),
    "za": _country((383.5, 416.5), _DOUBLE, (400.0,), 0.5),
}


def country_named(name: str) -> Country:
    """Look up the tones of the country with this two-letter ISO 3166 code; ToneError lists those that exist."""
    try:
        return COUNTRIES[name.lower()]
    except KeyError:
        raise ToneError(f"no tones are known for {name!r}: use one of {', '.join(sorted(COUNTRIES))}") from None

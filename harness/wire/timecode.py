"""The codes that hold times in IGMPv3 and MLDv2: as they stand when short, floating when long.

A code has a leading bit, three bits of exponent and a mantissa of 4 bits (IGMPv3's max response code, the
query interval code of both) or of 12 (MLDv2's max response code). Units are whole numbers of whatever the
field counts; what a code cannot hold exactly is rounded up. Follows RFC 9776 sections 4.1.1 and 4.1.7 and RFC
9777 sections 5.1.3 and 5.1.9.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

_LONGEST_EXPONENT, _SMALLEST_SHIFT = 7, 3


@dataclass(frozen=True, slots=True)
class TimeCode:
    """A code with a mantissa of this many bits."""

    mantissa_bits: int

    @property
    def floating_from(self) -> int:
        """The least number of units that is written as a floating number; also the leading bit."""
        return 1 << self.mantissa_bits + _SMALLEST_SHIFT

    @property
    def longest(self) -> int:
        """The most units that fit."""
        return (2 << self.mantissa_bits) - 1 << _LONGEST_EXPONENT + _SMALLEST_SHIFT

    def encode(self, units: int) -> int:
        """The code of the least number it can hold that is not below ``units``; ValueError if none is."""
        if not 0 <= units <= self.longest:
            msg = f"a code of {self.mantissa_bits + 4} bits holds 0 to {self.longest} units, not {units}"
            raise ValueError(msg)
        if units < self.floating_from:
            return units
        exponent = 0
        while (mantissa := -(-units >> exponent + _SMALLEST_SHIFT)) >= 2 << self.mantissa_bits:
            exponent += 1
        return self.floating_from | exponent << self.mantissa_bits | mantissa & self._mantissa_mask

    def decode(self, code: int) -> int:
        """The units that a code stands for."""
        if code < self.floating_from:
            return code
        mantissa = code & self._mantissa_mask | 1 << self.mantissa_bits
        exponent = code >> self.mantissa_bits & _LONGEST_EXPONENT
        return mantissa << exponent + _SMALLEST_SHIFT

    @property
    def _mantissa_mask(self) -> int:
        return (1 << self.mantissa_bits) - 1


SHORT = TimeCode(4)
LONG = TimeCode(12)


def whole_units(seconds: float, per_second: int) -> int:
    """Seconds in units, rounded up; the rounding before takes back what the multiplication added."""
    return math.ceil(round(seconds * per_second, 6))

"""Raw Mode S in Beast binary, as readsb and dump1090 give it: `tcp+beast://HOST:30005`.

Of aircraft on the ground a message tells the place but for a quarter of the globe. Which one is known once one in the
air was heard; the option `near=47.5,8.5`, a latitude and longitude within some hundreds of kilometres, says it at once.
"""

import math
from collections.abc import Callable
from typing import ClassVar, Self

from noroshi.formats import Context, mode_s
from noroshi.run.feeds import Address, AddressError
from noroshi.run.feeds.tcp import Tcp


class Feed(Tcp):
    """See `run.feeds.Feed`."""

    OPTIONS: ClassVar[tuple[str, ...]] = ("near",)

    @classmethod
    def at(cls, address: Address, *, arrived: Callable[[], None], now_ns: Callable[[], int]) -> Self:
        """Return the feed at an address; see `run.feeds.Feed.at`."""
        lat_rad = lon_rad = None
        if "near" in address.options:
            try:
                lat_deg, lon_deg = map(float, address.options["near"].split(","))
            except ValueError as error:
                raise AddressError(
                    f"{address.text}: write near=LATITUDE,LONGITUDE in degrees: near=47.5,8.5"
                ) from error
            lat_rad, lon_rad = math.radians(lat_deg), math.radians(lon_deg)
        context = Context(source=address.source, reference_lat_rad=lat_rad, reference_lon_rad=lon_rad)
        return cls(address, mode_s.Stream(context), arrived=arrived, now_ns=now_ns)

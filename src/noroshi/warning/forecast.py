"""What a forecast is: many ways that a threat could go on, each with its weight; and what it says in short."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import TypeVar
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.great_circle import destination, distance_and_bearing
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import Floats, ecef_from_geodetic, enu_axes, geodetic_from_ecef
from noroshi.kernel import kernel

T = TypeVar("T")

CENTRING_ROUNDS, CENTRED_M = 4, 0.01
PATH_POINTS = 60
TAILS, CONCENTRATIONS = 20.0, 30
SMOOTHING = 0.25  # width of the kernel about each way, over the spread of all
KNOWN_M, KNOWN_SHARE = 50e3, 0.25  # a place is known to a sigma of the one, or of this share of the way to it
LANDS_MIN = 0.5  # what is likelier to stay up has no end
BENDS_S = 800.0  # over so long gravity doubles, at most, what a line would make of a difference (`tests/warning`)
CUBIC = np.linalg.inv(np.vander([0.0, 1.0, 2.0, 3.0], increasing=True))  # coefficients from values at these places


def _kernel(rings: int, spokes: int) -> Floats:
    """Return (rings * spokes, 2) points of equal weight for a normal distribution about a place."""
    radius = np.sqrt(-2.0 * np.log1p(-(np.arange(rings) + 0.5) / rings))
    radius *= math.sqrt(2.0 / np.mean(radius**2))
    turn = (np.arange(spokes) + 0.5) * (2.0 * np.pi / spokes)
    return np.stack([np.outer(radius, np.cos(turn)).ravel(), np.outer(radius, np.sin(turn)).ravel()], axis=1)


KERNEL = _kernel(6, 12)


def once(of: Callable[["Forecast"], T]) -> Callable[["Forecast"], T]:
    """Reckon what a forecast says once, and remember it as long as anybody holds the forecast."""
    known: WeakKeyDictionary[Forecast, T] = WeakKeyDictionary()

    @wraps(of)
    def remembered(forecast: "Forecast") -> T:
        told = known.get(forecast)
        if told is None:
            told = known[forecast] = of(forecast)
        return told

    return remembered


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, weakref_slot=True)
class Forecast:
    """The ways that one threat could go on: m ways at k times. Nothing is ever written into its arrays.

    Attributes:
        time_ns: (k,) Unix UTC nanoseconds, rising; the first is that of the state it began from.
        position_ecef_m: (m, k, 3) along each way; after its end it stays there.
        end_ns: (m,) when each way meets the ground, or is no longer told.
        lands: (m,) whether it meets the ground then.
        weight: (m,) of each way; their sum is 1.
    """

    time_ns: NDArray[np.int64]
    position_ecef_m: NDArray[np.float64]
    end_ns: NDArray[np.int64]
    lands: NDArray[np.bool_]
    weight: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ending:
    """Where and when a threat is expected to come down.

    Attributes:
        probability: that it comes down at all in the time that the forecast tells of.
        lat_rad, lon_rad: mean place, on the ellipsoid; NaN if no way comes down.
        covariance_m2: (2, 2) of the place, east and north [m^2].
        time_ns: mean time, Unix UTC nanoseconds; 0 if no way comes down.
        sigma_s: of that time.
    """

    probability: float
    lat_rad: float
    lon_rad: float
    covariance_m2: Floats
    time_ns: int
    sigma_s: float


NO_END = Ending(
    probability=0.0,
    lat_rad=math.nan,
    lon_rad=math.nan,
    covariance_m2=np.full((2, 2), np.nan),
    time_ns=0,
    sigma_s=math.nan,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ellipse:
    """An ellipse on the ground.

    Attributes:
        lat_rad, lon_rad: its middle.
        major_m, minor_m: semi-axes.
        azimuth_rad: of the longer one, clockwise from north.
    """

    lat_rad: float
    lon_rad: float
    major_m: float
    minor_m: float
    azimuth_rad: float

    @property
    def area_m2(self) -> float:
        """Its area, as if the ground were flat."""
        return math.pi * self.major_m * self.minor_m

    def holds(self, lat_rad: Floats | float, lon_rad: Floats | float) -> NDArray[np.bool_]:
        """Return which of (n,) places lie in it."""
        distance, bearing = distance_and_bearing(self.lat_rad, self.lon_rad, lat_rad, lon_rad)
        off = bearing - self.azimuth_rad
        share = np.hypot(distance * np.cos(off) / self.major_m, distance * np.sin(off) / self.minor_m)
        return np.asarray(share <= 1.0)

    def outline(self, n: int = 64) -> Floats:
        """Return (n, 2) latitudes and longitudes [rad] around it, eastwards from its northern end."""
        turn = np.arange(n) * (2.0 * np.pi / n)
        along, across = self.major_m * np.cos(turn), self.minor_m * np.sin(turn)
        lat, lon = destination(
            self.lat_rad, self.lon_rad, self.azimuth_rad + np.arctan2(across, along), np.hypot(along, across)
        )
        return np.stack([lat, lon], axis=1)


@once
def ending(forecast: Forecast) -> Ending:
    """Return where and when it is expected to come down, in moments of those ways that do.

    Places are distances and bearings along great circles from the mean (within 0.6 % of the ellipsoid's).
    """
    lands = forecast.lands
    probability = float(forecast.weight[lands].sum())
    if probability <= 0.0:
        return NO_END
    weight = forecast.weight[lands] / probability
    lat, lon, offset = _about_mean(forecast.position_ecef_m[lands, -1], weight)
    first_ns = int(forecast.time_ns[0])
    after_s = (forecast.end_ns[lands] - first_ns) * 1e-9
    mean_s = float(weight @ after_s)
    return Ending(
        probability=probability,
        lat_rad=lat,
        lon_rad=lon,
        covariance_m2=(offset.T * weight) @ offset,
        time_ns=first_ns + round(mean_s * NS_PER_S),
        sigma_s=math.sqrt(max(float(weight @ (after_s - mean_s) ** 2), 0.0)),
    )


@once
def is_end_known(forecast: Forecast) -> bool:
    """Return whether it says where the threat comes down: a mean of ends an ocean apart is no place.

    It does if ways are likelier to come down than not, and their ends lie within a sigma of `KNOWN_M` or of a quarter
    of the way over ground that is left. Of ends that may be anywhere up to twice as far the sigma is 0.58 of that way.
    """
    end = ending(forecast)
    if end.probability < LANDS_MIN:
        return False
    lat, lon, _ = geodetic_from_ecef(forecast.weight @ forecast.position_ecef_m[:, 0])
    left_m = float(distance_and_bearing(float(lat), float(lon), end.lat_rad, end.lon_rad)[0])
    return end_sigma_m(forecast) <= max(KNOWN_M, KNOWN_SHARE * left_m)


@once
def end_sigma_m(forecast: Forecast) -> float:
    """Return the greatest sigma [m] of the place where it comes down, in any direction; NaN if no way does."""
    covariance_m2 = ending(forecast).covariance_m2
    return math.nan if np.isnan(covariance_m2).any() else math.sqrt(float(np.linalg.eigvalsh(covariance_m2)[1]))


def ellipse(forecast: Forecast, share: float) -> Ellipse:
    """Return the ellipse in which that share of the ways that come down do, for instance 0.5.

    It has the middle and the shape of their mean and covariance and is as large as holds the share, so that it holds
    it of ways that are no normal distribution too (long after a loss, under thrust, in a glide). Where the
    ways are nearly a normal distribution, each counts as a small one about its place, all moved together so that the
    covariance stays: a few hundred are coarse. Where some lie far from the rest (a track that may still be under
    thrust), middle and shape are those of the ways inside, found by concentration.

    Raises:
        ValueError: if no way comes down.

    Source: Rousseeuw and Van Driessen (1999), A fast algorithm for the minimum covariance determinant estimator,
    Technometrics 41, 212-223 (concentration steps).
    """
    if not forecast.lands.any():
        raise ValueError("no way of the forecast comes down")
    weight = forecast.weight[forecast.lands] / forecast.weight[forecast.lands].sum()
    return _ellipse(forecast.position_ecef_m[forecast.lands, -1], weight, share)


def mean_state(forecast: Forecast, time_ns: int) -> Floats:
    """Return (6,) where it is at a time on the average of its ways, Earth-fixed [m], and how that moves [m/s].

    By the cubic through four of its times, evenly apart: of what falls good to metres. NaN where it has fewer.
    """
    times = forecast.time_ns
    if len(times) < 4:
        return np.full(6, np.nan)
    step_ns = int(times[1] - times[0])
    first = int(np.clip((time_ns - int(times[0])) // step_ns - 1, 0, len(times) - 4))
    means = np.empty((4, 3))
    _mean_places(forecast.weight, forecast.position_ecef_m, first, means)
    u = (time_ns - int(times[first])) / step_ns
    at = np.array([[1.0, u, u * u, u**3], [0.0, 1.0, 2.0 * u, 3.0 * u * u]]) @ CUBIC @ means
    return np.concatenate([at[0], at[1] * (NS_PER_S / step_ns)])


@kernel
def _mean_places(weight: Floats, position_ecef_m: Floats, first: int, means: Floats) -> None:
    """Write the (n, 3) mean places of the ways at n times from the first one on."""
    means[:] = 0.0
    for way in range(len(weight)):
        for k in range(len(means)):
            for i in range(3):
                means[k, i] += weight[way] * position_ecef_m[way, first + k, i]


def end_moves_m(forecast: Forecast, state: Floats, time_ns: int) -> float:
    """Return by how much its end moves, at most, if its state at a time is not that of the average of its ways.

    The difference is carried on along a line, and for as much more as gravity makes of it on long ways.
    """
    off = state - mean_state(forecast, time_ns)
    return carried_m(forecast, time_ns, float(np.linalg.norm(off[3:])), float(np.linalg.norm(off[:3])))


def carried_m(forecast: Forecast, time_ns: int, velocity_m_s: float, place_m: float = 0.0) -> float:
    """Return what a difference of velocity, and of place, at a time makes of its end, at most; see `end_moves_m`."""
    left_s = max(ending(forecast).time_ns - time_ns, 0) / NS_PER_S
    return (1.0 + (left_s / BENDS_S) ** 2) * (place_m + left_s * velocity_m_s)


def region(forecast: Forecast, time_ns: int, share: float) -> Ellipse:
    """Return the ellipse in which, or above which, it is at a time with that probability, as of `ellipse`.

    The time is clipped to those of the forecast.
    """
    return _ellipse(_at(forecast, time_ns), forecast.weight, share)


def ground_track(forecast: Forecast) -> tuple[Floats, Floats, Floats]:
    """Return (m, k) latitudes, longitudes [rad] and heights above the ellipsoid [m] of all ways at all times."""
    return geodetic_from_ecef(forecast.position_ecef_m)


@once
def path_of(forecast: Forecast) -> dict[str, NDArray[np.int64] | Floats]:
    """Return the columns of `Paths` but for the threat's number: the mean way up to the mean end, with its spread.

    It ends before where no place is known any more (`is_end_known`; a sigma of a quarter of the way come until then).
    "along" is over ground in the direction in which the mean goes; where it does not go anywhere, northwards.
    """
    last_ns = int(forecast.time_ns[0]) + round(float(forecast.weight @ (forecast.end_ns - forecast.time_ns[0])))
    held = np.flatnonzero(forecast.time_ns < last_ns)
    held = held[:: max(len(held) // PATH_POINTS, 1)]  # a line on a map: no denser than anybody sees
    places = np.concatenate([forecast.position_ecef_m[:, held], _at(forecast, last_ns)[:, None]], axis=1)
    mean = np.tensordot(forecast.weight, places, axes=1)
    lat, lon, _ = geodetic_from_ecef(mean)
    height = forecast.weight @ geodetic_from_ecef(places)[2]
    axes = enu_axes(lat, lon)
    ahead = np.gradient(mean, axis=0) if len(mean) > 1 else np.zeros_like(mean)
    course = np.matvec(axes, ahead)[:, :2]
    norm = np.linalg.norm(course, axis=1, keepdims=True)
    course = np.where(norm > 0.0, course / np.where(norm > 0.0, norm, 1.0), [0.0, 1.0])
    level = np.einsum("kij,mkj->mki", axes[:, :2], places - mean)
    along = np.sqrt(forecast.weight @ (level[..., 0] * course[:, 0] + level[..., 1] * course[:, 1]) ** 2)
    across = np.sqrt(forecast.weight @ (level[..., 0] * course[:, 1] - level[..., 1] * course[:, 0]) ** 2)
    come_m = np.linalg.norm(mean - mean[0], axis=1)
    is_known = np.maximum(along, across) <= np.maximum(KNOWN_M, KNOWN_SHARE * come_m)
    told = slice(len(mean) if is_known.all() or is_end_known(forecast) else max(int(is_known.argmin()), 1))
    columns = {
        "time_ns": np.append(forecast.time_ns[held], last_ns),
        "lat_rad": lat,
        "lon_rad": lon,
        "height_m": height,
        "along_sigma_m": along,
        "across_sigma_m": across,
    }
    return {name: column[told] for name, column in columns.items()}


def mixed(parts: list[Forecast], weight: Floats) -> Forecast:
    """Return one forecast of the ways of several from the same instant, by the probability of each."""
    if len(parts) == 1:
        shares = parts[0].weight * weight[0]
        return replace(parts[0], weight=shares / shares.sum())
    longest = max(parts, key=lambda part: len(part.time_ns)).time_ns
    places, first = np.empty((sum(len(part.weight) for part in parts), len(longest), 3)), 0
    for part in parts:
        rows, k = places[first : first + len(part.weight)], len(part.time_ns)
        rows[:, :k], rows[:, k:] = part.position_ecef_m, part.position_ecef_m[:, -1:]
        first += len(rows)
    shares = np.concatenate([part.weight * share for part, share in zip(parts, weight, strict=True)])
    return Forecast(
        time_ns=longest,
        position_ecef_m=places,
        end_ns=np.concatenate([part.end_ns for part in parts]),
        lands=np.concatenate([part.lands for part in parts]),
        weight=shares / shares.sum(),
    )


def _at(forecast: Forecast, time_ns: int) -> Floats:
    """Return the (m, 3) places at a time, linear between those of the forecast."""
    times = forecast.time_ns
    i = int(np.clip(np.searchsorted(times, time_ns) - 1, 0, max(len(times) - 2, 0)))
    if len(times) == 1:
        return forecast.position_ecef_m[:, 0]
    share = min(max((time_ns - int(times[i])) / (int(times[i + 1]) - int(times[i])), 0.0), 1.0)
    places: Floats = (1.0 - share) * forecast.position_ecef_m[:, i] + share * forecast.position_ecef_m[:, i + 1]
    return places


def _about_mean(places: Floats, weight: Floats) -> tuple[float, float, Floats]:
    """Return latitude and longitude of the mean of (m, 3) places, and their (m, 2) offsets east and north of it."""
    lat, lon, _ = geodetic_from_ecef(places)
    mean = weight @ ecef_from_geodetic(lat, lon, 0.0)
    mean_lat, mean_lon, _ = (float(each) for each in geodetic_from_ecef(mean))
    offset = np.zeros((len(places), 2))
    for _ in range(CENTRING_ROUNDS):
        distance, bearing = distance_and_bearing(mean_lat, mean_lon, lat, lon)
        offset = np.stack([distance * np.sin(bearing), distance * np.cos(bearing)], axis=1)
        east, north = weight @ offset
        if math.hypot(east, north) < CENTRED_M:
            break
        moved = destination(mean_lat, mean_lon, math.atan2(east, north), math.hypot(east, north))
        mean_lat, mean_lon = float(moved[0]), float(moved[1])
    return mean_lat, mean_lon, offset


def _ellipse(places: Floats, weight: Floats, share: float) -> Ellipse:
    """Return the ellipse that holds a share of the weight; see `ellipse`."""
    held = _shaped_by(places, weight, weight, share)
    if held[1] < TAILS:
        return held[0]
    lat, lon, _ = geodetic_from_ecef(places)
    for _ in range(CONCENTRATIONS):  # a few ways far off say nothing of the shape of the rest
        inside = np.where(held[0].holds(lat, lon), weight, 0.0)
        nearer = _shaped_by(places, weight, inside / inside.sum(), share)
        if nearer[0].area_m2 >= held[0].area_m2 * (1.0 - 1e-6):
            break
        held = nearer
    return held[0]


def _shaped_by(places: Floats, weight: Floats, shape: Floats, share: float) -> tuple[Ellipse, float]:
    """Return the ellipse with the middle and shape of places weighed by `shape` that holds a share of `weight`.

    Beside it the mean fourth power of the places' distances over the spread: 8 of a normal distribution.
    """
    lat, lon, offset = _about_mean(places, shape)
    values, axes = np.linalg.eigh((offset.T * shape) @ offset)
    values = np.maximum(values, 1.0)  # a metre at least
    white = offset @ axes / np.sqrt(values)
    peak = float(weight @ np.square(white).sum(axis=1) ** 2)
    width = SMOOTHING * min(max(1.0 - (abs(peak - 8.0) - 1.5) / 3.0, 0.0), 1.0)  # normal ways have some 7 to 9
    spread = math.sqrt(1.0 - width**2) * white[:, None] + width * KERNEL
    apart = np.hypot(spread[..., 0], spread[..., 1]).ravel()
    scale = _quantile(apart, np.repeat(weight / len(KERNEL), len(KERNEL)), share)
    found = Ellipse(
        lat_rad=lat,
        lon_rad=lon,
        major_m=scale * math.sqrt(values[1]),
        minor_m=scale * math.sqrt(values[0]),
        azimuth_rad=math.atan2(axes[0, 1], axes[1, 1]) % math.pi,
    )
    return found, peak


def _quantile(values: Floats, weight: Floats, share: float) -> float:
    """Return the value below which that share of the weight is, linear between the middles of the values' weights."""
    order = np.argsort(values, kind="stable")
    middle = np.cumsum(weight[order]) - 0.5 * weight[order]
    return float(np.interp(share, middle, values[order]))

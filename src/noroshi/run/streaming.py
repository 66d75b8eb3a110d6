"""Tracking inside a program of your own: batches in as they come, tracks out."""

from collections import Counter
from collections.abc import Mapping, Sequence

from noroshi.records import Detections, Quality, SensorSite, Tracks, check, concatenate
from noroshi.run.batches import Repeats, drop_stray_times, in_time
from noroshi.run.drive import given_out, wake_before
from noroshi.run.setup import Setup, Site, assemble, make_sensors
from noroshi.run.sites import described, usual_motion


class Tracking:
    """Tracks detections batch by batch: the same batches in the same order give the same bytes.

    They are those of `noroshi.track`, where batches come in order of their newest plots, each of whole seconds of one
    sensor, and the sensors table says what `track` would else find in the plots. What comes later than younger plots
    takes the tracks back and is used as if it had come in time, up to 30 s: its rows have a higher `revision`. What
    repeats a row of the last half minute to the last bit (both lines of a redundant network) is refused as `DUPLICATE`.

    Args:
        sensors: all that will give detections, with type and place. Nothing is guessed from plots: a parameter that is
            not stated, `scan_period_s` above all, has the default of the sensor's type.
        tracker, parameters, period_s: as in `noroshi.track`.
        motion: as there; if None what suits the sensors, with missiles only if one is made to see them.

    Attributes:
        setup: how it is done.

    Raises:
        ValueError: if a sensor or a parameter makes no sense, in one line.
    """

    def __init__(
        self,
        sensors: Sequence[SensorSite],
        *,
        tracker: str = "soft",
        motion: str | None = None,
        parameters: Mapping[str, float] | None = None,
        period_s: float = 0.0,
    ) -> None:
        sites = described(sensors)
        self.setup = Setup(
            sites=[Site.of(site) for site in sites],
            tracker=tracker,
            motion=motion or usual_motion(sites, tracker),
            parameters=dict(parameters or {}),
            period_s=period_s,
        )
        self._sensors = make_sensors(self.setup)
        self._node, _ = assemble(self.setup)
        self._stray: Counter[tuple[str, str]] = Counter()
        self._repeats = Repeats()

    def feed(self, batch: Detections, now_ns: int | None = None) -> Tracks | None:
        """Take in detections of one sensor and return the rows given out since the last call, in order; None of none.

        Args:
            batch: n detections of any length of time.
            now_ns: when they came, Unix UTC nanoseconds, never before the last call's; plots of more than a second
                later are refused. If None the newest plot so far is now: of a live feed give the clock.

        Raises:
            ValueError: if the sensor was not described, or time runs backwards, in one line.
        """
        if batch.sensor not in self._sensors:
            there = ", ".join(self._sensors)
            raise ValueError(f"sensor '{batch.sensor}' was not described; Tracking was made with: {there}")
        timely, stray = drop_stray_times([check(batch)])
        self._stray.update({(sensor, Quality.BAD_TIME.name): n for sensor, n in stray.items()})
        given: list[Tracks] = []
        at_ns = self._node.now_ns if now_ns is None else now_ns
        marked = [self._repeats.marked(each, at_ns) for each in timely]
        for newest_ns, part in in_time(marked, self._sensors, batch_s=self.setup.batch_s):
            at_ns = max(newest_ns, self._node.now_ns) if now_ns is None else now_ns
            wake_before(self._node, at_ns)
            self._node.receive(part.replace(received_ns=at_ns), at_ns)
            given += given_out(self._node)
        if now_ns is not None:  # time goes on where nothing was seen
            wake_before(self._node, now_ns)
            given += given_out(self._node)
        return concatenate(given) if given else None

    def finish(self) -> Tracks | None:
        """Return what is still to be given out when nothing more comes: with `period_s`, the picture of this moment."""
        wake_before(self._node, self._node.now_ns + 1)
        given = given_out(self._node)
        return concatenate(given) if given else None

    @property
    def refused(self) -> Counter[tuple[str, str]]:
        """By (sensor, reason), how many detections could not be used."""
        return self._node.refused + self._stray

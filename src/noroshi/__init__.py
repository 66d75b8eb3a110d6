"""Air and missile surveillance and warning for a coalition: research and exercise software.

`noroshi.track(detections, sensors)` is the program in one call, `noroshi.Tracking(sensors)` takes detections as they
come; everything else is in the rooms (docs/architecture.md).
"""

from typing import TYPE_CHECKING, Any

from noroshi.run import kernel_cache

if TYPE_CHECKING:
    from noroshi.run.api import load, track
    from noroshi.run.streaming import Tracking

__all__ = ["Tracking", "load", "track"]
__version__ = "0.1.0"

kernel_cache.prepare()  # before any module with kernels is imported


def __getattr__(name: str) -> Any:
    """Import the front door on first use, so that `import noroshi.geo` stays light."""
    if name in __all__:
        from noroshi.run import api, streaming

        return getattr(streaming if name == "Tracking" else api, name)
    raise AttributeError(f"module 'noroshi' has no attribute {name!r}")

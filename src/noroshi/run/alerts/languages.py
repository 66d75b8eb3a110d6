"""The languages of alerts: files that the program ships, one's own, and local time."""

from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from noroshi.formats.wording import Language, Zone, language_of
from noroshi.geo.time import NS_PER_S
from noroshi.run.alerts import AlertError

SHIPPED = files("noroshi") / "data" / "texts"


def language_names() -> tuple[str, ...]:
    """Return the languages that the program ships."""
    names = [entry.name for entry in SHIPPED.iterdir()]
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def load_language(name: str, folder: Path | None = None) -> Language:
    """Return a language.

    Args:
        name: of one that the program ships, "en", or the path of a TOML file.
        folder: where a path that is not absolute begins; None: where the program runs.

    Raises:
        AlertError: if there is none.
        FormatError: if its file is wrong; one line.
    """
    if name in language_names():
        return language_of((SHIPPED / f"{name}.toml").read_text("utf-8"), f"{name}.toml")
    try:
        return language_of(((folder or Path()) / name).read_text("utf-8-sig"), name)
    except FileNotFoundError as error:
        raise AlertError(f"no language '{name}': name a TOML file, or one of {', '.join(language_names())}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise AlertError(f"{name}: cannot be read: {error}") from error


def zone_at(name: str, time_ns: int) -> Zone:
    """Return local time at a place, as it is at a time.

    Args:
        name: of the IANA data base, "Asia/Tokyo".
        time_ns: when, Unix UTC nanoseconds.

    Raises:
        AlertError: if this machine knows no such zone.
    """
    try:
        local = datetime.fromtimestamp(time_ns // NS_PER_S, UTC).astimezone(ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise AlertError(f"time zone '{name}' is not known on this machine") from error
    offset = local.utcoffset()
    assert offset is not None
    return Zone(name=local.tzname() or name, offset_s=round(offset.total_seconds()))

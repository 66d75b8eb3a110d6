"""What an alert says to people, in the words of a language's file: what, where, when, how sure, what to do.

What is predicted, what was observed and what was lost are told apart by code, not by the file: each description says
which of the three it is, once. Times are given in local time and in UTC, the earlier one rounded down to the minute and
the later one up.

Source of the instructions: public guidance of Japan's Cabinet Secretariat (国民保護ポータルサイト) on what to do when a
ballistic missile comes: into a sturdy building or underground; without one behind something, or face down with the head
covered; indoors away from windows.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from string import Template
from typing import Any

from noroshi.formats import FormatError
from noroshi.formats.alerting import (
    HEADLINE_CHARS_MAX,
    NAME_CHARS_MAX,
    REASON_CHARS_MAX,
    TEXT_CHARS_MAX,
    ExerciseWording,
    Lifted,
    plain,
)
from noroshi.geo.time import NS_PER_S
from noroshi.records import Alert, Certainty, Stage
from noroshi.records.alert import CANCEL, HAZARDS, UPDATE

NS_PER_MINUTE = 60 * NS_PER_S
NAMES_IN_HEADLINE, NAMES_IN_TEXT = 3, 12
BASES = ("predicted", "observed", "lost")
BASIS = {
    Stage.LAUNCH_DETECTED: "observed",
    Stage.BOOSTING: "observed",
    Stage.BALLISTIC: "predicted",
    Stage.GLIDING: "predicted",
    Stage.WILL_PASS: "predicted",
    Stage.WILL_LAND: "predicted",
    Stage.PASSED: "observed",
    Stage.LANDED: "observed",
    Stage.TRACK_LOST: "lost",
    Stage.ENTERING: "predicted",
    Stage.ENTERED: "observed",
}
"""What a stage rests on. A cancel of what was only predicted, and `CLEAR`, rest on nothing that has to be said."""

ENDED = (Stage.PASSED, Stage.LANDED)
ALWAYS = {"event", "areas", "when"}
OVER = (Stage.PASSED, Stage.LANDED, Stage.CLEAR, Stage.ENTERED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """Local time where the readers are.

    Attributes:
        name: as it is told to them, for instance "JST".
        offset_s: ahead of UTC.
    """

    name: str
    offset_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What is said in one case.

    Attributes:
        headline, what: templates with $event, $areas and $when.
        do: the name of an instruction.
    """

    headline: str
    what: str
    do: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """A language's file.

    Attributes:
        language: by RFC 5646.
        exercise: the word by which each text of an exercise begins.
        phrases: templates of what is joined together, by name (`PHRASES`).
        events: what each hazard is called.
        certainty: how sure, a sentence for each `Certainty`.
        instructions: what to do, by name.
        said: hazard -> stage -> what is said; "cancel" of missiles and "end" of the rest -> stage or "other".
        names: areas' names by code; others keep the one that the alert has.
    """

    language: str
    exercise: str
    phrases: Mapping[str, str]
    events: Mapping[str, str]
    certainty: Mapping[str, str]
    instructions: Mapping[str, str]
    said: Mapping[str, Mapping[str, Said]]
    names: Mapping[str, str]


PHRASES: dict[str, set[str]] = {
    "starts": {"exercise"},  # how a text begins
    "update": set(),  # what goes before the headline of an update
    "not_real": {"name"},
    "predicted": set(),
    "observed": set(),
    "lost": set(),
    "comma": set(),
    "joint": set(),  # between sentences
    "more": {"n"},
    "nowhere": set(),  # for an area that is not known
    "never": set(),  # for a time that is not known
    "at": {"at", "zone", "at_utc"},
    "between": {"first", "last", "zone", "first_utc", "last_utc"},
    "area_at": {"name", "first", "last"},
    "each": {"areas", "zone"},
    "replaces": {"changes"},
    "come": {"areas"},  # what has changed, each: areas that were not told before,
    "gone": {"areas"},  # areas that were and are no more,
    "unseen": set(),
    "seen": set(),
    "moved": set(),
    "other": {"reason"},  # none of these; the reason is in one language, which may be another
    "lifted": {"areas"},  # to people of areas that are told no more: a headline,
    "lifted_what": {"event", "areas"},  # and what it is
}
"""What a file has to say, and by which names of its own it may refer to what is put in."""

CASES = {
    "missile": ("launch_detected", "boosting", "ballistic", "gliding", "will_pass", "will_land", "passed", "landed",
                "track_lost", "clear"),
    "aircraft": ("entering", "entered", "track_lost", "clear"),
    "ship": ("entering", "entered", "track_lost", "clear"),
    "sensor": ("track_lost", "clear"),
    "cancel": ("passed", "landed", "track_lost", "clear", "other"),
    "end": ("other",),
}  # fmt: skip


def language_of(text: str, source: str) -> Language:
    """Read a language's file.

    Raises:
        FormatError: naming what is missing, unknown or wrong in it; one line.
    """
    try:
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FormatError(f"{source}: not TOML: {error}") from error
    try:
        language, mark = (_text(told.pop(name), name) for name in ("language", "exercise"))
        phrases = _table(told.pop("phrases"), "phrases", tuple(PHRASES))
        events = _table(told.pop("events"), "events", HAZARDS)
        certainty = _table(told.pop("certainty"), "certainty", tuple(each.name.lower() for each in Certainty))
        instructions = {name: _text(one, f"instructions.{name}") for name, one in told.pop("instructions").items()}
        names = {code: _text(name, f"names.{code}") for code, name in told.pop("names", {}).items()}
        said = {
            group: {case: _said(told[group][case], f"{group}.{case}", instructions) for case in cases}
            for group, cases in CASES.items()
        }
        unknown = [f"{group}.{case}" for group in CASES for case in told.pop(group) if case not in CASES[group]]
        _nothing_else([*told, *unknown])
        for name, allowed in PHRASES.items():
            _check(phrases[name], allowed, name)
    except KeyError as error:
        raise FormatError(f"{source}: {error.args[0]} is missing") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise FormatError(f"{source}: {error}") from error
    return Language(
        language=language,
        exercise=mark,
        phrases=phrases,
        events=events,
        certainty=certainty,
        instructions=instructions,
        said=said,
        names=names,
    )


def exercise_wording(
    alert: Alert, language: Language, zone: Zone, *, exercise: str, before: Sequence[Alert] = ()
) -> ExerciseWording:
    """Return what an alert of an exercise says in a language.

    What an update changes follows from what it replaces, in the language's own words.

    Args:
        alert: what is told; with any number of areas.
        language: how.
        zone: local time of its readers.
        exercise: name of the exercise.
        before: what an update replaces: people of areas that it does not tell any more are told that it is over for
            them.

    Raises:
        ValueError: if it would say that something has passed or come down that nobody observed.
    """
    stage, certainty = Stage(alert.stage), Certainty(alert.certainty)
    if stage in ENDED and certainty is not Certainty.OBSERVED:
        raise ValueError(f"{stage.name.lower()} without its having been observed is not for telling")
    said = _case(alert, language, stage)
    basis = BASIS.get(stage)
    ends = alert.message == CANCEL
    if alert.hazard == "sensor" or (ends and (basis == "predicted" or alert.hazard != "missile")):
        basis = None
    if basis == "predicted" and certainty is Certainty.OBSERVED:
        certainty = Certainty.LIKELY  # that it is there is seen, where it goes is not
    phrases, start = language.phrases, Template(language.phrases["starts"]).substitute(exercise=language.exercise)
    areas, when = _areas(alert, language), _when(alert, language, zone)
    event = language.events.get(alert.hazard, alert.hazard)
    about = {"event": event, "areas": areas, "when": when}
    sentences = [
        "" if basis is None else phrases[basis],
        Template(said.what).substitute(about),
        "" if ends or basis is None or stage in OVER else _each(alert, language, zone),
        "" if ends or basis is None else language.certainty[certainty.name.lower()],
        _replaces(alert, before, language),
        Template(phrases["not_real"]).substitute(name=exercise),
    ]
    newer = phrases["update"] if alert.message == UPDATE else ""
    headline = start + newer + Template(said.headline).substitute(about)
    return ExerciseWording(
        language=language.language,
        mark=language.exercise,
        event=plain(start + event, NAME_CHARS_MAX),
        headline=plain(headline, HEADLINE_CHARS_MAX),
        description=plain(start + phrases["joint"].join(each for each in sentences if each), TEXT_CHARS_MAX),
        instruction=plain(start + language.instructions[said.do], TEXT_CHARS_MAX),
        areas=tuple(_name(alert, row, language) for row in range(len(alert))),
        lifted=_lifted(alert, before, language, exercise),
    )


def _lifted(alert: Alert, before: Sequence[Alert], language: Language, exercise: str) -> Lifted | None:
    """Return what is said to people whose areas an update does not tell any more."""
    gone = _gone(alert, before)
    if not gone:
        return None
    phrases, start = language.phrases, Template(language.phrases["starts"]).substitute(exercise=language.exercise)
    names = tuple(_name(one, row, language) for one, row in gone)
    about = {"event": language.events.get(alert.hazard, alert.hazard), "areas": _some(names, NAMES_IN_TEXT, language)}
    not_real = Template(phrases["not_real"]).substitute(name=exercise)
    what = phrases["joint"].join([Template(phrases["lifted_what"]).substitute(about), not_real])
    headline = Template(phrases["lifted"]).substitute(areas=_some(names, NAMES_IN_HEADLINE, language))
    return Lifted(
        headline=plain(start + headline, HEADLINE_CHARS_MAX),
        description=plain(start + what, TEXT_CHARS_MAX),
        instruction=plain(start + language.instructions[_over_do(alert, language)], TEXT_CHARS_MAX),
        codes=tuple(str(one.code[row]) for one, row in gone),
        areas=names,
    )


def _over_do(alert: Alert, language: Language) -> str:
    """Return the instruction of what is over without having come down."""
    group, case = ("cancel", "clear") if alert.hazard == "missile" else ("end", "other")
    return language.said[group][case].do


def _told_before(before: Sequence[Alert]) -> dict[str, tuple[Alert, int]]:
    """Return where each area was last told: in which message and row."""
    return {code: (one, row) for one in before if one.message != CANCEL for row, code in enumerate(one.code.tolist())}


def _gone(alert: Alert, before: Sequence[Alert]) -> list[tuple[Alert, int]]:
    """Return message and row of the areas that were told and that an update does not tell any more."""
    if alert.message != UPDATE:
        return []
    told = set(alert.code.tolist())
    return [where for code, where in _told_before(before).items() if code not in told]


def _case(alert: Alert, language: Language, stage: Stage) -> Said:
    group = alert.hazard
    if alert.message == CANCEL:
        group = "cancel" if alert.hazard == "missile" else "end"
    cases = language.said.get(group, {})
    found = cases.get(stage.name.lower(), cases.get("other"))
    if found is None:
        raise ValueError(f"there are no words for the stage {stage.name.lower()} of '{alert.hazard}'")
    return found


def _name(alert: Alert, row: int, language: Language) -> str:
    code, name = str(alert.code[row]), str(alert.name[row])
    return plain(language.names.get(code, name), NAME_CHARS_MAX) or plain(code, NAME_CHARS_MAX) or "?"


def _areas(alert: Alert, language: Language) -> str:
    if not len(alert):
        return language.phrases["nowhere"]
    order = sorted(range(len(alert)), key=lambda row: (-float(alert.probability[row]), str(alert.code[row])))
    return _some([_name(alert, row, language) for row in order], NAMES_IN_HEADLINE, language)


def _when(alert: Alert, language: Language, zone: Zone) -> str:
    known = alert.arrival_ns > 0
    if not known.any():
        return language.phrases["never"]
    first, last = int(alert.arrival_ns[known].min()), int(alert.arrival_latest_ns[known].max())
    first_ns, last_ns = first // NS_PER_MINUTE * NS_PER_MINUTE, -(-last // NS_PER_MINUTE) * NS_PER_MINUTE
    local_ns = zone.offset_s * NS_PER_S
    if last_ns - first_ns <= NS_PER_MINUTE:
        return Template(language.phrases["at"]).substitute(
            at=_clock(first_ns + local_ns), zone=zone.name, at_utc=_clock(first_ns)
        )
    return Template(language.phrases["between"]).substitute(
        first=_clock(first_ns + local_ns),
        last=_clock(last_ns + local_ns),
        zone=zone.name,
        first_utc=_clock(first_ns),
        last_utc=_clock(last_ns),
    )


def _each(alert: Alert, language: Language, zone: Zone) -> str:
    """Return the areas with their own times, by time; nothing where there is but one, or no time is known."""
    rows = [row for row in range(len(alert)) if alert.arrival_ns[row] > 0]
    if len(alert) < 2 or not rows:
        return ""
    rows.sort(key=lambda row: (int(alert.arrival_ns[row]), str(alert.code[row])))
    local_ns = zone.offset_s * NS_PER_S
    told = [
        Template(language.phrases["area_at"]).substitute(
            name=_name(alert, row, language),
            first=_clock(int(alert.arrival_ns[row]) // NS_PER_MINUTE * NS_PER_MINUTE + local_ns),
            last=_clock(-(-int(alert.arrival_latest_ns[row]) // NS_PER_MINUTE) * NS_PER_MINUTE + local_ns),
        )
        for row in rows
    ]
    return Template(language.phrases["each"]).substitute(areas=_some(told, NAMES_IN_TEXT, language), zone=zone.name)


def _replaces(alert: Alert, before: Sequence[Alert], language: Language) -> str:
    if alert.message != UPDATE:
        return ""
    changes = _changes(alert, before, language)
    if not changes:
        reason = plain(alert.reason, REASON_CHARS_MAX).rstrip(" .")
        changes = [Template(language.phrases["other"]).substitute(reason=reason)]
    return Template(language.phrases["replaces"]).substitute(changes=language.phrases["comma"].join(changes))


def _changes(alert: Alert, before: Sequence[Alert], language: Language) -> list[str]:
    """Return what an update changes of what it replaces, as people read both."""
    if not before:
        return []
    phrases, known, told = language.phrases, _told_before(before), []
    rows = {code: row for row, code in enumerate(alert.code.tolist())}
    come = [_name(alert, row, language) for code, row in rows.items() if code not in known]
    gone = [_name(one, row, language) for one, row in _gone(alert, before)]
    for names, phrase in ((come, "come"), (gone, "gone")):
        if names:
            told.append(Template(phrases[phrase]).substitute(areas=_some(names, NAMES_IN_TEXT, language)))
    is_lost, was_lost = alert.stage == Stage.TRACK_LOST, before[-1].stage == Stage.TRACK_LOST
    if is_lost != was_lost:
        told.append(phrases["unseen" if is_lost else "seen"])
    if any(_minutes(alert, row) != _minutes(*known[code]) for code, row in rows.items() if code in known):
        told.append(phrases["moved"])
    return told


def _minutes(alert: Alert, row: int) -> tuple[int, int]:
    """Return the minutes between which people read that an area is concerned."""
    return int(alert.arrival_ns[row]) // NS_PER_MINUTE, -(-int(alert.arrival_latest_ns[row]) // NS_PER_MINUTE)


def _some(names: Sequence[str], most: int, language: Language) -> str:
    """Return names, and how many more there are."""
    shown = list(names[:most])
    if len(names) > most:
        shown.append(Template(language.phrases["more"]).substitute(n=len(names) - most))
    return language.phrases["comma"].join(shown)


def _clock(time_ns: int) -> str:
    minutes = time_ns // NS_PER_MINUTE
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} is a text")
    return value


def _table(value: Any, name: str, keys: tuple[str, ...]) -> dict[str, str]:
    for key in keys:
        if key not in value:
            raise KeyError(f"{name}.{key}")
    _nothing_else([f"{name}.{key}" for key in value if key not in keys])
    return {key: value[key] if value[key] == "" else _text(value[key], f"{name}.{key}") for key in keys}


def _nothing_else(names: list[str]) -> None:
    if names:
        raise ValueError(f"'{names[0]}' means nothing here")


def _said(value: Any, name: str, instructions: Mapping[str, str]) -> Said:
    keys = tuple(each.name for each in fields(Said))
    said = Said(**_table(value, name, keys))
    for key in ("headline", "what"):
        _check(getattr(said, key), ALWAYS, f"{name}.{key}")
    if said.do not in instructions:
        raise ValueError(f"{name}.do: there is no instruction '{said.do}'")
    return said


def _check(text: str, allowed: set[str], name: str) -> None:
    template = Template(text)
    if not template.is_valid():
        raise ValueError(f"{name}: a $ stands alone; write $$")
    for each in template.get_identifiers():
        if each not in allowed:
            raise ValueError(f"{name}: ${each} is none of {', '.join(f'${one}' for one in sorted(allowed))}")

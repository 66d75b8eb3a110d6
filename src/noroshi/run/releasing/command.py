"""`noroshi release`: policies checked, explained, compared, and broken through in an emergency."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from noroshi.geo.time import NS_PER_S, iso_from_utc_ns, utc_ns_from_iso
from noroshi.run.complaints import one_line

app = typer.Typer(no_args_is_help=True, help="What leaves a node: by which rule, why, and what if (docs/release.md).")
PolicyName = Annotated[str, typer.Argument(help="A policy's file, or the name of a shipped one: JPN.")]
Replay = Annotated[
    Path, typer.Option("--replay", help="The node's journal: NODE.mcap of an exercise, or a folder of segments.")
]
Exercise = Annotated[
    str | None, typer.Option(help="Of which exercise the records are, if the journal does not say; real if none.")
]
Secret = Annotated[
    Path | None, typer.Option(help="The node's secret, for real displacements; those of exercises are known.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the tables.")]


@app.command(epilog="Example: noroshi release check policies/jpn.toml")
def check(policy: PolicyName, as_json: AsJson = False) -> None:
    """Tell what is wrong with a policy, by line, and rules that never decide. Exit code 2 if anything is."""
    from noroshi.run.releasing.checking import findings
    from noroshi.run.scenarios.policies import read_policy
    from noroshi.run.scenarios.sources import read_source

    with one_line():
        source = read_source("policies", policy)
        read = read_policy(source)
        found = findings(source, read, time.time_ns())
    told = {
        "policy": source.name,
        "nation": read.nation,
        "digest": read.digest,
        "partners": dict(read.partners),
        "rules": [rule.name for rule in read.rules],
        "findings": [{"line": each.line, "key": each.key, "message": each.message} for each in found],
    }
    if as_json:
        _say(json.dumps(told))
    else:
        _say("\n".join(str(each) for each in found) or f"{source.name}: {len(read.rules)} rules of {read.nation} for "
             f"{', '.join(read.partners)}; nothing is wrong")  # fmt: skip
    if found:
        raise typer.Exit(2)


@app.command(epilog="Example: noroshi release explain --track JAF12 --to USA --policy JPN --replay out/JPN.mcap")
def explain(
    track: Annotated[str, typer.Option(help="Number (the node's or the partner's), call sign or ICAO address.")],
    to: Annotated[str, typer.Option(help="Code of the partner.")],
    policy: Annotated[str, typer.Option(help="A policy's file, or the name of a shipped one: JPN.")],
    replay: Replay,
    at: Annotated[str | None, typer.Option(help="Explain the first row from then on: 2030-01-01T00:01:00Z.")] = None,
    exercise: Exercise = None,
    secret: Secret = None,
    as_json: AsJson = False,
) -> None:
    """Tell what a partner gets of one track, by which rule, and how it differs from what the node knows."""
    from noroshi.run.releasing import explaining
    from noroshi.run.releasing.replaying import policy_for, replayed

    with one_line():
        journal = replayed(replay, exercise=exercise, secret=secret)
        rules = policy_for(policy, journal)
        at_ns = None if at is None else utc_ns_from_iso(at)
        with _progress(as_json) as progress:
            told = explaining.account(journal, rules, track, to, at_ns=at_ns, progress=progress)
    if as_json:
        _say(json.dumps(explaining.summary(told)))
    else:
        explaining.show(told, Console())


@app.command(epilog="Example: noroshi release diff JPN mine.toml --replay out/JPN.mcap")
def diff(
    old: PolicyName,
    new: PolicyName,
    replay: Replay,
    exercise: Exercise = None,
    secret: Secret = None,
    as_json: AsJson = False,
) -> None:
    """Tell what each partner would have seen under one policy and under another."""
    from noroshi.run.releasing import differing
    from noroshi.run.releasing.replaying import policy_for, replayed
    from noroshi.sharing.explain import compare

    with one_line():
        journal = replayed(replay, exercise=exercise, secret=secret)
        before, after = policy_for(old, journal), policy_for(new, journal)
        with _progress(as_json) as progress:
            compared = compare(before, after, journal.offered(progress), secrets=journal.secrets)
            told = differing.differences(before, after, compared)
    if as_json:
        _say(json.dumps(told))
    else:
        differing.show(told, Console())


@app.command(
    "break-glass",
    epilog="Example: noroshi release break-glass JPN --rule ferry.toml --by 'A. Sato' --by 'B. Ito' "
    "--reason 'ferry on fire' --minutes 90 --keys keys/jpn --out ferry.json",
)
def break_glass(
    policy: PolicyName,
    rule: Annotated[Path, typer.Option(help="TOML with one [\\[rules]]: what is to go out.")],
    by: Annotated[list[str], typer.Option(help="Who answers for it: two people.")],
    reason: Annotated[str, typer.Option(help="Why; it stays in the audit.")],
    minutes: Annotated[float, typer.Option(help="For how long, at most 24 hours.")],
    keys: Annotated[Path, typer.Option(help="The node's folder of keys (noroshi pki).")],
    out: Annotated[Path, typer.Option(help="The signed record, for the node to take in.")],
    begin: Annotated[str | None, typer.Option("--from", help="From when; now if it is not said.")] = None,
) -> None:
    """Put one rule ahead of all others for a limited time, by two people, for the audit."""
    from noroshi.run import outputs, pki
    from noroshi.run.releasing import breaking
    from noroshi.run.scenarios.policies import read_policy
    from noroshi.run.scenarios.sources import read_source

    with one_line():
        outputs.check_folder(out)
        if not 0.0 < minutes < 1e6:
            raise ValueError(f"--minutes {minutes:g}: give a number above 0")
        now_ns = time.time_ns()
        own = pki.identity(keys)
        from_ns = (now_ns if begin is None else utc_ns_from_iso(begin)) // NS_PER_S * NS_PER_S
        until_ns = from_ns + round(60 * minutes) * NS_PER_S
        read = read_policy(read_source("policies", policy), of=own.nation)
        record = breaking.make(
            read, rule.read_text("utf-8-sig"), by=by, reason=reason, from_ns=from_ns, until_ns=until_ns,
            key=own.signing_key_at(now_ns), source=str(rule),
        )  # fmt: skip
        outputs.replace(out, record)
    _say(f"wrote {out}: from {iso_from_utc_ns(from_ns)} until {iso_from_utc_ns(until_ns)}, by {' and '.join(by)}")


audit = typer.Typer(
    no_args_is_help=True, help="The proof of what was released to whom, and decided by whom (docs/audit.md)."
)


@audit.callback()
def _audit() -> None:
    pass  # a lone command of an app would lose its name


@audit.command(epilog="Example: noroshi audit verify state/audit --keys keys/usa --held usa/state/audit")
def verify(
    folder: Annotated[Path, typer.Argument(help="The record: a folder with 000001.log.")],
    keys: Annotated[
        Path | None, typer.Option(help="Folder of keys, or of partners' files; those beside the record if not given.")
    ] = None,
    held: Annotated[
        list[Path] | None, typer.Option(help="Another nation's audit folder: what it holds counts. Repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of lines.")] = False,
) -> None:
    """Prove what was released to whom, and that nothing was removed or altered. Exit code 1 if it was."""
    from noroshi.run.stores.audit import judge

    with one_line():
        judged = judge(folder, keys=keys, held=held or [])
    verdict = judged.verdict
    proved = [{"recipient": who, "feed": feed, "seq": seq} for (who, feed), seq in sorted(verdict.proved.items())]
    if as_json:
        told = {
            "owner": judged.owner, "faults": list(verdict.faults), "entries": verdict.entries,
            "anchored": verdict.anchored, "proved": proved, "torn_bytes": judged.torn_bytes,
            "own_keys": judged.own_keys,
        }  # fmt: skip
        _say(json.dumps(told))
    elif verdict.faults:
        _say("\n".join(verdict.faults))
    else:
        _say(f"{judged.owner}: {verdict.entries} entries, none altered, none missing; up to entry {verdict.anchored} "
             "signed checkpoints vouch for it")  # fmt: skip
        for each in proved:
            _say(f"{each['recipient']} signed for {each['feed']} up to message {each['seq']}: all of these are in it")
        if judged.own_keys:
            _say("by the keys beside the record, which whoever wrote it anew would have replaced: give --keys")
        if judged.torn_bytes:
            _say(f"{judged.torn_bytes} bytes at the end of a file are no whole entry: the node was killed, or cut off")
    if verdict.faults:
        raise typer.Exit(1)


@audit.command(epilog="Example: noroshi audit decisions state/decisions --people people --keys keys --nation japan")
def decisions(
    folder: Annotated[Path, typer.Argument(help="The record: a node's state/decisions.")],
    people: Annotated[Path, typer.Option(help="The register: a folder with people's public keys.")],
    keys: Annotated[Path | None, typer.Option(help="Folder of keys, as of noroshi audit verify.")] = None,
    nation: Annotated[
        list[str] | None, typer.Option(help="Whose areas are whose, beside shipped ones: a nation's file. Repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of lines.")] = False,
) -> None:
    """Prove that people signed what was decided, and that every step might follow. Exit code 1 if not."""
    from noroshi.run.judging import judge_steps
    from noroshi.run.people import read_people
    from noroshi.run.scenarios import read_nation
    from noroshi.run.scenarios.names import area_nations

    with one_line():
        whose = area_nations(*map(read_nation, nation or ()))
        judged = judge_steps(folder, read_people(people), whose, keys=keys)
    faults = [*judged.record.verdict.faults, *judged.faults]
    if as_json:
        told = {
            "owner": judged.record.owner, "steps": judged.steps, "signed": judged.signed,
            "decisions": judged.decisions, "approvals": judged.approvals, "faults": faults,
            "n_faults": len(judged.record.verdict.faults) + judged.n_faults, "own_keys": judged.record.own_keys,
        }  # fmt: skip
        _say(json.dumps(told))
    elif faults:
        _say("\n".join(faults))
        if judged.n_faults > len(judged.faults):
            _say(f"and {judged.n_faults - len(judged.faults)} steps more")
    else:
        _say(f"{judged.record.owner}: {judged.steps} steps of {judged.decisions} decisions, none altered; "
             f"{judged.signed} are signed by people, {judged.approvals} are approvals; "
             "each might follow what was before it")  # fmt: skip
        if judged.record.own_keys:
            _say("by the node's keys beside the record, which whoever wrote it anew would have replaced: give --keys")
    if faults:
        raise typer.Exit(1)


def _say(text: str) -> None:
    from noroshi.run.printing import printable

    sys.stdout.write("".join(f"{printable(line, 100_000)}\n" for line in text.splitlines()))


@contextmanager
def _progress(as_json: bool) -> Iterator[Callable[[int], None]]:
    from noroshi.run import cli

    with cli._progress("tracking", None, quiet=as_json) as progress:  # noqa: SLF001  cli imports this module to show its commands
        yield progress

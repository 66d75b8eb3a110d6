"""What nations release: policies as files, those that travel with the program and those beside a nation's file."""

from dataclasses import replace

from noroshi.run.campaigns.toml import toml_of
from noroshi.run.scenarios.models import Nation, Table
from noroshi.run.scenarios.sources import Source, read_source, shipped
from noroshi.run.sharing import actions
from noroshi.sharing.rules import Policy, PolicyError, parse


def policy_of(nation: Nation) -> Policy:
    """Return what a nation releases; one without a policy releases nothing to anybody."""
    return Policy(nation.code, {}, ()) if nation.policy is None else read_policy(nation.policy, of=nation.code)


def policy_source(code: str, said: str | Table | None, nation: Source) -> Source | None:
    """Return the file of a nation's policy, None if it has none.

    Args:
        code: of the nation; where its file says nothing the shipped policy of that code is meant.
        said: a path, the name of a shipped policy, or the policy itself without its nation.
        nation: the nation's file: a path that is not absolute begins beside it.

    Raises:
        NoFileError: if there is no such file.
        ScenarioError: if it is no TOML.
    """
    if said is None and code not in shipped("policies"):
        return None
    if not isinstance(said, dict):
        return read_source("policies", said or code, nation.folder)
    table = {"nation": code, **said}
    return replace(nation, name=f"{nation.name} [policy]", text=toml_of(table), table=table, lines={(): 1})


def read_policy(source: Source, *, of: str | None = None) -> Policy:
    """Return what a file says.

    Args:
        source: the file.
        of: code of the nation whose policy it has to be; any if None.

    Raises:
        PolicyError: one line that says where, what, and what to do.
    """
    policy = parse(source.text, actions(), source=source.name)
    if of is not None and policy.nation != of:
        raise PolicyError(f"{source.name}: is the policy of {policy.nation}, not of {of}; give {of}'s own")
    return policy

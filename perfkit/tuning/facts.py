"""The facts that formulas use: from --machine, the server, this machine, or what a profile assumes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from perfkit import machine, units
from perfkit.backends.base import Missing, Target
from perfkit.errors import UsageError
from perfkit.results import MachineFact
from perfkit.scenario.fields import Mistake, nearest
from perfkit.tuning.formula import Kind, Quantity, quantity
from perfkit.tuning.profile import Profile, profiles
from perfkit.tuning.syntax import FACTS

_KINDS: Mapping[str, Kind] = {
    "ram": "size",
    "cores": "number",
    "disk": "text",
    "connections": "number",
}
_EXAMPLES = {"ram": "64GiB", "cores": "16", "disk": "ssd", "connections": "200"}
_DISKS = ("ssd", "hdd")


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact, and who says so."""

    quantity: Quantity
    origin: str

    def row(self, name: str) -> MachineFact:
        """As reports have it."""
        value, kind = self.quantity.value, self.quantity.kind
        if isinstance(value, str):
            return MachineFact(name, value, "text", self.origin)
        if kind == "duration":
            return MachineFact(name, value / units.NS_PER_MS, "ms", self.origin)
        return MachineFact(name, value, "bytes" if kind == "size" else "count", self.origin)


def machine_of(given: Iterable[str]) -> Mapping[str, Quantity]:
    """The facts of `--machine ram=64GiB,cores=16`. UsageError for what can't be one."""
    found: dict[str, Quantity] = {}
    for part in (part.strip() for text in given for part in text.split(",")):
        name, equals, value = (each.strip() for each in part.partition("="))
        if not equals or not name or not value:
            raise UsageError(
                f"--machine {part}: write name=value", hint="--machine ram=64GiB,cores=16"
            )
        if name in found:
            raise UsageError(f"--machine {part}: {name} is there twice")
        found[name] = _given(name, value)
    return found


def facts_for(
    profile: Profile, target: Target | None, given: Mapping[str, Quantity]
) -> Mapping[str, Fact]:
    """What the profile's formulas need. UsageError, naming the option, for what nobody knows.

    Without a target, this machine is taken for the server's.
    """
    _refuse_unknown(profile, given)
    known = {name: Fact(value, "assumed by the profile") for name, value in profile.assume.items()}
    known |= _of_here() if target is None or target.local else {}
    known |= {} if target is None else _of_server(target)
    known |= {
        name: Fact(_fitting(profile, name, each), "--machine") for name, each in given.items()
    }
    needed = {name for each in profile.settings if each.formula for name in each.formula.names}
    order = [name for name in dict.fromkeys((*FACTS, *profile.assume)) if name in needed]
    if missing := [name for name in order if name not in known]:
        example = ",".join(f"{name}={_EXAMPLES[name]}" for name in missing)
        where = "" if target is None else f" of {target.host}"
        other = ", or the URL of the database, which may tell" if target is None else ""
        raise UsageError(
            f"the profile {profile.name} needs to know {', '.join(missing)}{where}",
            hint=f"--machine {example}{other}",
        )
    return {name: known[name] for name in order}


def show_fact(found: Quantity) -> str:
    """A fact as people read it: 64.0 GiB."""
    if isinstance(found.value, str):
        return found.value
    show = {"size": units.show_size, "duration": units.show_duration}.get(
        found.kind, units.show_count
    )
    return show(found.value)


def _given(name: str, value: str) -> Quantity:
    try:
        found = quantity(value)
    except Mistake as mistake:
        raise UsageError(f"--machine {name}={value}: {mistake}") from None
    kind = _KINDS.get(name, found.kind)
    positive = found.kind == "text" or float(found.value) > 0
    if found.kind != kind or not positive or (name == "disk" and found.value not in _DISKS):
        raise UsageError(
            f"--machine {name}={value}: that is no {name}",
            hint=f"write for example {name}={_EXAMPLES.get(name, '1')}",
        )
    return found


def _refuse_unknown(profile: Profile, given: Mapping[str, Quantity]) -> None:
    """A fact that another profile assumes is none of this one's, but no mistake either."""
    for name in given:
        if name not in _KINDS and name not in profile.assume:
            known = sorted(
                {*FACTS, *profile.assume, *(a for each in profiles() for a in each.assume)}
            )
            if name not in known:
                raise UsageError(
                    f"--machine {name}: no formula knows that", hint=nearest(name, known)
                )


def _fitting(profile: Profile, name: str, given: Quantity) -> Quantity:
    assumed = profile.assume.get(name)
    if assumed is not None and assumed.kind != given.kind:
        raise UsageError(
            f"--machine {name}: the profile {profile.name} takes a {assumed.kind}",
            hint=f"it assumes {show_fact(assumed)}",
        )
    return given


def _of_here() -> dict[str, Fact]:
    found = {
        "ram": Fact(Quantity(float(machine.memory_bytes()), "size"), "this machine"),
        "cores": Fact(Quantity(float(machine.cores()), "number"), "this machine"),
    }
    if disk := machine.disk():
        found["disk"] = Fact(Quantity(disk[0], "text"), f"this machine: {disk[1]}")
    return found


def _of_server(target: Target) -> dict[str, Fact]:
    if isinstance(target.settings, Missing):
        return {}
    return {
        name: Fact(
            Quantity(value if isinstance(value, str) else float(value), _KINDS[name]), "the server"
        )
        for name, value in target.settings.facts().items()
        if name in _KINDS
    }

"""What can be said of a scenario's checks before the load, and of what named limits are meant for."""

from perfkit.backends import datasets
from perfkit.backends.base import Target
from perfkit.drive.host import Host
from perfkit.drive.observer import Observer
from perfkit.drive.resources import metrics_before
from perfkit.errors import UsageError
from perfkit.results import Caveat
from perfkit.scenario import Scenario, Threshold
from perfkit.scenario.fields import nearest
from perfkit.units import show_count, show_size, size_bytes

_ROUGHLY = 0.9  # the size of a dataset is an estimate


def foresee(scenario: Scenario, target: Target, observer: Observer) -> None:
    """Says for what the limits are meant, and which checks will fail for want of their metric.

    The server is asked once which metrics it has; one that does not answer is no reason to refuse.
    UsageError for a check of a metric that there is not.
    """
    if targets := scenario.targets:
        observer.note(f"targets {targets.name}: {targets.purpose}")
    checks = [check for check in scenario.thresholds if check.path[0] in {"host", "server"}]
    if not checks:
        return
    known: dict[str, dict[str, str | None] | None] = {
        "host": {metric.name: None for metric in Host().sample(0)},
        "server": metrics_before(target.metrics, target.workload),
    }
    for check in checks:
        side, *name, _ = check.path
        metrics = known[side]
        if metrics is not None:
            _foresee(check, ".".join(name), metrics, observer)


def _foresee(
    check: Threshold, name: str, metrics: dict[str, str | None], observer: Observer
) -> None:
    if name not in metrics:
        raise UsageError(
            f"the check {check.text!r}: the {check.path[0]} has no metric {name!r}",
            hint=nearest(name, sorted(metrics)),
        )
    if why := metrics[name]:
        observer.warn(f"the check {check.text!r} will fail: {why}")


def shortfalls(scenario: Scenario) -> tuple[Caveat, ...]:
    """In what the load or its data are less than the limits are meant for, or can't be compared."""
    targets = scenario.targets
    if targets is None:
        return ()
    asked, had = [], []
    if targets.users is not None and (users := _users(scenario, targets.users)):
        asked.append(f"{show_count(targets.users)} users and more")
        had.append(users)
    if targets.data is not None and (data := _data(scenario, size_bytes(targets.data))):
        asked.append(f"{targets.data} of data")
        had.append(data)
    if not had:
        return ()
    message = f"{targets.name} is meant for {' on '.join(asked)}; this was {', with '.join(had)}"
    return (Caveat("below_targets", message),)


def _users(scenario: Scenario, wanted: int) -> str | None:
    """The users that there were; None when there were enough."""
    load = scenario.load
    most = max(max(stage.start, stage.end) for stage in load.stages)
    if load.model == "open":
        return f"an open load of up to {show_count(most)}/s, which has no users to count"
    return None if most >= wanted else f"{show_count(most)} users"


def _data(scenario: Scenario, wanted_bytes: int) -> str | None:
    """The data that there was; None when there was enough."""
    data = scenario.data
    if data is None or data.use is None:
        return "data whose size was not looked at"
    size = datasets.size_bytes(data)
    return None if size >= _ROUGHLY * wanted_bytes else f"about {show_size(size)} of data"

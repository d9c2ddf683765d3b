"""The profiles that ship: each works out on machines of every size, to values that its server takes."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from perfkit.backends import open_target
from perfkit.backends.base import Settings, need
from perfkit.tuning.facts import facts_for, machine_of
from perfkit.tuning.profile import Profile, load_profile
from perfkit.tuning.wanted import Wanted, worked_out

NAMES = sorted(path.stem for path in Path("profiles").glob("*.yml"))
MACHINES = (
    "ram=512MiB,cores=1,disk=hdd,connections=20",
    "ram=4GiB,cores=2,disk=ssd,connections=100",
    "ram=64GiB,cores=16,disk=ssd,connections=500",
    "ram=2TiB,cores=256,disk=ssd,connections=5000",
)
ASKED_FOR = {
    "sqlite-default", "sqlite-read-heavy", "sqlite-write-heavy", "sqlite-durable",
    "postgres-oltp", "postgres-analytics", "postgres-mixed", "postgres-bulk-load",
    "mongodb-read-heavy", "mongodb-write-heavy", "mongodb-bulk", "redis-cache", "redis-durable",
    "pgbouncer", "pool-postgresql", "pool-mongodb", "pool-redis",
}  # fmt: skip
FIXTURES = {"sqlite": "sqlite_url", "postgresql": "postgres_url", "mongodb": "mongo_url", "redis": "redis_url"}  # fmt: skip


def wanted_on(profile: Profile, machine: str) -> tuple[Wanted, ...]:
    given = machine_of([machine])
    return worked_out(profile, facts_for(profile, None, given))


def value_on(name: str, setting: str, machine: str) -> str:
    by_name = {each.name: each.value for each in wanted_on(load_profile(name), machine)}
    return by_name[setting]


def test_every_profile_that_was_asked_for_ships() -> None:
    assert set(NAMES) >= ASKED_FOR


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_has_a_reason_and_a_source(name: str) -> None:
    for setting in load_profile(name).settings:
        assert setting.reason.endswith("."), setting.name
        assert re.match(r"https://\S+", setting.source or ""), setting.name


@pytest.mark.parametrize("name", NAMES)
def test_what_may_be_lost_is_said_where_a_setting_gives_up_durability(name: str) -> None:
    risky = {"synchronous_commit": "off", "journal": "false", "w": "1", "save": ""}
    for setting in load_profile(name).settings:
        if risky.get(setting.name) == setting.value is not None:
            assert setting.risk, setting.name
        if setting.name == "synchronous" and setting.value == "normal":
            assert setting.risk, setting.name


@pytest.fixture
def settings(name: str, request: pytest.FixtureRequest) -> Settings:
    url = request.getfixturevalue(FIXTURES[load_profile(name).backend])
    return need(open_target(url).settings)


@pytest.mark.parametrize("name", NAMES)
def test_the_server_takes_every_value_on_every_machine(name: str, settings: Settings) -> None:
    profile = load_profile(name)
    values = {
        (each.name, each.value) for machine in MACHINES for each in wanted_on(profile, machine)
    }
    refused = {why for each in sorted(values) if (why := settings.problem(*each))}
    assert not refused


@pytest.mark.parametrize("name", NAMES)
def test_the_scope_is_what_the_server_does_with_the_setting(name: str, settings: Settings) -> None:
    for each in wanted_on(load_profile(name), MACHINES[1]):
        change = settings.change(each.name, each.value)
        assert change.restart == (each.scope == "restart"), each.name
        assert (change.statement is None) <= (each.scope in {"client", "restart"}), each.name
        if each.scope in {"session", "database"}:
            assert settings.why_not_in_session(each.name) is None, each.name


def test_memory_grows_with_the_machine_up_to_a_bound() -> None:
    small, middle, large, huge = MACHINES
    shared = [value_on("postgres-oltp", "shared_buffers", each) for each in MACHINES]
    assert shared == ["128MB", "1GB", "16GB", "16GB"]
    assert value_on("postgres-oltp", "work_mem", small) == "6553kB"
    assert value_on("postgres-oltp", "work_mem", middle) == "10485kB"
    assert value_on("postgres-oltp", "work_mem", huge) == "64MB"
    assert value_on("sqlite-read-heavy", "cache_size", small) == "-8192"
    assert value_on("sqlite-read-heavy", "mmap_size", large) == str(2**30)
    assert value_on("redis-cache", "maxmemory", middle) == "3GB"


def test_a_small_machine_is_not_promised_what_it_has_not() -> None:
    one_core = "ram=1GiB,cores=1,disk=ssd,connections=200"
    assert value_on("postgres-analytics", "max_parallel_workers_per_gather", one_core) == "0"
    assert value_on("postgres-mixed", "max_parallel_workers_per_gather", one_core) == "0"
    assert value_on("postgres-analytics", "work_mem", one_core) == "4MB"
    assert value_on("postgres-oltp", "max_wal_size", one_core) == "1GB"
    many_cores = "ram=512GiB,cores=64,disk=ssd,connections=200"
    assert value_on("postgres-oltp", "max_wal_size", many_cores) == "32GB"
    assert value_on("pgbouncer", "reserve_pool_size", many_cores) == "1"  # beside a pool of 7


@pytest.mark.parametrize(
    ("name", "first", "later"),
    [
        ("postgres-bulk-load", "max_wal_senders", "wal_level"),  # alone, the server does not start
        ("postgres-bulk-load", "archive_mode", "wal_level"),
        ("redis-durable", "maxmemory-policy", "maxmemory"),  # else a full server drops keys
    ],
)
def test_what_is_set_first_leaves_nothing_broken_if_the_rest_fails(
    name: str, first: str, later: str
) -> None:
    order = [each.name for each in load_profile(name).settings]
    assert order.index(first) < order.index(later)


@pytest.mark.parametrize("name", NAMES)
def test_its_head_says_when_not_to_use_it(name: str) -> None:
    head = Path(f"profiles/{name}.yml").read_text().partition("\nversion:")[0]
    assert all(line.startswith("#") for line in head.splitlines())
    assert re.search(r"\b[Nn]ot (for|where|before|behind|while|to be)\b", head)


def test_a_hard_disk_keeps_the_planner_s_price_of_random_pages() -> None:
    hdd, ssd, *_ = MACHINES
    assert value_on("postgres-oltp", "random_page_cost", hdd) == "4"
    assert value_on("postgres-oltp", "random_page_cost", ssd) == "1.1"


@pytest.mark.parametrize(
    ("facts", "size"),
    [
        ("cores=16,connections=500,rate=1000,hold=5ms", "7"),  # 1000/s × 5 ms = 5, and half as much
        ("cores=2,connections=500,rate=1000,hold=50ms", "5"),  # the cores: 2 × 2 + 1
        ("cores=64,connections=50,rate=10000,hold=50ms", "40"),  # the server's limit, less ten
        ("cores=64,connections=500,rate=1,hold=1ms", "2"),  # never fewer than two
        ("cores=16,connections=500,rate=10000,hold=50ms,pools=3", "11"),  # 33 shared by three
    ],
)
def test_a_pool_is_as_large_as_load_cores_and_server_allow(facts: str, size: str) -> None:
    assert value_on("pgbouncer", "default_pool_size", facts) == size


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("instances", [1, 4, 16])
def test_all_instances_together_leave_room_on_the_server(machine: str, instances: int) -> None:
    facts: Mapping[str, str] = dict(part.split("=") for part in machine.split(","))
    given = f"{machine},rate=100000,hold=1s,instances={instances}"
    pool = int(value_on("pool-postgresql", "max_size", given))
    assert pool == 2 or pool * instances <= (int(facts["connections"]) - 10) / 2

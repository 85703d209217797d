"""Bodies as Telegraf's agent posts them: seven measurements of twenty hosts every ten seconds, from a seed.

Telegraf writes the fields of a line in the random order of Go's maps unless told to sort them; tags are always sorted.
"""

import random

HOSTS = tuple(f"node{number:02}.rack{number % 4}.example.org" for number in range(20))
START_NS = 1_750_000_000_000_000_000
CORES = ("cpu0", "cpu1", "cpu2", "cpu3", "cpu-total")
CPU_FIELDS = ("guest", "guest_nice", "idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user")
MEM_FIELDS = (
    "active",
    "available",
    "buffered",
    "cached",
    "commit_limit",
    "committed_as",
    "dirty",
    "free",
    "high_free",
    "high_total",
    "huge_page_size",
    "huge_pages_free",
    "huge_pages_total",
    "inactive",
    "low_free",
    "low_total",
    "mapped",
    "page_tables",
    "shared",
    "slab",
    "sreclaimable",
    "sunreclaim",
    "swap_cached",
    "swap_free",
    "swap_total",
    "total",
    "used",
    "vmalloc_chunk",
    "vmalloc_total",
    "vmalloc_used",
    "write_back",
    "write_back_tmp",
)
NET_FIELDS = tuple(f"{what}_{way}" for what in ("bytes", "packets", "err", "drop") for way in ("recv", "sent"))
DISK_FIELDS = ("free", "total", "used", "inodes_free", "inodes_used")
MOUNTS = (("nvme0n1p1", "/"), ("nvme0n1p2", "/var/lib/containers"), ("sdc1", "/srv/cold\\ store"))
CONTAINERS = ("gateway", "ledger-6c4d", "cache")


def lines(count, *, seed=0, shuffled=True):
    """The first ``count`` lines, each without its line end."""
    chance = random.Random(seed)
    found, now_ns = [], START_NS
    while len(found) < count:
        for host in HOSTS:
            found += [_line(chance, shuffled, *metric) for metric in _of_host(chance, host, now_ns)]
        now_ns += 10_000_000_000
    return found[:count]


def body(count, *, seed=0, shuffled=True):
    """The same as one body of bytes, each line with its end."""
    return "".join([line + "\n" for line in lines(count, seed=seed, shuffled=shuffled)]).encode()


def _line(chance, shuffled, head, fields, time_ns):
    pairs = sorted(fields.items())
    if shuffled:
        chance.shuffle(pairs)
    return f"{head} {','.join([f'{key}={value}' for key, value in pairs])} {time_ns}"


def _of_host(chance, host, now_ns):
    for core in CORES:
        yield f"cpu,cpu={core},host={host}", {f"usage_{name}": _share(chance) for name in CPU_FIELDS}, now_ns
    mem = {name: f"{chance.randrange(10**10)}i" for name in MEM_FIELDS}
    yield f"mem,host={host}", mem | {"used_percent": _share(chance), "available_percent": _share(chance)}, now_ns
    for device, path in MOUNTS:
        sizes = {
            name: f"{chance.randrange(10**12)}i" for name in ("free", "total", "used", "inodes_free", "inodes_used")
        }
        head = f"disk,device={device},fstype=ext4,host={host},mode=rw,path={path}"
        yield head, sizes | {"inodes_total": "61054976i", "used_percent": _share(chance)}, now_ns
    for port in ("eth0", "docker0", "lo", "veth7f2e"):
        yield f"net,host={host},interface={port}", {name: _count(chance) for name in NET_FIELDS}, now_ns
    yield from _system(chance, host, now_ns)
    for container in CONTAINERS:
        yield from _container(chance, host, container, now_ns + chance.randrange(10**9))


def _system(chance, host, now_ns):
    head = f"system,host={host}"
    loads = {f"load{minutes}": f"{chance.random() * 4:.2f}" for minutes in (1, 5, 15)}
    yield head, loads | {"n_cpus": "4i", "n_users": f"{chance.randrange(5)}i", "n_unique_users": "1i"}, now_ns
    yield head, {"uptime": _count(chance)}, now_ns
    told = f'"{chance.randrange(90)} days, {chance.randrange(24):2}:{chance.randrange(60):02}"'
    yield head, {"uptime_format": told}, now_ns


def _container(chance, host, container, time_ns):
    tags = (
        f"container_image=registry.example.org/shop/{container},container_name={container},container_status=running,"
        f"container_version=3.1.4,engine_host={host.partition('.')[0]},host={host},server_version=26.1.4"
    )
    identity = {"container_id": f'"{chance.getrandbits(256):064x}"', "usage_percent": _share(chance)}
    anonymous = ("active_anon", "active_file", "inactive_anon", "inactive_file", "max_usage", "pgfault", "pgmajfault")
    memory = {name: _count(chance) for name in (*anonymous, "total_pgfault", "unevictable", "usage", "limit")}
    yield f"docker_container_mem,{tags}", memory | identity, time_ns
    times = ("throttling_periods", "throttling_throttled_periods", "throttling_throttled_time", "usage_in_kernelmode")
    spent = {name: _count(chance) for name in (*times, "usage_in_usermode", "usage_system", "usage_total")}
    yield f"docker_container_cpu,cpu=cpu-total,{tags}", spent | identity, time_ns


def _share(chance):
    """A percentage, nothing in one case of four, as an idle machine has them."""
    return "0" if chance.random() < 0.25 else repr(chance.random() * 100)


def _count(chance):
    return f"{chance.randrange(10**9)}i"

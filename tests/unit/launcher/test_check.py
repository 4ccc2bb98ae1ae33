"""What cannot work is refused before anything is started."""

from __future__ import annotations

import os
import socket

import pytest

from target_platform.launcher.check import check_ports_free, check_spec, listener_of, ports_of
from target_platform.launcher.errors import LauncherError
from target_platform.launcher.spec import InstanceSpec, LaunchSpec, LinkSpec, ProxySpec


def instance(name: str, port: int, service: str = "s", after: tuple[str, ...] = (), region: str = "r1") -> InstanceSpec:
    return InstanceSpec(name=name, service=service, region=region, port=port, after=after, command=("true",))


def spec(*instances: InstanceSpec) -> LaunchSpec:
    return LaunchSpec(name="trial", regions=("r1", "r2"), instances=instances)


def link(port: int) -> LinkSpec:
    return LinkSpec(
        name="a-to-b",
        source="a",
        source_region="r1",
        destination="b",
        destination_region="r1",
        destination_instance="r1/b-1",
        listen_port=port,
        upstream_port=1,
    )


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (spec(instance("a", 1), instance("a", 2)), "two instances are called a"),
        (spec(instance("a", 1), instance("b", 1)), "port 1 is given to a and b"),
        (spec(instance("../a", 1)), "cannot be the name"),
        (spec(instance("r1/../a", 1)), "cannot be the name"),
        (spec(instance("r1/a", 1), instance("a", 2)), "would write the same log"),
        (spec(instance("zygote", 1)), "cannot be the name"),
        (spec(instance("proxy-r1", 1)), "cannot be the name"),
        (spec(instance("a", 1, region="mars")), "region 'mars', which is not listed"),
        (spec(instance("a", 1, after=("b",))), "after 'b', which no instance offers"),
        (spec(instance("a", 1, "a", ("b",)), instance("b", 2, "b", ("a",))), "wait for each other"),
        (LaunchSpec(name="trial", regions=("r1",), instances=(), links=(link(5),)), "no proxy carries the link a-to-b"),
    ],
)
def test_a_spec_that_cannot_work_is_bad_input(wrong: LaunchSpec, sentence: str) -> None:
    with pytest.raises(LauncherError, match=sentence) as refusal:
        check_spec(wrong)
    assert refusal.value.kind == "bad input"


def test_a_spec_that_can_work_passes_and_its_ports_are_known_with_their_users() -> None:
    right = LaunchSpec(
        name="trial",
        regions=("r1",),
        instances=(instance("r1/b-1", 1, "b"), instance("a-1", 2, "a", ("b",))),
        links=(link(3),),
        proxies=(ProxySpec(region="r1", api_port=4),),
        proxy_command=("proxy",),
    )
    check_spec(right)
    assert ports_of(right) == [(1, "r1/b-1"), (2, "a-1"), (4, "proxy-r1"), (3, "proxy-r1")]


def test_a_port_in_use_is_named_with_its_user_and_a_free_one_is_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert listener_of(port) == os.getpid()
        with pytest.raises(LauncherError, match=f"port {port}, which a needs, .* by process {os.getpid()} "):
            check_ports_free([(port, "a")])
    check_ports_free([(port, "a")])

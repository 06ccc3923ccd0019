"""The unit file of the agent: it starts what there is, and shuts what the agent does not need."""

from pathlib import Path

from cc_edge import cli

UNIT = Path(__file__).parents[2] / "edge" / "examples" / "systemd" / "cc-edge.service"
LINES = [line.partition("=")[::2] for line in UNIT.read_text().splitlines() if "=" in line and not line.startswith("#")]
SHUT = {
    "NoNewPrivileges": "yes",
    "CapabilityBoundingSet": "",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateDevices": "yes",
    "RestrictSUIDSGID": "yes",
    "SystemCallFilter": "~@privileged @resources",
    "UMask": "0077",
}


def test_what_it_starts_is_a_command_of_ours_in_the_folder_it_may_write():
    program, *arguments = dict(LINES)["ExecStart"].split()
    options = cli._parser().parse_args(arguments)
    assert Path(program).name == "cc-edge"
    assert (options.command, str(options.dir)) == (cli._run, f"/var/lib/{dict(LINES)['StateDirectory']}")
    assert dict(LINES)["RestartPreventExitStatus"].split() == ["5", "6"]


def test_it_shuts_what_the_agent_does_not_need():
    assert {name: dict(LINES).get(name) for name in SHUT} == SHUT

"""Tasks on a Ray cluster: the contract of all executors, and what a node must have to be trusted."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from kdaudit.errors import DeviceError
from kdaudit.execute import EXECUTORS, RayCluster
from kdaudit.execute.raycluster import _done_here, _Surroundings
from kdaudit.execute.raynodes import FOLDER, connect, differences, found_here, unfit
from tests.execute import jobs
from tests.execute.contract import NOTICES, WorkersContract, ends_soon, ignore, pids_in, posix

pytest.importorskip("ray", reason="the extra [ray] is not installed")
pytestmark = pytest.mark.ray
# What starts an instance: seconds each.
started = pytest.mark.slow


@pytest.fixture(scope="module")
def pool() -> Iterator[RayCluster]:
    """An instance on this machine for all tests that leave it as it was."""
    with RayCluster("local", n_workers=2, initializer=jobs.set_up, notice=NOTICES.append) as two:
        yield two


@started
class TestContract(WorkersContract):
    """The instance of this module."""


def test_ray_is_a_registered_executor() -> None:
    """Beside the local pool."""
    assert EXECUTORS["ray"] is RayCluster


@started
def test_the_place_is_named(pool: RayCluster) -> None:
    """As the end of a sentence; no more tasks at once than there is room for."""
    assert "on a Ray cluster of 1 node (local), 2 at once" == pool.place


@started
def test_tasks_run_where_they_were_handed_out(pool: RayCluster) -> None:
    """Relative paths mean the same on a node as here."""
    (here,) = pool.map(jobs.read_beside, ["pyproject.toml"], progress=ignore)
    assert Path("pyproject.toml").read_text(encoding="utf-8") == here


@started
def test_every_node_can_be_asked(pool: RayCluster) -> None:
    """One answer for each."""
    (node,) = pool.nodes
    assert (2, 0, ()) == (node.n_cpus, node.n_gpus, node.problems)
    assert {node: 49} == pool.everywhere(jobs.square, 7, nodes=pool.nodes)


@started
def test_ray_says_nothing_on_standard_output(
    pool: RayCluster, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """That is where the report goes; and a worker that dies is told of by our notice alone."""
    assert [2] == list(pool.map(jobs.die_a_few_times, [(tmp_path, 1)], progress=ignore))
    time.sleep(2)  # it would come a moment later
    assert ("", "") == capfd.readouterr()


def test_no_ray_is_loaded_where_none_is_asked_for() -> None:
    """The package that holds the executor can do without it."""
    code = "import sys, kdaudit.pipeline.audit, kdaudit.pipeline.doctor; print('ray' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "False" == shown.stdout.strip()


def test_no_ray_installed_invalid(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the extra."""
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(DeviceError, match="expected the package ray for --ray-address, found: ") as caught:
        connect("local", n_cpus=1)
    assert "pip install 'kdaudit[ray]'" == caught.value.hint


@pytest.mark.parametrize("by_variable", [False, True])
def test_an_address_where_nothing_listens_invalid(by_variable: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said at once, where Ray tries for minutes; no instance is started instead. Ray's own variable counts."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        if by_variable:
            monkeypatch.setenv("RAY_ADDRESS", address)
        with pytest.raises(
            DeviceError, match=f"expected a Ray cluster at {address}, found: .*refused"
        ) as caught:
            connect("auto" if by_variable else address, n_cpus=1)
    assert "docs/how-to/cluster.md" in str(caught.value.hint)


@started
def test_a_second_connection_of_one_process_invalid(pool: RayCluster) -> None:
    """Ray has one a process; what it says of a second is passed on."""
    with pytest.raises(DeviceError, match=r"expected a Ray cluster at local, found: .*ray\.init"):
        connect("local", n_cpus=1)


def test_differences_are_named_by_hand() -> None:
    """Each with both versions."""
    here = {"torch": "2.9.0", "numpy": "2.4.6", FOLDER: "/work"}
    assert () == differences(here, dict(here))
    assert (
        "expected torch 2.9.0, found 2.8.1",
        "expected the working directory /work, found nothing",
    ) == differences(here, {**here, "torch": "2.8.1", FOLDER: "nothing"})


def test_what_is_missing_is_found_to_be_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package, and the working directory."""
    real = metadata.version

    def without_torch(name: str) -> str:
        if name == "torch":
            raise metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(metadata, "version", without_torch)
    found = found_here(str(tmp_path / "gone"))
    assert ("nothing", "nothing") == (found["torch"], found[FOLDER])
    assert metadata.version("numpy") == found["numpy"]


def test_a_node_that_joined_with_other_versions_refuses_its_tasks_invalid() -> None:
    """Nodes are compared at the start; one that comes later compares itself."""
    here = {**found_here(str(Path.cwd())), "torch": "0.1"}
    with pytest.raises(DeviceError, match=r"the Ray node .*: expected torch 0.1, found \d"):
        _done_here((_Surroundings(here=here, path=()), b""), ignore)


def test_what_is_said_of_an_unfit_node() -> None:
    """Its name, what it lacks, and what all nodes need."""
    error = unfit("n7 (10.0.0.7)", "expected torch 2.9.0, found nothing")
    assert "the Ray node n7 (10.0.0.7): expected torch 2.9.0, found nothing" == error.message
    assert "the same versions and one shared file system" in str(error.hint)


PROGRAM = """
import os, signal, sys
from pathlib import Path
from kdaudit.execute import RayCluster
from tests.execute import jobs

if __name__ == "__main__":
    with RayCluster("local", n_workers=2) as pool:
        list(pool.map(jobs.note_pid_and_sleep, [Path(sys.argv[1])] * 3, progress=print))
"""


@started
@posix
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill -9"])
def test_no_worker_outlives_the_program(how: signal.Signals, tmp_path: Path) -> None:
    """Ctrl-C reaches the whole process group and ends it in silence but for its traceback; kill -9 only the program."""
    script = tmp_path / "sleepers.py"
    script.write_text(PROGRAM)
    program = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert jobs.wait_for(tmp_path, "*.pid", n=2)
    (os.killpg if how is signal.SIGINT else os.kill)(program.pid, how)
    said, errors = program.communicate(timeout=60)
    assert (-how, b"", int(how is signal.SIGINT)) == (program.returncode, said, errors.count(b"Traceback"))
    assert all(ends_soon(worker) for worker in pids_in(tmp_path))

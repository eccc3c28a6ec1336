"""Clusters of several nodes, all on this machine: nodes that differ, that die, and that have GPUs (in name)."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kdaudit.errors import DeviceError, TrainingError
from kdaudit.execute import RayCluster
from tests.execute import jobs
from tests.execute.contract import ignore

pytest.importorskip("ray", reason="the extra [ray] is not installed")
pytestmark = [pytest.mark.ray, pytest.mark.slow]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head without room for tasks, to which tests add nodes."""
    from ray.cluster_utils import Cluster

    started = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    yield started
    started.shutdown()


def test_a_node_with_another_version_is_named(cluster: Any, tmp_path: Path) -> None:
    """The two nodes are looked at, and one has a package of another version before ours."""
    fake = tmp_path / "torch-0.1.dist-info"
    fake.mkdir()
    (fake / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 0.1\n", encoding="utf-8")
    added = [
        cluster.add_node(num_cpus=1, env_vars={"PYTHONPATH": f"{tmp_path}{os.pathsep}{Path.cwd()}"}),
        cluster.add_node(num_cpus=1),
    ]
    with RayCluster(cluster.address, n_workers=None) as pool:
        problems = sorted(node.problems for node in pool.nodes)
        assert 2 == pool.n_workers
        assert "on a Ray cluster of 2 nodes" in pool.place
    for node in added:
        cluster.remove_node(node)
    fit, unfit = problems
    assert () == fit
    (problem,) = unfit
    assert problem.startswith("expected torch ")
    assert problem.endswith(", found 0.1")


def test_what_a_dead_node_did_is_done_by_another_and_the_last_one_ends_the_run(
    cluster: Any, tmp_path: Path
) -> None:
    """All results are there; when no node is left the run says so, where Ray would wait for ever."""
    first, second = cluster.add_node(num_cpus=1), cluster.add_node(num_cpus=1)
    notices: list[str] = []
    with RayCluster(cluster.address, n_workers=None, notice=notices.append) as pool:
        folder = tmp_path / "one"
        folder.mkdir()

        def kill_one() -> None:
            jobs.wait_for(folder, "*.there", n=2)
            cluster.remove_node(second, allow_graceful=False)
            jobs.wait_for_an_end(
                folder
            )  # a worker outlives its node by a moment, in which it could end its task
            (folder / "go").touch()

        threading.Thread(target=kill_one).start()
        assert [0, 1, 2] == list(
            pool.map(jobs.work_until_told, [(folder, n) for n in range(3)], progress=ignore)
        )
        (said,) = notices
        assert said.startswith("a worker was lost, its task begins anew (try 2 of 3): ")
        assert "node" in said
        assert "ID" not in said

        folder = tmp_path / "last"
        folder.mkdir()

        def kill_the_last() -> None:
            jobs.wait_for(folder, "*.there", n=1)
            cluster.remove_node(first, allow_graceful=False)

        threading.Thread(target=kill_the_last).start()
        rest = pool.map(jobs.work_until_told, [(folder, n) for n in range(2)], progress=ignore)
        with pytest.raises(
            TrainingError, match=r"expected a node with a CPU in the Ray cluster .*, found none left"
        ) as caught:
            next(rest)
        assert "start nodes again; finished controls are kept" in str(caught.value.hint)


def test_each_task_has_a_gpu_of_its_own(cluster: Any) -> None:
    """By Ray's own count, which believes what it is told; as many tasks at once as there are GPUs."""
    node = cluster.add_node(num_cpus=4, num_gpus=2)
    with RayCluster(cluster.address, n_workers=None, needs_gpu=True) as pool:
        assert 2 == pool.n_workers
        assert {"0", "1"} == set(pool.map(jobs.gpus, range(4), progress=ignore))
    cluster.remove_node(node)


def test_a_cluster_without_a_gpu_invalid(cluster: Any) -> None:
    """Nothing waits for one."""
    node = cluster.add_node(num_cpus=1)
    with (
        pytest.raises(DeviceError, match=r"expected a GPU in the Ray cluster at .*, found none") as caught,
        RayCluster(cluster.address, n_workers=None, needs_gpu=True),
    ):
        pass
    cluster.remove_node(node)
    assert "--device cpu" in str(caught.value.hint)


def test_a_head_that_dies_ends_the_run_as_an_error(tmp_path: Path) -> None:
    """In time: a minute later Ray would end this process with the exit code of a student that fails."""
    script = tmp_path / "headless.py"
    script.write_text(HEADLESS)
    ended = subprocess.run(
        [sys.executable, str(script), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert 4 == ended.returncode, ended.stderr
    assert "expected a Ray cluster at " in ended.stdout
    assert "refused" in ended.stdout


HEADLESS = """
import sys, threading
from pathlib import Path
from ray.cluster_utils import Cluster
from kdaudit.errors import DeviceError
from kdaudit.execute import RayCluster
from tests.execute import jobs

if __name__ == "__main__":
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    folder = Path(sys.argv[1])

    def kill_the_head():
        jobs.wait_for(folder, "*.pid")
        cluster.head_node.kill_gcs_server(check_alive=False)

    threading.Thread(target=kill_the_head, daemon=True).start()
    try:
        with RayCluster(cluster.address, n_workers=None) as pool:
            list(pool.map(jobs.note_pid_and_sleep, [folder], progress=print))
    except DeviceError as error:
        print(error)
        sys.exit(error.exit_code)
"""

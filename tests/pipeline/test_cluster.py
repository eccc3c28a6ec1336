"""Audits on a Ray cluster: refused where nodes do not see what tasks name, and else the same as on one machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from kdaudit.errors import DeviceError, ModelError, SpecError
from kdaudit.execute import RayCluster
from kdaudit.execute.raynodes import Node
from kdaudit.models.identify import identify
from kdaudit.options import AuditSpec
from kdaudit.pipeline.audit import audit, training_plans
from kdaudit.pipeline.cluster import SeenTask, check_ray_options, node_problems, not_seen, require_fit
from kdaudit.pipeline.doctor import cluster_checks
from kdaudit.pipeline.network import files_read
from kdaudit.pipeline.plan import prepare
from kdaudit.pipeline.store import open_store
from kdaudit.types import ModelRef, OutputKind, ProgressEvent, Role
from tests.cli.conftest import process
from tests.execute.contract import ignore
from tests.pipeline.conftest import Auditor
from tests.planted import World, flawed_world
from tests.trainable import TrainableWorld, trainable_world, training_spec

GOOD = Node(id="a", name="n1 (10.0.0.1)", n_cpus=4, n_gpus=0)
OLD = replace(GOOD, id="b", name="n2 (10.0.0.2)", problems=("expected torch 2.9.0, found 2.8.1",))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> TrainableWorld:
    """A dense teacher and student of noisy blobs."""
    return trainable_world(tmp_path_factory.mktemp("trainable"))


@pytest.fixture
def model(world: TrainableWorld) -> ModelRef:
    """The student."""
    path = world.path("student.onnx")
    return identify(
        path, role=Role.STUDENT, name="student", output=OutputKind.LOGITS, arch=None, arch_args=None
    )


class Nodes:
    """A cluster of these nodes, of which each runs its task here; `blind` ones in a folder without the cache."""

    def __init__(self, *nodes: Node, blind: str = "") -> None:
        self.nodes = nodes
        self._blind = blind

    def everywhere(
        self, function: Callable[..., object], task: SeenTask, *, nodes: Sequence[Node]
    ) -> Mapping[Node, object]:
        """What the task comes to, for those that are asked."""
        moved = replace(task, token=Path(self._blind, task.token.name)) if self._blind else task
        return {node: function(moved, ignore) for node in nodes}


def cluster(*nodes: Node, blind: str = "") -> RayCluster:
    """The double of a cluster, by its type."""
    return cast("RayCluster", Nodes(*nodes, blind=blind))


def test_a_node_that_sees_everything_lacks_nothing(model: ModelRef, tmp_path: Path) -> None:
    """Nothing is left in the cache."""
    require_fit(cluster(GOOD), tmp_path, [model])
    assert [(GOOD, "")] == list(node_problems(cluster(GOOD), tmp_path, [model]))
    assert [] == list(tmp_path.iterdir())


def test_a_node_of_another_version_is_named_and_not_asked_more_invalid(tmp_path: Path) -> None:
    """What it lacks is said of the first that lacks anything."""
    with pytest.raises(DeviceError, match=r"the Ray node n2 \(10.0.0.2\): expected torch 2.9.0, found 2.8.1"):
        require_fit(cluster(GOOD, OLD), tmp_path, [])


def test_a_node_that_does_not_see_the_cache_is_named_invalid(tmp_path: Path) -> None:
    """By its name and the path."""
    gone = tmp_path / "gone"
    with pytest.raises(
        DeviceError, match=rf"n1 .*: expected the cache at {gone}, found nothing there"
    ) as caught:
        require_fit(cluster(GOOD, blind=str(gone)), tmp_path, [])
    assert "one shared file system" in str(caught.value.hint)


def test_another_cache_of_the_same_name_is_not_taken_for_ours(tmp_path: Path) -> None:
    """A folder of that name on the node's own disk lacks the file that was just written."""
    said = f"expected the cache at {tmp_path}, found another folder of that name"
    task = SeenTask(token=tmp_path / "token", text="ours", models=())
    assert said == not_seen(task, ignore)
    (tmp_path / "token").write_text("theirs", encoding="utf-8")
    assert said == not_seen(task, ignore)
    (tmp_path / "token").write_text("ours", encoding="utf-8")
    assert "" == not_seen(task, ignore)


def test_models_are_looked_at_by_digest(model: ModelRef, tmp_path: Path) -> None:
    """Another file of the same name is no such model, and a missing one is said to be missing."""
    other = replace(model, sha256="0" * 64)
    with pytest.raises(
        DeviceError, match=rf"student.onnx with SHA-256 {'0' * 16}, found {model.sha256[:16]}"
    ):
        require_fit(cluster(GOOD), tmp_path, [other])
    (tmp_path / "token").write_text("ours", encoding="utf-8")
    gone = SeenTask(token=tmp_path / "token", text="ours", models=(replace(model, path="gone.onnx"),))
    with pytest.raises(ModelError, match=r"at gone.onnx, found nothing there"):
        not_seen(gone, ignore)


def test_the_code_of_an_architecture_is_looked_at_by_digest(model: ModelRef, tmp_path: Path) -> None:
    """A file of the user's own, wherever it is named; a module is what is installed."""
    code = tmp_path / "net.py"
    code.write_text("net = None\n", encoding="utf-8")
    of_file = replace(model, arch=f"{code}:net")
    require_fit(cluster(GOOD), tmp_path, [of_file, replace(model, arch="torchvision.models:resnet18"), model])
    (tmp_path / "token").write_text("ours", encoding="utf-8")
    task = SeenTask(token=tmp_path / "token", text="ours", models=(), code={str(code): "0" * 64})
    assert f"expected {code} with SHA-256 {'0' * 16}, found " in not_seen(task, ignore)
    code.unlink()
    with pytest.raises(ModelError, match=rf"expected the architecture's file at {code}, found nothing there"):
        not_seen(task, ignore)


def test_nodes_are_asked_for_all_that_controls_are_made_of(world: TrainableWorld, tmp_path: Path) -> None:
    """The given models, and the files of --student-train-as and --init-from; each once."""
    spec = training_spec(world, tmp_path / "cache")
    with open_store(tmp_path / "cache", keep=True, resume=True) as store:
        plain = prepare(spec, store, progress=ignore)
        assert plain.given == files_read(plain)
        teacher = spec.teacher
        more = replace(plain, spec=replace(spec, student_train_as=teacher, init_from=teacher))
        assert [teacher, *spec.students, teacher, teacher] == [model.path for model in files_read(more)]
        assert 4 == len(set(files_read(more)))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"ray_address": "ray://head:10001"},
            "expected --ray-address HOST:PORT, auto or local, found 'ray://head",
        ),
        ({"ray_address": "head"}, "expected --ray-address HOST:PORT, auto or local, found 'head'"),
        (
            {"ray_address": "auto", "workers": 0},
            "expected --workers of at least 1 with --ray-address, found 0",
        ),
        (
            {"ray_address": "auto", "device": "cuda:1"},
            "expected --device cuda with --ray-address, found cuda:1",
        ),
    ],
)
def test_options_that_do_not_go_with_a_cluster_invalid(options: dict[str, Any], said: str) -> None:
    """Said before anything is read."""
    with pytest.raises(SpecError, match=said):
        check_ray_options(AuditSpec(teacher="t", students=("s",), data="d", **options))


@pytest.mark.parametrize("address", [None, "auto", "local", "head:6379", "10.0.0.1:6379", "[::1]:6379"])
def test_addresses_that_are_taken(address: str | None) -> None:
    """As Ray writes them."""
    check_ray_options(AuditSpec(teacher="t", students=("s",), data="d", ray_address=address))


def test_nothing_is_connected_where_nothing_is_trained(audited: Auditor, tmp_path: Path) -> None:
    """Ready-made controls need no cluster: one that is not there goes unnoticed."""
    world: World = flawed_world(tmp_path / "world", copied=0.5, n=600)
    assert audited(world, ray_address="127.0.0.1:1").n_controls


def test_a_cluster_that_is_not_there_ends_the_audit_invalid(world: TrainableWorld, tmp_path: Path) -> None:
    """Before anything is predicted."""
    pytest.importorskip("ray", reason="the extra [ray] is not installed")
    spec = training_spec(world, tmp_path / "cache", ray_address="127.0.0.1:1", workers=None)
    with pytest.raises(DeviceError, match=r"expected a Ray cluster at 127.0.0.1:1, found: .*refused"):
        audit(spec)
    assert not list((tmp_path / "cache").glob("predictions/*"))


def test_the_doctor_says_that_no_cluster_is_there(tmp_path: Path) -> None:
    """As a broken line, not as an error."""
    pytest.importorskip("ray", reason="the extra [ray] is not installed")
    (check,) = cluster_checks("127.0.0.1:1", tmp_path / "cache")
    assert ("Ray cluster", "broken") == (check.what, check.state)
    assert "expected a Ray cluster at 127.0.0.1:1" in check.found
    assert "docs/how-to/cluster.md" in check.advice


def weights(cache: Path) -> dict[str, str]:
    """SHA-256 of every control's weights, by the control's key."""
    files = cache.glob("controls/*/weights.safetensors")
    return {file.parent.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.mark.ray
@pytest.mark.slow
def test_controls_of_a_cluster_are_those_of_one_machine_and_are_kept(
    world: TrainableWorld, tmp_path: Path
) -> None:
    """Byte for byte, of all kinds; the report goes to standard output alone; a second run trains nothing."""
    counts = {"controls": 3, "random_controls": 1, "positive_controls": 1, "workers": 2}
    local = training_spec(world, tmp_path / "local", **counts)
    (here,) = audit(local)
    options = [f"--{name.replace('_', '-')}={value}" for name, value in counts.items()]
    options += ["--data", local.data, "--train-data", str(local.train_data), "--epochs=6", "--lr=3e-3"]
    options += ["--batch-size=60", "--device=cpu", "--ray-address=local", "--format=json", "--exit-zero"]
    command = ["check", local.teacher, *local.students, *options]
    first, second = (process(*command, cwd=tmp_path) for _ in range(2))
    assert (0, 0) == (first.returncode, second.returncode), first.stderr
    assert 5 == len(weights(tmp_path / "local"))
    assert weights(tmp_path / "local") == weights(tmp_path / "cache")
    there, again = json.loads(first.stdout), json.loads(second.stdout)
    expected = [(m.name, m.sha256, m.accuracy) for m in here.result.models]
    assert expected == [(m["name"], m["sha256"], m["accuracy"]) for m in there["models"]]
    assert "5 of 5 to train" in first.stderr
    assert "on a Ray cluster of 1 node (local), 2 at once" in first.stderr
    assert "all 5 are kept from an earlier run" in second.stderr
    assert [m["seconds"] for m in there["models"]] == [m["seconds"] for m in again["models"]]


@pytest.mark.ray
@pytest.mark.slow
def test_an_audit_that_loses_a_node_comes_to_the_same(
    world: TrainableWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Byte for byte; the user is told of the node, once."""
    pytest.importorskip("ray", reason="the extra [ray] is not installed")
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # no token in the home folder of whoever runs this
    # A worker outlives its node by a moment, in which it must not come to its end.
    options = {"controls": 2, "random_controls": 0, "positive_controls": 0, "epochs": "300"}
    started = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        nodes = [started.add_node(num_cpus=1) for _ in range(2)]
        training: set[str] = set()

        def take_a_node_away(event: ProgressEvent) -> None:
            if event.stage == "train" and nodes:
                training.add(event.name)
                if {"independent/0", "independent/1"} <= training:
                    started.remove_node(nodes.pop(), allow_graceful=False)
                    nodes.clear()

        said: list[str] = []
        spec = training_spec(
            world, tmp_path / "cluster", ray_address=started.address, workers=None, **options
        )
        audit(spec, progress=take_a_node_away, notice=said.append)
    finally:
        started.shutdown()
    assert not nodes
    assert 1 == sum("a worker was lost, its task begins anew (try 2 of 3): " in line for line in said), said
    audit(training_spec(world, tmp_path / "local", **options))
    assert 2 == len(weights(tmp_path / "local"))
    assert weights(tmp_path / "local") == weights(tmp_path / "cluster")


@pytest.mark.ray
@pytest.mark.slow
def test_the_doctor_and_a_dry_run_name_the_nodes(
    world: TrainableWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with its room, or where training would take place."""
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # no token in the home folder of whoever runs this
    (check,) = cluster_checks("local", tmp_path / "cache")
    assert ("Ray node", "works") == (check.what, check.state)
    assert check.found.endswith("0 GPUs; same versions, sees the cache")
    (plan,) = training_plans(training_spec(world, tmp_path / "cache", ray_address="local", workers=1))
    assert "on a Ray cluster of 1 node (local), 1 at once" == plan.place

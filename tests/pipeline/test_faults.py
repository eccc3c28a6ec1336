"""Faults of the machine: a full disk, killed processes, two runs at once, damaged and read-only folders.

Whatever happens, the error is one of kdaudit's with a way out, what was finished is kept, nothing unfinished looks
finished, and the same command works once the fault is gone.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from kdaudit.cli.documents import check_writable, write_documents, write_text
from kdaudit.controls.targets import LabelTargets
from kdaudit.controls.train import measure_step_seconds
from kdaudit.data import DataOptions, load_data
from kdaudit.errors import DataError, KDAuditError, RenderError, SpecError, TrainingError
from kdaudit.options import AuditSpec, OutputSpec
from kdaudit.pipeline.audit import audit, training_plans
from kdaudit.pipeline.judged import Audited
from kdaudit.pipeline.store import Store, open_store
from kdaudit.types import DataRef, ModelRef, OutputKind, Predictions, ProgressEvent, Role
from tests.controls.fakes import SGD, Watched, blobs, dense, train
from tests.pipeline.conftest import Auditor
from tests.planted import World, flawed_world
from tests.trainable import TrainableWorld, trainable_world, training_spec

posix = pytest.mark.skipif(os.name == "nt", reason="limits, signals and devices of POSIX")
linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc and capabilities")
ROOM = "free some space, name another folder with --cache-dir, or keep nothing with --no-cache"


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Models with planted answers and five ready-made controls: quick to audit."""
    return flawed_world(tmp_path_factory.mktemp("planted"), n_controls=5)


@pytest.fixture(scope="module")
def trainable(tmp_path_factory: pytest.TempPathFactory) -> TrainableWorld:
    """A task with training data."""
    return trainable_world(tmp_path_factory.mktemp("trainable"))


@pytest.fixture
def spec(trainable: TrainableWorld, tmp_path: Path) -> Callable[..., AuditSpec]:
    """An audit that trains three small controls in this process, long enough for all of them to be fit."""

    def make(**options: object) -> AuditSpec:
        counts: dict[str, object] = {"controls": 3, "random_controls": 0, "positive_controls": 0}
        return training_spec(trainable, tmp_path / "cache", **{**counts, **options})

    return make


@contextmanager
def full_disk(largest: int) -> Iterator[None]:
    """Inside, no file can grow beyond `largest` bytes, in this process and its children: the kernel refuses to write.

    It says "File too large" where a full disk has "No space left on device".
    """
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def hidden(cache: Path) -> list[Path]:
    """What a killed or failed write would leave."""
    return [path for path in cache.rglob("*") if path.name.startswith(".") or path.suffix == ".partial"]


def digests(audits: tuple[Audited, ...]) -> list[str]:
    """Of all models of all audits."""
    return [model.sha256 for audited in audits for model in audited.result.models]


def pictures(folder: Path) -> Path:
    """Two classes of four pictures, 3 kB each when decoded."""
    rng = np.random.default_rng(0)
    for path in (folder / label / f"{i}.png" for label in "ab" for i in range(4)):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (32, 32, 3), dtype=np.uint8)).save(path)
    return folder


def test_a_full_disk_while_data_is_decoded(tmp_path: Path, planted: World) -> None:
    """An archive and a folder of pictures: nothing is left that looks decoded, and a second try succeeds."""
    for location in (planted.data, str(pictures(tmp_path / "pictures"))):
        cache = tmp_path / f"cache of {Path(location).name}"
        with full_disk(20_000), pytest.raises(DataError) as caught:
            load_data(location, cache=cache, options=DataOptions())
        assert f"expected to write examples to the cache at {cache}, found: File too large" in str(
            caught.value
        )
        assert ROOM == caught.value.hint
        assert [".lock"] == [path.suffix for path in (cache / "data").iterdir()]
        assert len(load_data(location, cache=cache, options=DataOptions()).labels)


def entries_in(folder: Path) -> list[Path]:
    """What is kept there, but for locks and what is unfinished."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def test_a_full_disk_while_predictions_are_kept(audited: Auditor, planted: World, tmp_path: Path) -> None:
    """Predictions that were kept stay; the others are kept by the next run."""
    first = audited(planted)
    kept, *lost = entries_in(tmp_path / "cache" / "predictions")
    for folder in lost:
        shutil.rmtree(folder)
    before = (kept / "logits.npy").stat().st_mtime_ns
    with full_disk(10_000), pytest.raises(DataError) as caught:
        audited(planted)
    assert f"expected to keep predictions in the cache at {tmp_path / 'cache'}, found: " in str(caught.value)
    assert ROOM == caught.value.hint
    assert [kept] == entries_in(tmp_path / "cache" / "predictions")
    assert first.kappa_W == audited(planted).kappa_W
    assert before == (kept / "logits.npy").stat().st_mtime_ns


def test_a_full_disk_while_a_control_is_kept(spec: Callable[..., AuditSpec], tmp_path: Path) -> None:
    """Finished controls stay as they are; the same command trains only the one that is missing."""
    first = audit(spec())
    controls = tmp_path / "cache" / "controls"
    lost, *kept = sorted(path for path in controls.iterdir() if not path.name.startswith("."))
    assert 2 == len(kept)  # none was unfit and trained again
    shutil.rmtree(lost)
    with (
        full_disk(1_000),
        pytest.raises(TrainingError, match="cannot write the weights of a control to") as caught,
    ):
        audit(spec())
    assert "--cache-dir" in (caught.value.hint or "")
    assert kept == sorted(controls.iterdir())
    notices: list[str] = []
    assert digests(first) == digests(audit(spec(), notice=notices.append))
    assert "controls: 1 of 3 to train" in notices[0]


def test_a_full_disk_while_a_number_is_kept(tmp_path: Path) -> None:
    """A pilot's accuracy that is not written whole is not there."""
    store = Store(root=tmp_path)
    with full_disk(3), pytest.raises(DataError, match="expected to keep numbers in the cache at"):
        store.keep_number("k", 0.123456)
    assert store.number("k") is None
    assert [] == hidden(tmp_path)


def shown(_audited: Audited, path: Path) -> str:
    """A text report."""
    return f"report: {path}\n"


def contents(folder: Path) -> dict[str, bytes]:
    """All files below."""
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def audits(audited: Auditor, planted: World, tmp_path: Path) -> tuple[Audited, ...]:
    """One finished audit."""
    return audit(
        AuditSpec(
            teacher=planted.path("teacher"),
            students=(planted.path("student"),),
            data=planted.data,
            control=tuple(planted.controls),
            cache_dir=str(tmp_path / "cache"),
            device="cpu",
        )
    )


def test_a_full_disk_while_reports_are_written(audits: tuple[Audited, ...], tmp_path: Path) -> None:
    """All documents or none: an earlier audit stays complete, where there was none the folder is empty."""
    folder = tmp_path / "reports"
    output = OutputSpec(
        report_dir=str(folder), report=(f"json={folder / 'more.json'}",), output=str(folder / "shown.txt")
    )
    write_documents(audits, output, shown=shown)
    earlier = contents(folder)
    assert {
        "audit.json",
        "examples.npz",
        "inherited.csv",
        "report.html",
        "more.json",
        "shown.txt",
    } == earlier.keys()
    too_little = len(earlier["report.html"]) - 1
    for expected in (earlier, {}):
        with (
            full_disk(too_little),
            pytest.raises(RenderError, match=r"expected to write .*report\.html, found: ") as caught,
        ):
            write_documents(audits, output, shown=shown)
        assert "free some space, or name another place with --report-dir or --output" == caught.value.hint
        assert expected == contents(folder)
        shutil.rmtree(folder)
    write_documents(audits, output, shown=shown)
    assert earlier.keys() == contents(folder).keys()


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
del sys.argv[1]
from kdaudit.cli.main import main
main()
"""
# Root may write anywhere, unless a program starts without that right.
UNPRIVILEGED = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE
os.execv(sys.executable, [sys.executable, "-m", "kdaudit", *sys.argv[1:]])
"""


def planted_command(world: World, cache: Path, reports: Path) -> list[str]:
    """`check` with ready-made controls."""
    return [
        "check",
        world.path("teacher"),
        world.path("student"),
        "--data",
        world.data,
        *(part for path in world.controls for part in ("--control", path)),
        *("--cache-dir", str(cache), "--report-dir", str(reports)),
    ]


def ended(program: list[str], **options: object) -> subprocess.CompletedProcess[str]:
    """A python program, from this folder's root, with what it wrote."""
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        [sys.executable, *program],
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        text=True,
        timeout=120,
        check=False,
    )


@posix
def test_a_full_disk_is_4_and_two_lines(planted: World, tmp_path: Path) -> None:
    """Through a real process: what could not be written and where, what to do, no verdict, no traceback."""
    command = planted_command(planted, tmp_path / "cache", tmp_path / "reports")
    done = ended(["-c", LIMITED, "20000", *command, "--progress", "none"])
    assert 4 == done.returncode
    assert "" == done.stdout
    what, hint = done.stderr.splitlines()
    assert what.startswith("kdaudit: expected to write examples to the cache at ")
    assert what.endswith("File too large")
    assert f"hint: {ROOM}" == hint


@linux
def test_a_full_standard_output_is_4_and_two_lines() -> None:
    """A device that is always full; Python has nothing to add at its end."""
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = ended(["-m", "kdaudit", "schema", "report"], stdout=full)
    assert 4 == done.returncode
    assert [
        "kdaudit: expected to write to standard output, found: No space left on device",
        "hint: free some space, or write to a file elsewhere with --output",
    ] == done.stderr.splitlines()


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Inside, nothing in `folder` can be changed or added."""
    modes = {path: path.stat().st_mode for path in [folder, *folder.rglob("*")]}
    for path, mode in modes.items():
        path.chmod(mode & 0o555)
    try:
        yield
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


@linux
def test_read_only_folders(planted: World, tmp_path: Path) -> None:
    """A cache that lacks something and reports that cannot be written end with 4; a complete cache is enough."""
    cache, reports = tmp_path / "cache", tmp_path / "reports"
    command = planted_command(planted, cache, reports)
    cache.mkdir()
    with read_only(cache):
        done = ended(["-c", UNPRIVILEGED, *command])
    assert (4, f"hint: {ROOM}") == (done.returncode, done.stderr.splitlines()[-1])
    assert "expected to write examples to the cache at" in done.stderr
    assert "Permission denied" in done.stderr
    codes = [ended(["-m", "kdaudit", *command]).returncode]
    with read_only(cache):
        codes.append(ended(["-c", UNPRIVILEGED, *command]).returncode)
    assert [0, 0] == codes
    with read_only(reports):
        done = ended(["-c", UNPRIVILEGED, *command])
    assert 4 == done.returncode
    assert f"expected to write reports to {reports}, found: Permission denied" in done.stderr


def test_a_report_folder_that_is_a_file_invalid(tmp_path: Path) -> None:
    """Said before anything is computed."""
    (tmp_path / "file").touch()
    with pytest.raises(
        RenderError, match=r"expected to write reports to .*file, found: File exists"
    ) as caught:
        check_writable(OutputSpec(report_dir=str(tmp_path / "file")))
    assert "name another folder with --report-dir" == caught.value.hint


def test_a_report_folder_of_something_else_invalid(audits: tuple[Audited, ...], tmp_path: Path) -> None:
    """Other files are not touched; what a killed run left of a report is no other file."""
    output = OutputSpec(report_dir=str(tmp_path / "reports"), output=str(tmp_path / "shown.txt"))
    folder = tmp_path / "reports" / "student"
    folder.mkdir(parents=True)
    (folder / "precious.txt").write_text("mine")
    with pytest.raises(RenderError, match="to be empty or to hold an earlier audit, found other files"):
        write_documents(audits, output, shown=shown)
    assert {"precious.txt": b"mine"} == contents(folder)
    (folder / "precious.txt").rename(folder / ".kdaudit-abc.json")
    write_documents(audits, output, shown=shown)
    assert (folder / "report.html").exists()


def test_students_of_one_file_name_have_reports_of_their_own(
    audits: tuple[Audited, ...], tmp_path: Path
) -> None:
    """The second must not replace the first."""
    output = OutputSpec(report_dir=str(tmp_path / "reports"), output=str(tmp_path / "shown.txt"))
    write_documents((*audits, *audits), output, shown=shown)
    assert {"student", "student-2"} == {path.name for path in (tmp_path / "reports").iterdir()}


@posix
def test_a_link_and_a_pipe_stay_what_they_are(tmp_path: Path) -> None:
    """`-o /dev/stdout` and a report that is linked elsewhere are written through."""
    (tmp_path / "real.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to("real.txt")
    write_text(tmp_path / "link.txt", "new")
    assert (tmp_path / "link.txt").is_symlink()
    assert "new" == (tmp_path / "real.txt").read_text()
    out, into = os.pipe()
    write_text(Path(f"/dev/fd/{into}"), "piped")
    check_writable(OutputSpec(report_dir=str(tmp_path), output=f"/dev/fd/{into}"))
    os.close(into)
    with os.fdopen(out) as stream:
        assert "piped" == stream.read()


def test_no_temporary_folder_invalid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a cache there must be some place."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    with (
        pytest.raises(
            SpecError, match="expected to write to a temporary folder, found: No such file"
        ) as caught,
        open_store(tmp_path, keep=False, resume=True),
    ):
        pass
    assert "TMPDIR" in (caught.value.hint or "")
    (tmp_path / "file").touch()
    with (
        pytest.raises(SpecError, match=r"expected to write to the cache at .*file, found: File exists"),
        open_store(tmp_path / "file", keep=True, resume=True),
    ):
        pass


def cut(path: Path) -> None:
    """Half of it is gone."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    """Nothing is left of it."""
    path.write_bytes(b"")


def archive(path: Path) -> None:
    """Another kind of file, which numpy would open."""
    with path.open("wb") as stream:
        np.savez(stream, a=np.zeros(3))


@pytest.mark.parametrize("damage", [cut, empty, archive, Path.unlink], ids=lambda damage: damage.__name__)
@pytest.mark.parametrize(
    "pattern",
    [
        "predictions/*/logits.npy",
        "predictions/*/record.json",
        "data/*/inputs/0.npy",
        "data/*/labels.npy",
        "data/*/meta.json",
    ],
)
def test_a_damaged_cache_is_made_again(
    audited: Auditor, planted: World, tmp_path: Path, pattern: str, damage: Callable[[Path], None]
) -> None:
    """Never trusted, never a crash: the same numbers as before."""
    first = audited(planted)
    damaged = sorted((tmp_path / "cache").glob(pattern))
    before = [path.read_bytes() for path in damaged]
    for path in damaged:
        damage(path)
    assert first.kappa_W == audited(planted).kappa_W
    assert before == [path.read_bytes() for path in damaged]


@pytest.mark.parametrize("damage", [cut, empty, archive, Path.unlink], ids=lambda damage: damage.__name__)
def test_damaged_controls_are_trained_again(
    spec: Callable[..., AuditSpec], tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    """Weights, records and the pilot's numbers."""
    first = audit(spec(controls=2))
    controls = tmp_path / "cache" / "controls"
    damage(sorted(controls.glob("*/weights.safetensors"))[0])
    damage(sorted(controls.glob("*/record.json"))[1])
    assert digests(first) == digests(audit(spec(controls=2)))
    assert [] == hidden(tmp_path / "cache")
    store = Store(root=tmp_path / "other")
    store.keep_number("k", 0.25)
    damage(tmp_path / "other" / "numbers" / "k" / "record.json")
    assert store.number("k") is None


def predictions(seed: int) -> Predictions:
    """Of some model on some data; large enough to take time."""
    model = ModelRef(name="m", role=Role.TEACHER, path="m", kind="onnx", sha256="m", output=OutputKind.LOGITS)
    logits = np.random.default_rng(seed).normal(size=(20_000, 4)).astype(np.float32)
    data = DataRef(name="d", kind="arrays", location="d", sha256="d", n=len(logits))
    return Predictions(model=model, data=data, logits=logits, device="cpu", batch_size=1)


def test_two_runs_that_keep_the_same_artefact_never_hide_it(tmp_path: Path) -> None:
    """Once it is kept, every look finds it whole, while others go on keeping it."""
    store, made = Store(root=tmp_path), predictions(0)
    store.keep_predictions("k", made)
    failures: list[BaseException] = []
    stop = threading.Event()

    def keep() -> None:
        try:
            while not stop.is_set():
                store.keep_predictions("k", made)
        except (KDAuditError, OSError) as failure:
            failures.append(failure)

    writers = [threading.Thread(target=keep) for _ in range(2)]
    for writer in writers:
        writer.start()
    looks = [store.predictions("k", made.model, made.data) for _ in range(200)]
    stop.set()
    for writer in writers:
        writer.join()
    assert [] == failures
    assert None not in looks
    assert [] == hidden(tmp_path)


def test_two_runs_that_replace_a_damaged_artefact_both_succeed(tmp_path: Path) -> None:
    """Whoever comes second finds it replaced; a run that does not resume replaces it too."""
    made = predictions(0)
    for resume in (True, False):
        store = Store(root=tmp_path, resume=resume)
        for _ in range(20):
            Store(root=tmp_path, resume=False).keep_predictions("k", predictions(1))
            empty(tmp_path / "predictions" / "k" / "record.json")
            writers = [threading.Thread(target=store.keep_predictions, args=("k", made)) for _ in range(3)]
            for writer in writers:
                writer.start()
            for writer in writers:
                writer.join()
            found = Store(root=tmp_path).predictions("k", made.model, made.data)
            assert found is not None
            assert np.array_equal(made.logits, found.logits)
    assert [] == hidden(tmp_path)


class Killer:
    """Kills the worker that trains the second control, `times` times, as the kernel does when memory runs out."""

    def __init__(self, times: int) -> None:
        self.times = times

    def __call__(self, event: ProgressEvent) -> None:
        """Watch for it."""
        if self.times and event.stage == "train" and event.name == "independent/1":
            self.times -= 1
            for worker in multiprocessing.active_children():
                worker.kill()
                worker.join()  # what it sent before is not taken for another worker's


@posix
def test_the_control_of_a_killed_worker_is_trained_again_and_the_same(
    spec: Callable[..., AuditSpec], tmp_path: Path
) -> None:
    """Byte for byte; the user is told, and finished ones are not trained again."""
    said: list[str] = []
    (lost,) = audit(spec(workers=1, epochs="30"), progress=Killer(times=1), notice=said.append)
    assert 1 == said.count("a worker was lost, its task begins anew (try 2 of 3): exit code -9")
    (whole,) = audit(spec(workers=0, epochs="30", cache_dir=str(tmp_path / "whole")))
    assert [m.sha256 for m in whole.result.models] == [m.sha256 for m in lost.result.models]
    assert 3 == len(list((tmp_path / "cache" / "controls").glob("*/record.json")))


@posix
@pytest.mark.slow
def test_a_control_that_kills_its_workers_is_an_error_and_finished_ones_are_kept(
    spec: Callable[..., AuditSpec], tmp_path: Path
) -> None:
    """No hang, a way out, and the next run goes on from there."""
    controls = tmp_path / "cache" / "controls"
    with pytest.raises(TrainingError, match=r"ended before it had one, 3 times: exit code -9") as caught:
        audit(spec(workers=1, epochs="30"), progress=Killer(times=100))
    assert (
        "if the memory ran out: use fewer workers (--workers 1) or a smaller --batch-size; "
        "finished controls are kept: the same command goes on from there"
    ) == caught.value.hint
    assert 1 == len(list(controls.glob("*/record.json")))
    (plan,) = training_plans(spec(epochs="30"))
    assert (3, 1) == (plan.n_independent, plan.n_kept)


def workers_of(pid: int) -> list[int]:
    """Processes that a process started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def trainable_command(world: TrainableWorld, cache: Path) -> list[str]:
    """`check` with six controls that take a few seconds each, trained in one worker."""
    options = "--controls 6 --random-controls 0 --positive-controls 0 --epochs 30 --workers 1 --progress none"
    return ["-m", "kdaudit", *world.check_args, *options.split(), "--cache-dir", str(cache)]


def start(command: list[str], folder: Path) -> subprocess.Popen[str]:
    """A command in the background."""
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


@linux
@pytest.mark.slow
def test_a_killed_run_leaves_no_worker_and_goes_on_from_there(
    trainable: TrainableWorld, tmp_path: Path
) -> None:
    """By kill -9, in the middle of training."""
    command, controls = trainable_command(trainable, tmp_path / "cache"), tmp_path / "cache" / "controls"
    with start(command, tmp_path) as running:
        deadline = time.monotonic() + 100
        while len(list(controls.glob("*/record.json"))) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        workers = workers_of(running.pid)
        running.kill()
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert workers
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)
    kept = {path: path.read_bytes() for path in controls.glob("*/*")}
    n_kept = len(list(controls.glob("*/record.json")))
    assert 2 <= n_kept < 6
    with start(command, tmp_path) as again:
        _, err = again.communicate(timeout=200)
    assert again.returncode in {0, 1, 3}, err
    assert f"({n_kept} kept from an earlier run)" in err
    assert kept == {path: path.read_bytes() for path in kept}


@posix
@pytest.mark.slow
def test_two_runs_at_once_on_one_cache_both_end_right(trainable: TrainableWorld, tmp_path: Path) -> None:
    """The same command twice, with the same reports: both end alike, and nothing is damaged or left over."""
    command = trainable_command(trainable, tmp_path / "cache")
    both = [start(command, tmp_path) for _ in range(2)]
    errors = [running.communicate(timeout=250)[1] for running in both]
    assert both[0].returncode == both[1].returncode, errors
    assert both[0].returncode in {0, 1, 3}, errors
    assert [] == hidden(tmp_path)
    files = {"audit.json", "examples.npz", "inherited.csv", "report.html"}
    assert files == contents(tmp_path / "kdaudit-report").keys()
    with start(command, tmp_path) as again:
        _, err = again.communicate(timeout=100)
    assert "all 6 are kept" in err


class Hungry:
    """A network's memory runs out for more than `limit` examples at once: more than there are addresses."""

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def __call__(self, inputs: tuple[torch.Tensor, ...]) -> None:
        """Look at one forward pass."""
        if len(inputs[0]) > self.limit:
            torch.empty(1 << 50)


class HungryDense(torch.nn.Module):
    """Trains on at most 64 examples at once."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(8, width), torch.nn.ReLU(), torch.nn.Linear(width, 4)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Class scores."""
        if self.training and len(x) > 64:
            torch.empty(1 << 50)
        scores: torch.Tensor = self.layers(x)
        return scores


def test_memory_that_runs_out_in_training_invalid() -> None:
    """A real allocation that cannot succeed, in a training and while a step is timed."""
    network = Watched(dense(), Hungry(limit=16))
    with pytest.raises(TrainingError) as caught:
        train(network, blobs())
    assert "expected enough memory to train a network, found: " in caught.value.message
    assert "1125899906842624" in caught.value.message or "4503599627370496" in caught.value.message
    assert "use a smaller --batch-size or fewer workers (--workers 1)" == caught.value.hint
    with pytest.raises(TrainingError, match="expected enough memory"):
        measure_step_seconds(
            network,
            blobs(),
            SGD,
            LabelTargets(),
            output=OutputKind.LOGITS,
            rng=np.random.default_rng(0),
            device="cpu",
            precision="fp32",
        )


def test_other_errors_of_a_network_are_not_taken_for_memory() -> None:
    """A bug stays one."""

    def fail(_inputs: tuple[torch.Tensor, ...]) -> None:
        raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="shapes do not fit"):
        train(Watched(dense(), fail), blobs())


def test_an_audit_whose_memory_runs_out_invalid(spec: Callable[..., AuditSpec], tmp_path: Path) -> None:
    """The error comes before the first control; a smaller batch, as it advises, works."""
    torch.manual_seed(0)
    torch.save(HungryDense(16).state_dict(), tmp_path / "hungry.pt")
    options = {
        "students": (str(tmp_path / "hungry.pt"),),
        "student_arch": f"{__name__}:HungryDense",
        "arch_args": '{"width": 16}',
        "train_anyway": True,
    }
    with pytest.raises(TrainingError, match=r"expected enough memory to train a network, found: .*allocate"):
        audit(spec(batch_size=100, **options))
    assert 3 == audit(spec(batch_size=50, **options))[0].result.n_controls

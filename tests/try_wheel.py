"""Build the wheel, install it in a clean environment, and use it from an empty folder.

A script, as it takes half a minute and asks the package registry: ``python tests/try_wheel.py``.
It runs with the development tools installed and ends with status 1 at the first thing that is not
as it should be.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "infra/requirements/runtime.txt"

EXPORT = {
    "insertId": "a1",
    "logName": "projects/demo/logs/run.googleapis.com%2Fstderr",
    "timestamp": "2025-09-10T00:33:54.000000Z",
    "severity": "ERROR",
    "resource": {
        "type": "cloud_run_revision",
        "labels": {"service_name": "backend", "revision_name": "backend-00001-abc"},
    },
    "textPayload": "Missing critical user tables: ['user_sessions']",
}


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command as a user would, without this environment's settings; returns its output."""
    settings = {name: value for name, value in os.environ.items() if name[:6] != "PYTHON"}
    words = [str(word) for word in command]
    result = subprocess.run(
        words, cwd=cwd, env=settings, check=False, text=True, capture_output=True
    )
    if result.returncode:
        sys.exit(f"{' '.join(words)}: exit {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout


def expect(truth: object, what: str) -> None:
    """End the script with the sentence that does not hold, or print it."""
    if not truth:
        sys.exit(f"not so: {what}")
    print(f"  {what}")


def build(folder: Path) -> Path:
    """Build the wheel from the source distribution, which shows that this is complete."""
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    return wheel


def carried(folder: str) -> set[str]:
    """List the files of a folder of the checkout, named as the wheel should name them."""
    files = (path.relative_to(ROOT) for path in (ROOT / folder).rglob("*") if path.is_file())
    return {f"pipeline/_data/{path.as_posix()}" for path in files}


def check_contents(wheel: Path) -> None:
    """Expect the package, its rules and its templates in the wheel, and nothing beside them."""
    names = {name for name in zipfile.ZipFile(wheel).namelist() if not name.endswith("/")}
    for folder in ("rules", "templates"):
        expect(carried(folder) and carried(folder) <= names, f"the wheel carries {folder}/")
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    expect(tops == {"pipeline"}, "the wheel holds the package alone")


def install(wheel: Path, folder: Path) -> Path:
    """Make a clean environment with the hashed requirements and the wheel; return its commands."""
    venv.create(folder, with_pip=True)
    bin_folder = folder / ("Scripts" if os.name == "nt" else "bin")
    pip = (bin_folder / "python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    run(*pip, "--require-hashes", "--no-deps", "-r", LOCK, cwd=folder)
    run(*pip, "--no-deps", "--no-index", wheel, cwd=folder)
    run(bin_folder / "python", "-m", "pip", "check", cwd=folder)
    return bin_folder


def check_use(bin_folder: Path, empty: Path) -> None:
    """Use the installed command in an empty folder: rules and templates can only be its own."""
    command = bin_folder / "fivewhys"
    where = run(bin_folder / "python", "-c", "import pipeline; print(pipeline.__file__)", cwd=empty)
    home = Path(where.strip()).parent
    expect(home.is_relative_to(bin_folder.parent), "the package is the installed one")
    version = run(command, "version", cwd=empty)
    expect(version.strip(), f"`fivewhys version` says {version.strip()}")

    listing = run(command, "rules", "list", cwd=empty)
    names = {
        name
        for path in (home / "_data/rules").rglob("*.yml")
        if not path.name.endswith(".test.yml")
        for name in re.findall(r"^name: *(\S+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    expect(
        names and all(name in listing for name in names),
        f"`fivewhys rules list` names all {len(names)} rules of the wheel",
    )

    (empty / "export.jsonl").write_text(json.dumps(EXPORT) + "\n", encoding="utf-8")
    replay = ("replay", "export.jsonl", "--out", "issues", "--format", "json")
    document = json.loads(run(command, *replay, cwd=empty))
    expect(document["entries"]["read"] == 1, "`fivewhys replay` reads an export")
    expect(len(document["incidents"]) == 1, "finds the incident in it")
    issues = list((empty / "issues").glob("*.md"))
    expect(
        len(issues) == 1 and issues[0].stat().st_size,
        "and writes its issue with the templates of the wheel",
    )


def main() -> None:
    """Build, look inside, install, use."""
    with tempfile.TemporaryDirectory(prefix="fivewhys-wheel-") as name:
        folder = Path(name).resolve()
        for part in ("built", "environment", "empty"):
            (folder / part).mkdir()
        wheel = build(folder / "built")
        print(f"{wheel.name}:")
        check_contents(wheel)
        check_use(install(wheel, folder / "environment"), folder / "empty")


if __name__ == "__main__":
    main()

"""The shape of the repository: what stands where, how large, and on what it rests."""

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = sorted((ROOT / "infra/requirements").glob("*.txt"))
MODULES = sorted((ROOT / "pipeline").rglob("*.py"))

TOP_LEVEL = {
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "examples",
    "infra",
    "pipeline",
    "pyproject.toml",
    "rules",
    "templates",
    "tests",
}
LONGEST_MODULE = 400

PACKAGE_REGISTRY = re.compile(
    r"\bpypi\.org|pythonhosted\.org|npmjs\.|--(extra-)?index-url|--find[-]links"
)
HOME_DIRECTORY = re.compile(r"(?<![\w.~})-])/(root|home/\w+|Users/\w+)/")


@cache
def repository_files() -> tuple[Path, ...]:
    """Ask git for every file that it tracks or would track, relative to the top."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    git = shutil.which("git")
    assert git, "git is needed to list the repository's files"
    # A container may run as another user than the one who owns the checkout.
    command = [git, "-c", "safe.directory=*", "ls-files", "-z", "-co", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    paths = (Path(name) for name in listing.split("\0") if name)
    return tuple(path for path in paths if (ROOT / path).is_file())


def text_of(path: Path) -> str:
    """Read a file; bytes that are no UTF-8 (compressed fixtures) are replaced."""
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


def places(pattern: re.Pattern[str]) -> Iterator[str]:
    """Yield each `file:line: text` of the repository where the pattern is found."""
    for path in repository_files():
        for number, line in enumerate(text_of(path).splitlines(), start=1):
            if pattern.search(line):
                yield f"{path}:{number}: {line.strip()}"


def locked(lock: Path) -> dict[str, tuple[Version, list[str]]]:
    """Read a lock file: canonical name -> version and hashes of each package."""
    text = re.sub(r"^\s*#.*\n", "", lock.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    packages: dict[str, tuple[Version, list[str]]] = {}
    for line in text.splitlines():
        stated, *hashes = re.split(r"\s+--hash=", line.strip())
        requirement = Requirement(stated)
        (pin,) = requirement.specifier
        assert pin.operator == "==", f"{lock.name}: {stated} is no pin"
        packages[canonicalize_name(requirement.name)] = (Version(pin.version), hashes)
    return packages


def declared(group: str) -> list[Requirement]:
    """Read what pyproject.toml asks for: `runtime`, or a dependency group with what it includes."""
    if group == "runtime":
        return [Requirement(text) for text in PROJECT["project"]["dependencies"]]
    items = PROJECT["dependency-groups"][group]
    own = [Requirement(item) for item in items if isinstance(item, str)]
    included = [item["include-group"] for item in items if isinstance(item, dict)]
    return own + [each for name in included for each in declared(name)]


def lines_between(first: str, last: str) -> list[str]:
    """Return the stripped lines of pyproject.toml between two others."""
    lines = [line.strip() for line in text_of(Path("pyproject.toml")).splitlines()]
    start = lines.index(first) + 1
    return lines[start : lines.index(last, start)]


def test_nothing_new_stands_at_the_top() -> None:
    """Beside the agreed files and folders the top level holds dot-files only."""
    top = {path.parts[0] for path in repository_files()}
    assert {name for name in top - TOP_LEVEL if not name.startswith(".")} == set()


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_fits_in_a_head(module: Path) -> None:
    """A module has at most 400 lines; a longer one becomes a folder of the same name."""
    assert len(module.read_text(encoding="utf-8").splitlines()) <= LONGEST_MODULE


def test_no_file_names_a_package_registry() -> None:
    """Which registry or mirror serves the packages is for the machine's own settings to say."""
    assert list(places(PACKAGE_REGISTRY)) == []


def test_no_file_names_a_home_directory() -> None:
    """Nothing points into the home directory of the machine it was written on."""
    assert list(places(HOME_DIRECTORY)) == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_a_lock_file_holds_what_is_declared(lock: Path) -> None:
    """Every declared dependency is locked at a version that satisfies it (else: make lock)."""
    packages = locked(lock)
    for requirement in declared(lock.stem):
        version, _ = packages[canonicalize_name(requirement.name)]
        assert version in requirement.specifier, f"{requirement} is locked at {version}: make lock"


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_a_locked_package_has_hashes(lock: Path) -> None:
    """A package in a lock file is pinned and can be checked against a SHA-256."""
    for name, (_, hashes) in locked(lock).items():
        assert hashes, f"{name} has no hash"
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", value) for value in hashes), name


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_a_lock_file_holds_only_pins(lock: Path) -> None:
    """A lock file names packages and hashes: no option, address or path."""
    pin = re.compile(r"(#.*|[\w.-]+==[\w.]+( ; [^\\]+)? \\|--hash=sha256:[0-9a-f]{64}( \\)?)")
    strange = [line for line in lock.read_text().splitlines() if not pin.fullmatch(line.strip())]
    assert strange == []
    assert "://" not in lock.read_text()


def test_the_lock_files_agree() -> None:
    """A package that several lock files pin has one version, as they share an environment.

    But for those of checkov, which is installed into one of its own, and for the wheel that the
    servicer of the Logging API is read out of, which is not installed at all.
    """
    versions: dict[str, set[Version]] = {}
    for lock in (lock for lock in LOCKS if lock.stem not in {"policy", "servicer"}):
        for name, (version, _) in locked(lock).items():
            versions.setdefault(name, set()).add(version)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def test_the_build_backend_is_locked() -> None:
    """What building needs is installed before it, as nothing is fetched then."""
    needed = [Requirement(text) for text in PROJECT["build-system"]["requires"]]
    assert needed == declared("build")


@pytest.mark.parametrize(
    "first",
    [
        "dependencies = [",
        "build = [",
        "dev = [",
        "node = [",
        "terraform = [",
        "servicer = [",
        "policy = [",
        "lock = [",
    ],
)
def test_a_dependency_says_why_it_is_there(first: str) -> None:
    """Each dependency carries one line of reason."""
    stated = [line for line in lines_between(first, "]") if line.startswith('"')]
    assert [line for line in stated if not re.search(r"# \S", line)] == []


def test_a_rule_switched_off_says_why() -> None:
    """Each lint rule that is ignored, everywhere or in some files, carries its reason."""
    section = lines_between("[tool.ruff.lint]", "[tool.importlinter]")
    ignored = [line for line in section if re.match(r'"[A-Z]+\d+",', line)]
    assert ignored
    assert [line for line in ignored if not re.search(r"# \S", line)] == []


def test_imports_keep_their_direction() -> None:
    """The import contracts of pyproject.toml hold: layers, independent files, pure modules."""
    # In a process of its own: it switches off the loggers of the one that it runs in.
    code = "import sys; from importlinter.cli import lint_imports as lint; "
    code += "sys.exit(lint(sys.argv[1], no_cache=True, no_logo=True))"
    words = [sys.executable, "-c", code, str(ROOT / "pyproject.toml")]
    found = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr

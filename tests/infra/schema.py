"""The true schema of a Terraform provider, read from the CDK bindings that are made of it.

The package registry has these as wheels: one JavaScript module and one file of declarations for
each resource, generated from the provider. They name every argument with its type, whether it is
required, which blocks nest in it and how many of them, and in their texts the values it may have.
So a module can be checked where no provider can be downloaded.

What is read once is kept as JSON beside the wheels. What the bindings do not tell: which arguments
exclude each other, patterns, and defaults.
"""

from __future__ import annotations

import json
import os
import re
import tarfile
import zipfile
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

WHEELS: Final = Path(__file__).resolve().parents[2] / ".venv/terraform"
"""Where `make infra` puts the wheels of the bindings."""

KINDS: Final = {"resource": "", "data": "data-{}-", "ephemeral": "ephemeral-{}-"}
"""How the folders of the bindings begin, by what a block of Terraform is."""

PROVIDER: Final = "provider"

Block = dict[str, Any]
"""`attributes` and `blocks` by name, as JSON has them."""

_CLASS = re.compile(r"^class (\w+) extends cdktn\.(\w+)", re.MULTILINE)
_ATTRIBUTE = re.compile(
    r"// (\w+) - computed: (true|false), optional: (true|false), required: (true|false)\n"
)
_GETTER = re.compile(r"this\.(?:get(\w+)Attribute|interpolationForAttribute)\('")
_NESTED = re.compile(r"= new (?:cdktn\.)?(\w+)\(this, \"\w+\"(?:, (true|false))?\)")
_MAPPING = re.compile(
    r"^ +(\w+): \{\n +value: (.*),\n +isBlock: (true|false),\n +type: \"(\w+)\",\n"
    r" +storageClassType: \"(\w+)\",$",
    re.MULTILINE,
)
_FUNCTION = re.compile(
    r"^function (\w+)ToHclTerraform\(struct\) \{\n(.*?)^\}", re.MULTILINE | re.DOTALL
)
_INTERFACE = re.compile(r"^export interface (\w+) .*?^\}", re.MULTILINE | re.DOTALL)
_DOCUMENTED = re.compile(r"/\*\*\n((?:    \*.*\n)+?)    \*/\n    readonly (\w+)")
_LINKED = re.compile(r"#(\w+) \w+#\1\}")
_VERSION = re.compile(r"^ +providerVersion: '([\d.]+)',$", re.MULTILINE)
_VALUES = re.compile(r"Possible values: (\[[^\]]*\])")

_SIMPLE: Final[Mapping[str, Any]] = {
    "Boolean": "bool",
    "BooleanMap": ["map", "bool"],
    "List": ["list", "string"],
    "Number": "number",
    "NumberList": ["list", "number"],
    "NumberMap": ["map", "number"],
    "String": "string",
    "StringMap": ["map", "string"],
    "StringMapList": ["list", ["map", "string"]],
}
_ELEMENTS: Final = {"string": "string", "number": "number", "boolean": "bool"}


class MissingError(Exception):
    """There is no such resource in a provider, or no wheel of it here."""


def read(
    provider: str, names: Iterable[tuple[str, str]], wheels: Path = WHEELS
) -> dict[str, Block]:
    """Return the schemas of some kinds and names (`resource`, `google_pubsub_topic`), by folder.

    The provider's own schema is the pair `provider`, "".

    Raises:
        MissingError: there is no wheel, or the provider has no such name.

    """
    folders = sorted({folder_of(provider, kind, name) for kind, name in names})
    wheel = _wheel(provider, wheels)
    cache = wheels / "schemas" / wheel.stem
    lacking = [one for one in folders if not (cache / f"{one}.json").is_file()]
    if lacking:
        cache.mkdir(parents=True, exist_ok=True)
        for folder, texts in _extract(wheel, lacking).items():
            # Whole or not at all: other processes may read it at once.
            written = cache / f"{folder}.{os.getpid()}"
            written.write_text(json.dumps(parse(*texts), indent=1, sort_keys=True), "utf-8")
            written.replace(cache / f"{folder}.json")
    return {one: json.loads((cache / f"{one}.json").read_text("utf-8")) for one in folders}


def version(provider: str, wheels: Path = WHEELS) -> str:
    """Return which version of a provider the schemas are of.

    Raises:
        MissingError: there is no wheel.

    """
    code, _ = _extract(_wheel(provider, wheels), [PROVIDER])[PROVIDER]
    return str(_VERSION.findall(code)[0])


def folder_of(provider: str, kind: str, name: str) -> str:
    """Return the folder of the bindings that has a kind and a name."""
    if kind == PROVIDER:
        return PROVIDER
    start = KINDS[kind].format(provider)
    return start + name.removeprefix(f"{provider}_").replace("_", "-")


def _wheel(provider: str, wheels: Path) -> Path:
    found = sorted(wheels.glob(f"cdktn_provider_{provider}-*.whl"))
    if len(found) != 1:
        message = f"{wheels}: no bindings of the provider {provider}: run `make infra`"
        raise MissingError(message)
    return found[0]


def _extract(wheel: Path, folders: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return the code and the declarations of some folders, in one pass."""
    wanted = {f"package/lib/{one}/index.{end}" for one in folders for end in ("js", "d.ts")}
    texts: dict[str, str] = {}
    with zipfile.ZipFile(wheel) as outer:
        (inner,) = (name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        with outer.open(inner) as stream, tarfile.open(fileobj=stream, mode="r|gz") as archive:
            for member in archive:
                if member.name in wanted and (file := archive.extractfile(member)):
                    texts[member.name] = file.read().decode()
                    if len(texts) == len(wanted):
                        break
    if lost := sorted({name.split("/")[2] for name in wanted - texts.keys()}):
        message = f"{wheel.name} has no {', '.join(lost)}"
        raise MissingError(message)
    return {
        one: (texts[f"package/lib/{one}/index.js"], texts[f"package/lib/{one}/index.d.ts"])
        for one in folders
    }


def parse(code: str, declarations: str) -> Block:
    """Return the schema that a module of the bindings tells."""
    return _Module(code, declarations).top()


class _Module:
    """One module: its classes, how these are written, and what is said of their arguments."""

    def __init__(self, code: str, declarations: str) -> None:
        classes = [*_parts(_CLASS, code)]
        self._classes = {match[1]: body for match, body in classes}
        self._top = next(match[1] for match, _ in classes if match[2].startswith("Terraform"))
        functions = _FUNCTION.findall(code)
        self._functions = {name[:1].upper() + name[1:]: body for name, body in functions}
        self._values = {match[1]: _values(match[0]) for match in _INTERFACE.finditer(declarations)}

    def top(self) -> Block:
        """Return the schema of the resource."""
        body = self._classes[self._top]
        return self._block(body, body, self._values.get(f"{self._top}Config", {}))

    def _block(self, body: str, written: str, values: Mapping[str, list[str]]) -> Block:
        """Return a schema; `written` is the code that writes it as HCL."""
        mapping = {found[0]: found[1:] for found in _MAPPING.findall(written)}
        block: Block = {"attributes": {}, "blocks": {}}
        for match, chunk in _parts(_ATTRIBUTE, body):
            name, flags = match[1], [text == "true" for text in match.groups()[1:]]
            self._argument(block, name, flags, chunk, mapping.get(name))
            if name in block["attributes"] and name in values:
                block["attributes"][name]["values"] = values[name]
        return block

    def _argument(
        self, block: Block, name: str, flags: list[bool], chunk: str, mapped: tuple[str, ...] | None
    ) -> None:
        """Add an argument or a nested block to a schema."""
        computed, optional, required = flags
        value, is_block, kind, stored = mapped or ("", "false", "", "")
        if is_block == "true":
            # A provider's own blocks are written by name only, and each may stand there once.
            nested = _NESTED.search(chunk)
            found = nested[1] if nested else stored
            most = int(kind != "struct" and (not nested or found.endswith("OutputReference")))
            block["blocks"][name] = {
                "nesting": {"struct": "SINGLE"}.get(kind, kind.upper()),
                "min": int(required),
                "max": most,
                "block": self._nested(found),
            }
            return
        told = {"computed": computed, "optional": optional, "required": required}
        attribute = {"type": self._type(chunk, kind, stored)} | {
            flag: True for flag, is_so in told.items() if is_so
        }
        if "markWriteOnlyAttribute" in value:
            attribute["write_only"] = True
        block["attributes"][name] = attribute

    def _nested(self, name: str) -> Block:
        """Return the schema of the elements of a class."""
        struct = name.removesuffix("List").removesuffix("OutputReference").removesuffix("Map")
        written = self._functions.get(struct, "")
        if body := self._classes.get(f"{struct}OutputReference"):
            return self._block(body, written, self._values.get(struct, {}))
        arguments = {
            name: {"type": self._type("", kind, stored), "optional": True}
            for name, _, _, kind, stored in _MAPPING.findall(written)
        }
        return {"attributes": arguments, "blocks": {}}

    def _type(self, chunk: str, kind: str, stored: str) -> Any:
        """Return the type of an argument, in the notation of Terraform's protocol."""
        if kind == "simple" and stored in _ELEMENTS:
            return _ELEMENTS[stored]
        if kind in {"list", "set", "map"} and stored.removesuffix(kind.title()) in _ELEMENTS:
            return [kind, _ELEMENTS[stored.removesuffix(kind.title())]]
        if kind == "set" and stored.removesuffix("List") in _ELEMENTS:
            return [kind, _ELEMENTS[stored.removesuffix("List")]]
        if getter := _GETTER.search(chunk):
            found = _SIMPLE[getter[1]] if getter[1] else "dynamic"
            return ["set", found[1]] if "Fn.tolist(" in chunk else found
        nested = _NESTED.search(chunk)
        if nested is None:
            message = f"the bindings have changed: {chunk:.200}"
            raise ValueError(message)
        if nested[1] in _SIMPLE:
            return _SIMPLE[nested[1]]
        return ["set" if nested[2] == "true" else "list", _object(self._nested(nested[1]))]


def _parts(start: re.Pattern[str], text: str) -> Iterator[tuple[re.Match[str], str]]:
    """Yield where something starts, and the text from there to where the next one does."""
    found = [*start.finditer(text)]
    for match, end in zip_longest(found, (one.start() for one in found[1:])):
        yield match, text[match.end() : end]


def _object(block: Block) -> Any:
    """Return the type of what is nested in an argument that is computed only."""
    return ["object", {name: one["type"] for name, one in block["attributes"].items()}]


def _values(interface: str) -> dict[str, list[str]]:
    """Return which values the arguments of an interface may have, where its texts tell all."""
    values = {}
    for text, _ in _DOCUMENTED.findall(interface):
        name, said = _LINKED.search(text), _VALUES.search(text)
        if name and said:
            values[name[1]] = json.loads(said[1])
    return values

"""The schema that is read from bindings, and the provider that serves it."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tests.infra.provider import Provider
from tests.infra.schema import MissingError, parse, read

if TYPE_CHECKING:
    from pathlib import Path

CODE = """
function shelfBoardsToTerraform(struct) {
}
function shelfBoardsToHclTerraform(struct) {
    const attrs = {
        wood: {
            value: cdktn.stringToHclTerraform(struct.wood),
            isBlock: false,
            type: "simple",
            storageClassType: "string",
        },
    };
}
class ShelfBoardsOutputReference extends cdktn.ComplexObject {
    // wood - computed: false, optional: false, required: true
    _wood;
    get wood() {
        return this.getStringAttribute('wood');
    }
}
class ShelfDustOutputReference extends cdktn.ComplexObject {
    // grams - computed: true, optional: false, required: false
    get grams() {
        return this.getNumberAttribute('grams');
    }
}
class ShelfDustList extends cdktn.ComplexList {
}
class Shelf extends cdktn.TerraformResource {
    // dust - computed: true, optional: false, required: false
    _dust = new ShelfDustList(this, "dust", false);
    // labels - computed: false, optional: true, required: false
    get labels() {
        return this.getStringMapAttribute('labels');
    }
    // sizes - computed: false, optional: true, required: false
    get sizes() {
        return cdktn.Fn.tolist(this.getListAttribute('sizes'));
    }
    // word_wo - computed: false, optional: true, required: false
    get wordWo() {
        return this.getStringAttribute('word_wo');
    }
    // boards - computed: false, optional: false, required: true
    _boards = new ShelfBoardsOutputReference(this, "boards");
    // =========
    synthesizeHclAttributes() {
        const attrs = {
            labels: {
                value: cdktn.hashMapperHcl(cdktn.stringToHclTerraform)(this._labels),
                isBlock: false,
                type: "map",
                storageClassType: "stringMap",
            },
            sizes: {
                value: cdktn.listMapperHcl(cdktn.stringToHclTerraform, false)(this._sizes),
                isBlock: false,
                type: "set",
                storageClassType: "stringList",
            },
            word_wo: {
                value: this.markWriteOnlyAttribute(cdktn.stringToHclTerraform(this._wordWo)),
                isBlock: false,
                type: "simple",
                storageClassType: "string",
            },
            boards: {
                value: shelfBoardsToHclTerraform(this._boards.internalValue),
                isBlock: true,
                type: "list",
                storageClassType: "ShelfBoardsList",
            },
        };
    }
}
"""
DECLARATIONS = """
export interface ShelfConfig extends cdktn.TerraformMetaArguments {
}
export interface ShelfBoards {
    /**
    * What it is made of. Possible values: ["OAK", "BEECH"]
    *
    * Docs at Terraform Registry: {@link https://example.com/shelf#wood Shelf#wood}
    */
    readonly wood: string;
}
"""
SCHEMA = {
    "attributes": {
        "dust": {"type": ["list", ["object", {"grams": "number"}]], "computed": True},
        "labels": {"type": ["map", "string"], "optional": True},
        "sizes": {"type": ["set", "string"], "optional": True},
        "word_wo": {"type": "string", "optional": True, "write_only": True},
    },
    "blocks": {
        "boards": {
            "nesting": "LIST",
            "min": 1,
            "max": 1,
            "block": {
                "attributes": {
                    "wood": {"type": "string", "required": True, "values": ["OAK", "BEECH"]}
                },
                "blocks": {},
            },
        }
    },
}


def wheel(folder: Path) -> None:
    """Make a wheel of bindings that have one resource."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in (("index.js", CODE), ("index.d.ts", DECLARATIONS)):
            member = tarfile.TarInfo(f"package/lib/shelf/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    with zipfile.ZipFile(folder / "cdktn_provider_house-1.0.0-py3-none-any.whl", "w") as outer:
        outer.writestr("cdktn_provider_house/_jsii/house.jsii.tgz", packed.getvalue())


def request(name: str, config: Any) -> bytes:
    """Return what Terraform asks about a block, each part shorter than 128 bytes."""
    packed = msgspec.msgpack.encode(config)
    config_field = bytes([0x0A, len(packed)]) + packed
    return (
        bytes([0x0A, len(name)]) + name.encode() + bytes([0x12, len(config_field)]) + config_field
    )


def test_arguments_blocks_types_and_values_are_read() -> None:
    """Which of them are needed, computed or only written, and how often a block may stand there."""
    assert parse(CODE, DECLARATIONS) == SCHEMA


def test_what_was_read_is_kept(tmp_path: Path) -> None:
    """The next time no wheel is looked into."""
    wheel(tmp_path)
    wanted = [("resource", "house_shelf")]
    assert read("house", wanted, tmp_path) == {"shelf": SCHEMA}
    (path,) = tmp_path.glob("*.whl")
    path.write_bytes(b"")
    assert read("house", wanted, tmp_path) == {"shelf": SCHEMA}


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    """A resource that the provider has not, and bindings that are not there."""
    wheel(tmp_path)
    with pytest.raises(MissingError, match="has no cellar"):
        read("house", [("resource", "house_cellar")], tmp_path)
    with pytest.raises(MissingError, match="no bindings of the provider garden: run `make infra`"):
        read("garden", [("resource", "garden_bed")], tmp_path)


@pytest.fixture
def house() -> Provider:
    """Return a provider that has one resource, and an ephemeral one like it."""
    names = (("resource", "house_shelf"), ("ephemeral", "house_word"))
    word = {
        "attributes": {
            "length": {"type": "number", "required": True},
            "result": {"type": "string", "computed": True},
        },
        "blocks": {},
    }
    own = {"attributes": {"alias": {"type": "string", "optional": True}}, "blocks": {}}
    return Provider(
        "house", names, {"shelf": SCHEMA, "ephemeral-house-word": word, "provider": own}
    )


def test_a_value_that_there_is_not_is_named(house: Provider) -> None:
    """What is not known yet, or not said, is none."""
    validate = house.validate("resource")
    for wood in ("OAK", None, msgspec.msgpack.Ext(0, b"\x00")):
        assert validate(request("house_shelf", {"boards": [{"wood": wood}]})) == b""
    fault = validate(request("house_shelf", {"boards": [{"wood": "TIN"}], "sizes": ["1"]}))
    assert b"house_shelf.boards.wood: 'TIN' is none of OAK, BEECH" in fault


def test_what_only_a_real_one_could_compute_is_its_name(house: Provider) -> None:
    """The rest is as it was configured."""
    answer = house.open(request("house_word", {"length": 3, "result": None}))
    assert json.loads(answer[answer.index(b"{") :]) == {"length": 3, "result": "result"}


def test_what_a_provider_describes_can_be_read_again(house: Provider) -> None:
    """Its own schema lacks what Terraform adds itself."""
    described = house.describe(b"")
    assert b"house_shelf" in described
    assert b"house_word" in described
    assert b'["map", "string"]' in described
    assert b"alias" not in described

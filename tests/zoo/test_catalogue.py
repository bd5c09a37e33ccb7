# SPDX-License-Identifier: Apache-2.0
"""The catalogue: what is published is in it, and nothing that is not well-formed is read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flownet2.builtin import MODELS
from flownet2.errors import InputError
from flownet2.networks import NETWORKS
from flownet2.weights.mmflow import SUBNETWORKS
from flownet2.zoo import load_catalogue, supported
from flownet2.zoo.catalogue import BUILT_IN, parse_catalogue
from zoo.samples import FREE, row


def text(*rows: dict[str, Any], **top: Any) -> str:
    return json.dumps({"format": "flownet2 catalogue 1", "licenses": {"free": FREE}, "models": list(rows)} | top)


def test_the_built_in_one() -> None:
    catalogue = load_catalogue(BUILT_IN)
    origins = {entry.origin for entry in catalogue.values()}
    assert origins == {"mmflow", "nvidia", "ptlflow", "caffe"}
    assert len([entry for entry in catalogue.values() if entry.origin == "mmflow"]) == 13
    assert not set(catalogue) & (set(NETWORKS) | set(MODELS)), "a name must mean one thing"
    things = catalogue["flownet2-things"]
    assert things.published["Sintel clean (train)"] == {"EPE": 1.78}
    assert things.urls[0].endswith("/flownet2/flownet2_8x1_sfine_flyingthings3d_subset_384x768.pth")
    chairs = catalogue["flownet2-chairs"]
    assert len(chairs.urls) == 2
    assert chairs.sha256_prefix == "88d61800"
    assert f"-{chairs.sha256_prefix}.pth" in chairs.file


def test_networks_and_numbers_of_the_built_in_one() -> None:
    for entry in load_catalogue(BUILT_IN).values():
        if entry.origin == "mmflow":
            assert entry.network in SUBNETWORKS
            assert supported(entry)
            assert entry.file == entry.urls[0].rpartition("/")[2]
        else:
            assert entry.license.research_only
        assert bool(entry.published) == bool(entry.published_source), entry.name
        assert entry.sha256 is None, "none is published; one that was computed needs its source"


def test_an_origin_that_no_importer_reads_is_not_supported() -> None:
    assert not supported(parse_catalogue(text(row(origin="nobody")))["tiny"])
    assert not supported(parse_catalogue(text(row(network="flownet9")))["tiny"])
    assert supported(parse_catalogue(text(row(network=None)))["tiny"])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"colour": "red"}, "models[0]: unknown field 'colour'"),
        ({"name": "Tiny One"}, "name 'Tiny One' has characters"),
        ({"name": ""}, "name must be a text"),
        ({"title": 3}, "title must be a text"),
        ({"note": "two\nlines"}, "note must be a text of one line"),
        ({"file": "../tiny.pth"}, "file '../tiny.pth' has characters"),
        ({"file": ".hidden"}, "has characters"),
        ({"license": "none"}, "no license 'none'; there are free"),
        ({"urls": []}, "urls must be a list"),
        ({"urls": "https://example.org"}, "urls must be a list"),
        ({"urls": ["https://example.org/a", "https://example.org/a"]}, "none of them twice"),
        ({"urls": ["ftp://example.org/a"]}, "no http or https address"),
        ({"urls": ["https:///a"]}, "no http or https address"),
        ({"urls": ["https://me:secret@example.org/a"]}, "no http or https address"),
        ({"urls": ["https://exam ple.org/a"]}, "no http or https address"),
        ({"urls": ["https://[::1/a"]}, "no http or https address"),
        ({"urls": [7]}, "no http or https address"),
        ({"page": "example.org"}, "no http or https address"),
        ({"sha256": "88d61800"}, "sha256 must be"),
        ({"sha256": "G" * 64}, "sha256 must be"),
        ({"sha256": 12}, "sha256 must be"),
        ({"sha256_prefix": "88d6"}, "sha256_prefix must be"),
        ({"megabytes": -1}, "megabytes must be"),
        ({"megabytes": True}, "megabytes must be"),
        ({"published": {"Sintel": 3}}, "published: expected data set"),
        ({"published": {"Sintel": {"EPE": "3"}}}, "published: expected data set"),
        ({"published": []}, "published: expected data set"),
    ],
)
def test_what_a_model_may_not_say(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match="models") as caught:
        parse_catalogue(text(row(**fields)))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (text(row(), row()), "models[1]: the name 'tiny' is there twice"),
        (text(format="flownet2 catalogue 2"), "this flownet2 reads"),
        (text(more=1), "unknown field 'more'"),
        (text(models={}), "models a list"),
        (text(licenses={"free": FREE | {"research_only": 1}}), "research_only must be true or false"),
        (text(licenses={"free": {"title": "x"}}), "no field 'research_only', no field 'source', no field 'terms'"),
        (text(3), "models[0]: expected an object, got int"),
        ('{"format": 1, "format": 2}', "'format' is there twice"),
        ("{", "Expecting property name"),
        ("[" * 100_000, ""),
    ],
)
def test_broken_catalogues(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        load_catalogue(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


def test_a_missing_field_is_named() -> None:
    less = row()
    del less["page"]
    with pytest.raises(InputError, match="no field 'page'"):
        parse_catalogue(text(less))


def test_a_misspelt_name() -> None:
    with pytest.raises(InputError, match=r"no model 'flownet2-thing' \(did you mean 'flownet2-things'"):
        load_catalogue(BUILT_IN).find("flownet2-thing")


def test_another_file_by_the_environment(catalogue: Callable[..., Path]) -> None:
    path = catalogue(row())
    assert list(load_catalogue()) == ["tiny"]
    path.write_text(text(row(name="other")))
    assert list(load_catalogue()) == ["other"]


def test_table_and_filters(run: Any, home: Path) -> None:
    code, out, err = run("models")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split()[:3] == ["name", "network", "origin"]
    assert {line.split()[0] for line in lines[1:-2]} == set(load_catalogue())
    assert any(
        line.split()[0] == "flownet2-things" and "650 MB" in line and "available" in line for line in lines[1:-2]
    )
    rows = json.loads(run("models", "--json", "--origin", "MMFLOW", "--network", "css", "--data", "sdhom")[1])
    assert [row["name"] for row in rows] == ["flownet2css-sd-things"]
    assert rows[0]["parameters"] == 116565942
    assert run("models", "--installed")[1] == "none\n"


def test_card(run: Any, home: Path) -> None:
    code, out, _ = run("models", "flownet2-nvidia")
    assert code == 0
    for words in ("620 MB as published", "research purposes only", "drive.usercontent.google.com", "SHA-256"):
        assert words in out
    assert "get it with: flownet2 download flownet2-things" in run("models", "flownet2-things")[1]
    assert json.loads(run("models", "flownet2-things", "--json")[1])["license"]["research_only"] is False
    assert run("models", "flownet2-thing")[0] == 1

"""Every task of the catalogue has the names, types, defaults, choices and outputs that Esri documents; the rest is called ours."""

from __future__ import annotations

import re

import pytest
from documented import TASKS, UNSAID

import spatial_widgets.server.tasks  # noqa: F401 -- importing registers
from spatial_widgets.server.catalogue import APPROXIMATES, CATALOGUE
from spatial_widgets.server.registry import REGISTRY

#: Our data types for what the documents call a layer, a list … (all of them GPString in the hosted service).
TYPES = {
    "layer": "GPFeatureRecordSetLayer",
    "layers": "GPMultiValue:GPFeatureRecordSetLayer",
    "table": "GPRecordSet",
    "rows": "GPString",
    "text": "GPString",
    "object": "GPString",
    "texts": "GPMultiValue:GPString",
    "doubles": "GPMultiValue:GPDouble",
    "bool": "GPBoolean",
    "double": "GPDouble",
    "long": "GPLong",
    "date": "GPDate",
    "file": "GPDataFile",
}
#: Required there, and here they may be left out: there is a default.
EASIER = {
    "FindNearest": {"measurementType"},
    "FindPointClusters": {"minFeaturesCluster"},
    "GenerateTessellations": {"binType"},
}
#: Minutes there, which need streets: here it is a length, and said to be ours.
OTHERWISE = {"ChooseBestFacilities": {"maxTravelRangeUnits"}}
#: Tasks whose pages do not name all fields of their results.
NAMELESS = [
    "AggregatePoints",
    "CalculateDensity",
    "ChooseBestFacilities",
    "CreateBuffers",
    "FindHotSpots",
    "FindOutliers",
    "InterpolatePoints",
    "JoinFeatures",
    "SummarizeCenterAndDispersion",
    "SummarizeNearby",
    "SummarizeWithin",
]


def is_ours(text):
    return re.search(r"\bours?\b", text) is not None


def described(name):
    return {p.name: p for p in REGISTRY[name].parameters}


def test_all_tasks_of_the_catalogue_are_compared_and_each_names_its_page():
    assert sorted(TASKS) == sorted(CATALOGUE)
    assert len(TASKS) == 33
    assert all(page.source.startswith("https://developers.arcgis.com/rest/") for page in TASKS.values())


@pytest.mark.parametrize("name", TASKS)
def test_nothing_is_missing_and_what_is_more_is_called_ours(name):
    documented = {p.name for p in TASKS[name].parameters}
    told = described(name)
    assert documented <= set(told)
    assert all(is_ours(told[more].description) for more in set(told) - documented)


@pytest.mark.parametrize("name", TASKS)
def test_outputs_come_in_the_documented_order(name):
    documented = [p.name for p in TASKS[name].parameters if p.is_output]
    assert [p.name for p in REGISTRY[name].outputs] == documented


@pytest.mark.parametrize("name", TASKS)
def test_types_and_needs_are_the_documented_ones(name):
    told = described(name)
    for documented in TASKS[name].parameters:
        ours = told[documented.name]
        assert ours.data_type == TYPES[documented.kind], documented.name
        assert ours.is_input != documented.is_output, documented.name
        assert ours.holds_rows == (documented.kind == "rows"), documented.name
        is_easier = documented.name in EASIER.get(name, ())
        assert ours.required == (documented.required and not is_easier), documented.name
        assert not is_easier or (documented.required and ours.default is not None), documented.name


@pytest.mark.parametrize("name", TASKS)
def test_defaults_and_choices_are_the_documented_ones_or_called_ours(name):
    told = described(name)
    for documented in TASKS[name].parameters:
        ours = told[documented.name]
        if documented.default is UNSAID or documented.name in OTHERWISE.get(name, ()):
            assert ours.default is None or is_ours(ours.description), documented.name
            assert documented.default is UNSAID or is_ours(ours.description), documented.name
        else:
            assert ours.default == documented.default, documented.name
            assert isinstance(ours.default, bool) == isinstance(documented.default, bool), documented.name
        if documented.choices:
            assert sorted(map(str, ours.choices)) == sorted(documented.choices), documented.name
        else:
            assert not ours.choices or is_ours(ours.description), documented.name
        assert not documented.unknown or is_ours(ours.description), documented.name


@pytest.mark.parametrize("name", [name for name, entry in CATALOGUE.items() if entry.word == APPROXIMATES])
def test_what_approximates_says_so_in_its_description(name):
    assert re.search(r"Esri's|hosted service", REGISTRY[name].description)


@pytest.mark.parametrize("name", NAMELESS)
def test_names_of_fields_that_no_document_gives_are_called_ours(name):
    assert re.search(r"\bnames?\b[^.]*\bours\b", " ".join(REGISTRY[name].description.split()), re.IGNORECASE)

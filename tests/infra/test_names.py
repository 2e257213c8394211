"""The module and the program mean the same: settings, labels, figures, words of the log."""

from __future__ import annotations

import re

from pipeline.exposition import Metric
from pipeline.ownlog import FIGURES
from pipeline.received import OWN_LABEL
from pipeline.settings import KNOWN
from pipeline.vitals import Vitals, figures, metrics
from tests.infra.hcl import blocks
from tests.infra.terraform import MODULE

TEXT = "\n".join(path.read_text(encoding="utf-8") for path in sorted(MODULE.glob("*.tf")))


def test_settings_are_those_of_the_program() -> None:
    """Each variable that the module sets is read by somebody."""
    named = set(re.findall(r"\b(FIVEWHYS_[A-Z_]+)\b", TEXT))
    assert len(named) > 15
    assert named - set(KNOWN) - {"FIVEWHYS_"} == set()


def test_settings_of_the_modules_own_are_not_to_be_said_otherwise() -> None:
    """What the module sets, and nothing that it does not know, is refused in `settings`."""
    (variable,) = (one for one in blocks(MODULE, "variable") if one.labels == ("settings",))
    refused = set(re.findall(r'"([a-z]+(?:_[a-z]+)*)"', variable.text)) - {"settings"}
    ours = set(re.findall(r"\bFIVEWHYS_([A-Z_]+[A-Z])\b", TEXT))
    assert {name.lower() for name in ours} <= refused
    assert {f"FIVEWHYS_{name.upper()}" for name in refused} <= set(KNOWN)


def test_our_own_entries_are_known_by_the_label_they_bear() -> None:
    """In the sink's exclusion, and where they are counted."""
    for name in ("sink.tf", "alerts.tf", "outputs.tf"):
        assert f'labels.\\"{OWN_LABEL}\\":*' in (MODULE / name).read_text(encoding="utf-8")


def test_alerts_are_made_of_figures_that_the_log_has() -> None:
    """Each field that a metric reads is one of those that are told each minute."""
    outbox = [Metric("fivewhys_outbox_oldest_seconds", "", {"a/b": 1.0}, "tracker")]
    outbox.append(Metric("fivewhys_outbox_waiting", "", {"a/b": 1.0}, "tracker"))
    kept = ("fivewhys_inbox_oldest_seconds", "fivewhys_quarantine_messages")
    others = [Metric(name, "", {"": 1.0}) for name in kept]
    others.append(Metric("fivewhys_incidents", "", {"new": 1.0, "resolved": 0.0}, "state"))
    told = figures([*metrics(Vitals(), None, (), 0), *outbox, *others], 0)
    text = (MODULE / "alerts.tf").read_text(encoding="utf-8")
    read = set(re.findall(rf"jsonPayload\.{FIGURES}\.([a-z_]+)", text))
    read |= set(re.findall(r'field = "([a-z_]+)"', text))
    assert len(read) > 7
    assert read <= told.keys()


def test_each_alert_names_its_section_of_the_runbook() -> None:
    """Whose anchor is made of the alert's name."""
    text = (MODULE / "alerts.tf").read_text(encoding="utf-8")
    assert '${var.runbook_url}#${replace(each.key, " ", "-")}' in text

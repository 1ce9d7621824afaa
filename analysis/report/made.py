"""How the run was made, and its winner as a file to copy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from analysis.fidelity import ended
from analysis.metrics import number
from analysis.parameters import plain
from analysis.report.trials import rounded
from searchspaces.as_yaml import as_yaml

if TYPE_CHECKING:
    from analysis.findings import Findings

_LONGEST_SPEC = 200_000
"""Characters of spec.yaml that are shown; a longer one is no spec of a person."""


def winner(findings: Findings) -> dict[str, Any] | None:
    """The best trial: its config as YAML, as ``orch best`` writes it, and its whole curve.

    None without a best trial.
    """
    best, meta = findings.best, findings.run.meta
    if best is None:
        return None
    head = (f"# run {_one_line(meta.run)}, trial {best.number}\n"
            f"# {_one_line(meta.metric)} {number(best.objective, meta.metric)} "
            f"at {best.where(meta.max_epochs)}\n")  # fmt: skip
    whole = findings.run.curves(meta.metric)[best.row, : int(ended(findings.run)[best.row])]
    return {
        "number": best.number,
        "epoch": best.epoch,
        "yaml": head + as_yaml(best.config),
        "curve": rounded(whole),
    }


def made(findings: Findings) -> dict[str, Any]:
    """Facts as (name, words), and the text of ``spec.yaml`` where there is one."""
    meta, raw = findings.run.meta, findings.run.meta.raw
    spec = _spec_text(findings)
    known = _provenance(spec)
    versions = known.get("versions")
    facts = [
        ("run", meta.run),
        ("architecture", raw.get("architecture")),
        ("data", raw.get("dataset")),
        ("split", meta.split),
        ("care", meta.warning),
        ("objective", f"{meta.metric}, {meta.mode}"),
        ("epochs", f"{meta.max_epochs} for a full trial; "
                   f"compared at {', '.join(str(rung) for rung in meta.rungs)}"),
        ("searcher", _choice(raw.get("searcher"))),
        ("scheduler", _choice(raw.get("scheduler"))),
        ("seed", raw.get("seed")),
        ("versions", _pairs(versions) if isinstance(versions, Mapping) else None),
        ("command", known.get("command")),
        ("git commit", _commit(known)),
        ("created", known.get("created")),
    ]  # fmt: skip
    return {
        "facts": [[name, str(said)] for name, said in facts if said not in (None, "")],
        "spec": spec,
    }


def _spec_text(findings: Findings) -> str:
    try:
        text = (findings.run.folder / "spec.yaml").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return text if len(text) <= _LONGEST_SPEC else f"{text[:_LONGEST_SPEC]}\n# ... cut here"


def _provenance(spec: str) -> Mapping[str, Any]:
    """What the spec says about where it came from; nothing if it cannot be read."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        found = YAML(typ="safe", pure=True).load(spec) if spec else None
    except (YAMLError, ValueError):
        return {}
    known = found.get("provenance") if isinstance(found, Mapping) else None
    return known if isinstance(known, Mapping) else {}


def _choice(entry: object) -> str:
    """``bohb: top_n_percent 15, num_samples 64``."""
    if not isinstance(entry, Mapping):
        return str(entry or "")
    kind = str(entry.get("kind", ""))
    rest = {key: value for key, value in entry.items() if key != "kind" and value is not None}
    return ": ".join(part for part in (kind, _pairs(rest)) if part)


def _pairs(mapping: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {plain(value)}" for name, value in mapping.items())


def _commit(known: Mapping[str, Any]) -> str:
    commit = str(known.get("git_commit") or "")
    return f"{commit} with changes" if commit and known.get("git_dirty") else commit


def _one_line(text: str) -> str:
    return " ".join(text.split())

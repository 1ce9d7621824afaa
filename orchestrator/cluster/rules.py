"""What a cluster file must say: Ray's published schema, and what that cannot express."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from orchestrator.cluster.installed import file_of_ray
from orchestrator.declared import join, unknown_key
from orchestrator.spec_file import FileError
from searchspaces.errors import ConfigurationError, OrchError, did_you_mean, nearest_first

PROVIDERS = ("local", "aws", "gcp", "azure", "vsphere", "aliyun", "external")
_NEEDED = {
    "aws": {"region": "eu-central-1"},
    "gcp": {"region": "europe-west4", "availability_zone": "europe-west4-a", "project_id": "lab-1"},
    "azure": {"location": "westeurope", "resource_group": "lab"},
}
_LOCAL_KEYS = ("type", "head_ip", "worker_ips", "external_head_ip", "coordinator_address")
_KINDS = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}
_MISSING = {
    "cluster_name": "Give the cluster a name of its own.",
    "provider": "Say where the hosts are: provider: {type: local, head_ip: ..., worker_ips: [...]}",
    "type": f"One of {', '.join(PROVIDERS)}.",
    "resources": "Write what a node has, {CPU: 4}, or {} where Ray shall find out.",
    "node_config": "Write the provider's settings of a node, such as {InstanceType: m5.large}.",
    "ssh_proxy_command": "ssh_proxy_use_node_id needs it.",
}


def problems(
    path: Path, values: Mapping[str, Any], lines: Mapping[str, int]
) -> tuple[FileError, ...]:
    """Everything that is wrong with a cluster file, in the order of its lines.

    Args:
        path: the file.
        values: what it holds.
        lines: the line of each dotted path.
    """
    found = list(_of_schema(values)) or list(_of_rules(values))
    errors = [FileError(path, _line(error.place, lines), str(error)) for error in found]
    return tuple(sorted(errors, key=lambda error: error.line))


def _of_schema(values: Mapping[str, Any]) -> Iterator[ConfigurationError]:
    """What Ray's schema refuses."""
    import jsonschema

    said = dict(values)
    provider = said.get("provider")
    if isinstance(provider, dict) and provider.get("type") == "local":
        said.pop("min_workers", None)  # Ray takes it for hosts that are there, its schema does not
    validator = jsonschema.Draft7Validator(json.loads(_schema().read_text(encoding="utf-8")))
    for error in validator.iter_errors(said):
        yield from _sentences(error)


def _sentences(error: Any) -> Iterator[ConfigurationError]:
    """One of jsonschema's errors in plain words; one each key that is unknown or missing."""
    place = join(*map(str, error.absolute_path))
    match error.validator:
        case "additionalProperties":
            known = error.schema.get("properties", {})
            for key in error.instance:
                if key not in known:
                    yield unknown_key(str(key), nearest_first(str(key), known), place=place)
        case "required":
            known = error.schema.get("properties", {})
            strange = [str(key) for key in error.instance if known and key not in known]
            for key in error.validator_value:
                told = error.schema.get("additionalProperties") is False  # as an unknown key
                if key not in error.instance and not (told and did_you_mean(key, strange)):
                    yield _missing(key, _MISSING.get(key, ""), strange, place)
        case "if" | "allOf":
            for below in error.context:
                yield from _sentences(below)
        case "type":
            wanted = error.validator_value
            names = [wanted] if isinstance(wanted, str) else wanted
            kinds = " or ".join(_KINDS[name] for name in names)
            yield ConfigurationError(f"{_shown(error.instance)} is not {kinds}.", place=place)
        case "minimum":
            yield ConfigurationError(
                f"{error.instance} is below {error.validator_value}.", place=place
            )
        case "enum":
            names = ", ".join(map(str, error.validator_value))
            yield ConfigurationError(f"{_shown(error.instance)} is none of {names}.", place=place)
        case _:
            yield ConfigurationError(f"{' '.join(error.message.split())}.", place=place)


def _of_rules(values: Mapping[str, Any]) -> Iterator[ConfigurationError]:
    """What the schema cannot say; the values are as it wants them."""
    provider = values["provider"]
    kind = provider["type"]
    if kind not in PROVIDERS:
        close = did_you_mean(kind, PROVIDERS)
        hint = f" Did you mean {close!r}?" if close else ""
        yield ConfigurationError(
            f"unknown provider {kind!r}.{hint} Known: {', '.join(PROVIDERS)}.",
            place="provider.type",
        )
        return
    for key, example in _NEEDED.get(kind, {}).items():
        if not provider.get(key):
            yield _missing(key, f"Write: {key}: {example}", (), "provider")
    yield from _of_local(values) if kind == "local" else _of_node_types(values)
    yield from _of_login(values.get("auth") or {}, needs_user=kind == "local")
    for there, here in (values.get("file_mounts") or {}).items():
        if not isinstance(here, str):
            yield ConfigurationError(
                f"{_shown(here)} is no path. Write: PATH THERE: PATH HERE",
                place=f"file_mounts.{there}",
            )


def _of_local(values: Mapping[str, Any]) -> Iterator[ConfigurationError]:
    """Hosts that are there already."""
    provider = values["provider"]
    for key in ("available_node_types", "head_node_type", "head_node", "worker_nodes"):
        if values.get(key):
            yield ConfigurationError(
                "Ray takes no node types for hosts that are there already. Take it out.", place=key
            )
    if "coordinator_address" in provider:
        if "max_workers" not in values:
            yield ConfigurationError(
                "missing. Hosts from a coordinator need it.", place="max_workers"
            )
        return
    for key, example in (("head_ip", "10.0.0.1"), ("worker_ips", "[10.0.0.2, 10.0.0.3]")):
        if not provider.get(key) and (key == "head_ip" or provider.get(key) is None):
            strange = [str(name) for name in provider if name not in _LOCAL_KEYS]
            yield _missing(key, f"Write: {key}: {example}", strange, "provider")
    addresses = [*([provider["head_ip"]] if provider.get("head_ip") else [])]
    for index, address in enumerate(provider.get("worker_ips") or ()):
        place = f"provider.worker_ips.{index}"
        if not isinstance(address, str) or not address:
            yield ConfigurationError(f"{_shown(address)} is no address.", place=place)
        elif address in addresses:
            yield ConfigurationError(f"{address} is here twice.", place=place)
        else:
            addresses.append(address)
    yield from _few_and_many(values, "")


def _of_node_types(values: Mapping[str, Any]) -> Iterator[ConfigurationError]:
    """Hosts that a provider makes."""
    types = values.get("available_node_types")
    head = values.get("head_node_type")
    if types is None:
        if head is not None:
            yield ConfigurationError(
                "names a node type, and available_node_types is missing.", place="head_node_type"
            )
        return
    if not head:
        yield _missing("head_node_type", f"One of {', '.join(types)}.", (), "")
    elif head not in types:
        close = did_you_mean(head, types)
        hint = f" Did you mean {close!r}?" if close else ""
        yield ConfigurationError(
            f"{head!r} is none of available_node_types.{hint} Known: {', '.join(types)}.",
            place="head_node_type",
        )
    fewest = sum(said.get("min_workers", 0) for said in types.values())
    most = values.get("max_workers", 2)
    own_key = values["provider"]["type"] == "aws" and (values.get("auth") or {}).get(
        "ssh_private_key"
    )
    for name, said in types.items():
        place = f"available_node_types.{name}"
        yield from _few_and_many(said, place)
        if own_key and not {"KeyName", "UserData"} & said["node_config"].keys():
            yield _missing(
                "KeyName", "Name the key pair of auth.ssh_private_key in AWS.", (),
                f"{place}.node_config",
            )  # fmt: skip
    if fewest > most:
        yield ConfigurationError(
            f"{most} is below the {fewest} that min_workers of all node types add up to. "
            "Give a higher max_workers, or lower min_workers.",
            place="max_workers",
        )


def _few_and_many(said: Mapping[str, Any], place: str) -> Iterator[ConfigurationError]:
    fewest, most = said.get("min_workers", 0), said.get("max_workers")
    if not isinstance(fewest, int) or fewest < 0:
        yield ConfigurationError(
            f"{_shown(fewest)} is no number of workers.", place=join(place, "min_workers")
        )
    elif most is not None and fewest > most:
        yield ConfigurationError(
            f"{fewest} is above max_workers={most}. Give min_workers <= max_workers.",
            place=join(place, "min_workers"),
        )


def _of_login(auth: Mapping[str, Any], *, needs_user: bool) -> Iterator[ConfigurationError]:
    """The name there and the private key here."""
    if needs_user and not auth.get("ssh_user"):
        yield _missing("ssh_user", "Write the name to log in with.", (), "auth")
    said = auth.get("ssh_private_key")
    if not said:
        return
    key, place = Path(said).expanduser(), "auth.ssh_private_key"
    if not key.is_file():
        yield ConfigurationError(
            f"there is no file {said}. Make a key: ssh-keygen -t ed25519 -f {said}", place=place
        )
    elif not os.access(key, os.R_OK):
        yield ConfigurationError(f"{said} cannot be read by you.", place=place)
    elif (mode := key.stat().st_mode & 0o777) & 0o077:
        yield ConfigurationError(
            f"{said} has mode {mode:o}, and ssh refuses a key that others can read. "
            f"Run: chmod 600 {said}",
            place=place,
        )


def _missing(key: str, way_out: str, strange: Sequence[str], place: str) -> ConfigurationError:
    """A key that must be there; ``strange`` are keys beside it that nobody knows."""
    close = did_you_mean(key, strange)
    hint = f" Is {close!r} meant for it?" if close else ""
    return ConfigurationError(f"missing.{hint} {way_out}".strip(), place=join(place, key))


def _schema() -> Path:
    """Ray's schema.

    Raises:
        OrchError: Ray is not installed, or has no schema any more.
    """
    schema = file_of_ray("autoscaler/ray-schema.json")
    if schema is None:
        raise OrchError(
            "Ray's schema of cluster files is not there: ray/autoscaler/ray-schema.json. "
            "Run: pip install 'ray[default]'"
        )
    return schema


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _line(place: str, lines: Mapping[str, int]) -> int:
    """The line of the nearest path above ``place`` that the file has; keys may hold dots."""
    while place:
        if place in lines:
            return lines[place]
        place = place.rpartition(".")[0]
    return 0

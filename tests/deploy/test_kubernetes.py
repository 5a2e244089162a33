"""deploy/kubernetes against what is true elsewhere: docker-compose.yml, `motcua secrets`, the bus's own reading of its file.

No cluster is at hand; what was rendered and what was only compared is said in docs/kubernetes.md.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from services.deployment import CLUSTER, Secrets
from services.embedded.nats import _binary
from shared.topology import SERVICES
from tests.deploy.stack import ROOT

PLACE = ROOT / "deploy" / "kubernetes"
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
OVER: dict[str, Any] = yaml.safe_load(
    (ROOT / "deploy" / "cluster" / "docker-compose.yml").read_text("utf-8").replace("!override", "")
)
KUBERNETES = "1.33"
RULES_OF_POSTGRES = ROOT / "deploy" / "postgres" / "pg_hba.conf"
GENERATED: list[dict[str, Any]] = yaml.safe_load((PLACE / "credentials" / "kustomization.yaml").read_text("utf-8"))[
    "secretGenerator"
]


def manifest(file: str, kind: str) -> dict[str, Any]:
    found = [one for one in yaml.safe_load_all((PLACE / file).read_text("utf-8")) if one["kind"] == kind]
    assert len(found) == 1
    return dict(found[0])


def pod(name: str) -> dict[str, Any]:
    template = manifest(f"{name}.yaml", "Job" if name == "provision" else "Deployment")["spec"]["template"]
    return dict(template["spec"])


def environment(name: str) -> dict[str, str]:
    """What the container finds in its environment, the settings that all services share included."""
    container = pod(name)["containers"][0]
    found = dict[str, str]()
    if container.get("envFrom") == [{"configMapRef": {"name": "motcua-settings"}}]:
        lines = (PLACE / "settings.env").read_text("utf-8").splitlines()
        found = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return found | {one["name"]: one["value"] for one in container.get("env", [])}


def keys(secret: str) -> dict[str, str]:
    """Key inside the secret, and the file of `motcua secrets` that it is made from."""
    files = next(one for one in GENERATED if one["name"] == secret)["files"]
    return dict(one.replace("secrets/", "").split("=", 1) for one in files)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kubernetes") / "secrets"
    Secrets(folder).make(["10966"])
    return folder


@pytest.mark.parametrize("name", [*SERVICES, "provision"])
def test_a_container_finds_the_environment_that_it_has_in_compose(name: str) -> None:
    said = COMPOSE["services"][name]["environment"] | OVER["services"][name].get("environment", {})
    assert environment(name) == {key: re.sub(r"\$\{\w+:-(.*)\}", r"\1", text) for key, text in said.items()}


@pytest.mark.parametrize("name", [*SERVICES, "provision"])
def test_a_container_finds_the_secrets_that_it_has_in_the_cluster_of_compose(name: str) -> None:
    files = {secret: one["file"] for secret, one in (COMPOSE["secrets"] | OVER["secrets"]).items()}
    mounted = [
        (one, one) if isinstance(one, str) else (one["source"], one.get("target", one["source"]))
        for one in COMPOSE["services"][name]["secrets"]
    ]
    assert keys(f"motcua-{name}") == {target: _last(files[source]) for source, target in mounted}
    volume = pod(name)["volumes"][0]
    assert volume["secret"]["secretName"] == f"motcua-{name}"
    mount = {"name": volume["name"], "mountPath": environment(name)["MOTCUA_SECRETS"], "readOnly": True}
    assert pod(name)["containers"][0]["volumeMounts"][0] == mount


def _last(file: str) -> str:
    """`${MOTCUA_SECRETS_DIR:-./secrets}/ca` and `${…:-./deploy/notification/deliveries.yaml}`: ca, deliveries."""
    return file.rpartition("/")[2].removesuffix(".yaml}")


def test_every_secret_is_made_of_files_that_motcua_secrets_makes(made: Path) -> None:
    there = {one.name for one in made.iterdir()} | {"deliveries"}  # the Makefile copies the receivers beside them
    for one in GENERATED:
        assert set(keys(one["name"]).values()) <= there, one["name"]
    assert "ca-key" not in {file for one in GENERATED for file in keys(one["name"]).values()}


@pytest.mark.parametrize("name", [*SERVICES, "provision"])
def test_a_pod_is_as_confined_and_as_large_as_its_container(name: str) -> None:
    inside, part = pod(name)["containers"][0], COMPOSE["services"][name]
    assert inside["image"] == part["image"].partition(":")[0]
    assert inside["args"] == part["command"]
    assert f"{pod(name)['securityContext']['runAsUser']}:{pod(name)['securityContext']['runAsGroup']}" == part["user"]
    assert inside["securityContext"]["readOnlyRootFilesystem"] is part["read_only"]
    assert inside["securityContext"]["capabilities"]["drop"] == part["cap_drop"]
    assert not inside["securityContext"]["allowPrivilegeEscalation"] and pod(name)["securityContext"]["runAsNonRoot"]
    assert inside["resources"]["limits"]["memory"] == part["mem_limit"].replace("m", "Mi")
    spare = next(one["emptyDir"]["sizeLimit"] for one in pod(name)["volumes"] if one["name"] == "tmp")
    assert spare == part["tmpfs"][0].partition("size=")[2].partition(",")[0].replace("m", "Mi")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_probed_stopped_and_doubled_as_in_the_cluster_of_compose(name: str) -> None:
    inside, part = pod(name)["containers"][0], COMPOSE["services"][name]
    check = part["healthcheck"]
    for probe, tries in (("startupProbe", 60), ("readinessProbe", check["retries"])):
        assert inside[probe]["httpGet"]["path"] in check["test"][-1]
        assert inside[probe]["periodSeconds"] == _seconds(check["interval"])
        assert inside[probe]["timeoutSeconds"] == _seconds(check["timeout"])
        assert inside[probe]["failureThreshold"] == tries
    assert 60 * _seconds(check["interval"]) == _seconds(check["start_period"])
    assert inside["livenessProbe"]["httpGet"]["path"] == "/healthz", "a lost database must not restart every pod"
    assert pod(name)["terminationGracePeriodSeconds"] == _seconds(part["stop_grace_period"])
    assert manifest(f"{name}.yaml", "Deployment")["spec"]["replicas"] == OVER["services"][name]["scale"]
    ports = {one["name"]: one["containerPort"] for one in inside["ports"]}
    assert f":{ports['http']}" in part["ports"][0] and str(ports["http"]) == environment(name)["MOTCUA_PORT"]
    assert (inside["resources"]["requests"]["cpu"] == "100m") == ("cpu_shares" in part)


def _seconds(text: str) -> int:
    return int(text.removesuffix("s"))


@pytest.mark.parametrize("name", SERVICES)
def test_what_selects_a_service_selects_its_pods(name: str) -> None:
    labels = manifest(f"{name}.yaml", "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert labels == {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "motcua"}
    assert manifest(f"{name}.yaml", "Deployment")["spec"]["selector"]["matchLabels"] == labels
    assert manifest(f"{name}.yaml", "Service")["spec"]["selector"] == labels
    assert manifest(f"{name}.yaml", "PodDisruptionBudget")["spec"]["selector"]["matchLabels"] == labels


def test_the_database_admits_whom_the_container_admits() -> None:
    ours = manifest("postgres.yaml", "Cluster")["spec"]["postgresql"]["pg_hba"]
    lines = [line.split() for line in RULES_OF_POSTGRES.read_text("utf-8").splitlines()]
    admitted = [(line[1], line[2]) for line in lines if line and line[0] == "host"]
    assert [tuple(one.split()[1:3]) for one in ours] == [*admitted, ("all", "all")]
    assert ours[-1].endswith("reject") and all(one.startswith("hostssl") for one in ours[:-1])


def test_servers_and_database_answer_to_the_names_in_the_addresses(made: Path) -> None:
    names = [one["metadata"]["name"] for one in yaml.safe_load_all((PLACE / "nats-names.yaml").read_text("utf-8"))]
    assert names == list(CLUSTER)
    managed = manifest("postgres.yaml", "Cluster")["spec"]["managed"]["services"]["additional"][0]
    assert f"@{managed['serviceTemplate']['metadata']['name']}:5432/" in (made / "dossier-database-url").read_text()


def values() -> dict[str, Any]:
    return dict(yaml.safe_load((PLACE / "nats-values.yaml").read_text("utf-8")))


def test_images_have_the_versions_of_compose() -> None:
    images = yaml.safe_load((PLACE / "kustomization.yaml").read_text("utf-8"))["images"]
    assert f"motcua:${{MOTCUA_VERSION:-{images[0]['newTag']}}}" == COMPOSE["services"]["dossier"]["image"]
    for part, name in (("container", "nats"), ("promExporter", "nats-exporter")):
        image = values()[part]["image"]
        assert f"{image['repository']}:{image['tag']}" == COMPOSE["services"][name]["image"]


def test_the_bus_reads_what_the_chart_makes_of_our_values(made: Path, tmp_path: Path) -> None:
    """The chart's own part is written by hand from its version 1: files/config, `nats.loadMergePatch`, `nats.formatConfig`."""
    text = chart_configuration(values()["config"])
    assert "nats-0.nats-headless" not in text
    mounted = tmp_path / "nats-certs"
    for protocol in ("nats", "cluster"):
        (mounted / protocol).mkdir(parents=True)
        for key, file in keys("motcua-bus").items():
            (mounted / protocol / key).write_bytes((made / file).read_bytes())
    (tmp_path / "nats-config").mkdir()
    file = tmp_path / "nats-config" / "nats.conf"
    file.write_text(text.replace("/etc/", f"{tmp_path}/").replace("/data", str(tmp_path / "data")), "utf-8")
    said = subprocess.run(
        [str(_binary()), "-t", "-c", str(file)], capture_output=True, text=True, env={"POD_NAME": "nats-0"}
    )
    assert said.returncode == 0, said.stderr


def chart_configuration(config: dict[str, Any]) -> str:
    """nats.conf as chart `nats` 1.x renders it for a cluster with JetStream and TLS."""
    tls = {
        protocol: {
            "cert_file": f"/etc/nats-certs/{protocol}/{config[protocol]['tls']['cert']}",
            "key_file": f"/etc/nats-certs/{protocol}/{config[protocol]['tls']['key']}",
            **config[protocol]["tls"].get("merge", {}),
        }
        for protocol in ("nats", "cluster")
    }
    cluster = {
        "name": "nats", "port": 6222, "no_advertise": True, "tls": tls["cluster"],
        "routes": [f"tls://nats-{number}.nats-headless:6222" for number in range(config["cluster"]["replicas"])],
    } | config["cluster"]["merge"]  # fmt: skip
    for change in config["cluster"]["patch"]:
        assert change["op"] == "remove"
        del cluster[change["path"].removeprefix("/")]
    jetstream = {"max_memory_store": 0, "store_dir": "/data"} | config["jetstream"]["merge"]
    jetstream["max_file_store"] = f"<< {config['jetstream']['fileStore']['maxSize']} >>"
    whole = {
        "server_name": "<< $POD_NAME >>", "lame_duck_grace_period": "10s", "lame_duck_duration": "30s", "port": 4222,
        "http_port": 8222, "tls": tls["nats"], "cluster": cluster, "jetstream": jetstream,
    } | config["merge"]  # fmt: skip
    text = re.sub(r'".*\$include": "(.*)",?', r"include \1;", json.dumps(whole, indent=2))
    return re.sub(r'"<<\s+(.*)\s+>>"', r"\1", text)


@pytest.mark.parametrize("folder", [PLACE, PLACE / "credentials"], ids=["manifests", "credentials"])
def test_what_kustomize_renders_is_what_kubernetes_knows(folder: Path, made: Path, tmp_path: Path) -> None:
    if not shutil.which("kubectl"):
        pytest.skip("kubectl is not installed: the manifests are not rendered")
    shutil.copytree(folder, tmp_path / "there", ignore=shutil.ignore_patterns("secrets"))
    if folder.name == "credentials":
        shutil.copytree(made, tmp_path / "there" / "secrets")
        (tmp_path / "there" / "secrets" / "deliveries").write_text("receivers: {}\n")
    said = subprocess.run(["kubectl", "kustomize", str(tmp_path / "there")], capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    rendered = [one for one in yaml.safe_load_all(said.stdout) if one["apiVersion"] != "postgresql.cnpg.io/v1"]
    assert len(rendered) >= len(GENERATED)
    for one in rendered:
        kubernetes_validate.validate(one, KUBERNETES, strict=True)

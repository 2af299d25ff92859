"""The files of `deploy/`: what the programs that read them need is there, and agrees with the app."""

from pathlib import Path

import pytest
import yaml

from demos._server import guard

DEPLOY = Path(__file__).resolve().parents[1] / "deploy"
CLUSTER, APP, SERVICE = yaml.safe_load_all((DEPLOY / "ray.yaml").read_text(encoding="utf-8"))


def test_the_cluster_has_the_fields_that_kuberay_needs():
    assert (CLUSTER["apiVersion"], CLUSTER["kind"]) == ("ray.io/v1", "RayCluster")
    groups = [CLUSTER["spec"]["headGroupSpec"], *CLUSTER["spec"]["workerGroupSpecs"]]
    assert len(groups) > 1
    for group in groups:
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())  # else it is refused
        (container,) = group["template"]["spec"]["containers"]
        assert {"name", "image", "env", "resources"} <= set(container)
    for group in groups[1:]:
        assert group["groupName"]
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]


def test_what_is_shared_is_on_the_head_and_trainings_are_not():
    head, *others = [CLUSTER["spec"]["headGroupSpec"], *CLUSTER["spec"]["workerGroupSpecs"]]
    assert head["rayStartParams"]["num-cpus"] == "0"
    assert all(int(group["rayStartParams"]["num-cpus"]) > 0 for group in others)


def test_the_app_joins_the_cluster_and_passwords_are_secrets():
    assert (APP["apiVersion"], APP["kind"]) == ("apps/v1", "Deployment")
    pod = APP["spec"]["template"]
    assert APP["spec"]["selector"]["matchLabels"] == pod["metadata"]["labels"] == SERVICE["spec"]["selector"]
    (container,) = pod["spec"]["containers"]
    assert f"{CLUSTER['metadata']['name']}-head-svc:6379 --num-cpus 0" in container["args"][0]
    assert "--ray auto" in container["args"][0]
    secret = {entry["name"] for entry in container["env"] if "valueFrom" in entry}
    assert secret == {"RAY_AUTH_TOKEN", "GENAI_AUTH", "GENAI_CLASS_PASSWORD"}
    assert container["readinessProbe"]["httpGet"]["path"] == "/healthz"


def test_ray_is_of_a_version_that_the_requirements_allow():
    from packaging.requirements import Requirement

    lines = (DEPLOY.parent / "requirements-scale.txt").read_text(encoding="utf-8").splitlines()
    (needed,) = [Requirement(line) for line in lines if not line.startswith("#")]
    assert CLUSTER["spec"]["rayVersion"] in needed.specifier


@pytest.mark.parametrize("setting", ["proxy_buffering off", "hash $genai_key consistent", "proxy_http_version 1.1"])
def test_nginx_keeps_a_page_with_its_server_and_buffers_nothing(setting):
    text = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    assert f"{setting};" in text
    assert f"client_max_body_size {guard.UPLOADS // 1_000_000}m;" in text
    assert text.count("{") == text.count("}")


def test_traefik_keeps_a_page_with_a_server_that_answers():
    static = yaml.safe_load((DEPLOY / "traefik.yml").read_text(encoding="utf-8"))
    servers = DEPLOY / Path(static["providers"]["file"]["filename"]).name
    balancer = yaml.safe_load(servers.read_text(encoding="utf-8"))["http"]["services"]["genai"]["loadBalancer"]
    assert balancer["sticky"]["cookie"]["name"]
    assert balancer["healthCheck"]["path"] == "/healthz"
    assert len(balancer["servers"]) > 1

"""What the engine really says, and who must act."""

from __future__ import annotations

import pytest
import requests

from agent.core.reasons import Reason
from agent.engine.faults import api_fault, connection_fault, taken_port
from agent.errors import Stalled, Transient

TRANSIENT = [
    (500, "write /var/lib/docker/tmp/x: no space left on device", Reason.DISK_FULL),
    (
        500,
        (
            "driver failed programming external connectivity on endpoint web (3f): Bind for 0.0.0.0:8080 failed: port"
            " is already allocated"
        ),
        Reason.PORT_TAKEN,
    ),
    (500, "Error starting userland proxy: listen tcp4 0.0.0.0:80: bind: address already in use", Reason.PORT_TAKEN),
    (409, 'Conflict. The container name "/web" is already in use by container "3f".', Reason.NAME_TAKEN),
    (500, "toomanyrequests: You have reached your pull rate limit.", Reason.REGISTRY_RATE_LIMITED),
    (500, "received unexpected HTTP status: 429 Too Many Requests", Reason.REGISTRY_RATE_LIMITED),
    (
        500,
        'Get "https://r:5000/v2/": http: server gave HTTP response to HTTPS client',
        Reason.REGISTRY_UNAVAILABLE,
    ),
    (500, 'Get "https://r/v2/": x509: certificate signed by unknown authority', Reason.REGISTRY_UNAVAILABLE),
    (
        404,
        (
            "pull access denied for shop, repository does not exist or may require 'docker login': denied: requested"
            " access to the resource is denied"
        ),
        Reason.IMAGE_NOT_FOUND,
    ),
    (500, 'Get "http://r/v2/shop/manifests/1": no basic auth credentials', Reason.REGISTRY_UNAUTHORIZED),
    (500, "unauthorized: authentication required", Reason.REGISTRY_UNAUTHORIZED),
    (500, "error parsing HTTP 403 response body: invalid character", Reason.REGISTRY_UNAUTHORIZED),
    (404, "no matching manifest for linux/arm64 in the manifest list entries", Reason.IMAGE_NOT_FOUND),
    (404, "manifest for r/shop:9 not found: manifest unknown: manifest unknown", Reason.IMAGE_NOT_FOUND),
    (404, "No such image: shop:1", Reason.IMAGE_NOT_FOUND),
    (409, "cannot join network of a non running container: 3f", Reason.DEPENDENCY_NOT_READY),
    (
        500,
        "could not find an available, non-overlapping IPv4 address pool among the defaults",
        Reason.ENGINE_ERROR,
    ),
    (
        400,
        'invalid mount config for type "bind": bind source path does not exist: /srv/x',
        Reason.INVALID_CONTAINER,
    ),
    (
        500,
        'Get "https://r/v2/": dial tcp: lookup r on 127.0.0.1:53: no such host',
        Reason.REGISTRY_UNAVAILABLE,
    ),
    (500, "received unexpected HTTP status: 500 Internal Server Error", Reason.REGISTRY_UNAVAILABLE),
    (
        500,
        (
            'Get "https://r/v2/": net/http: request canceled while waiting for connection (Client.Timeout exceeded'
            " while awaiting headers)"
        ),
        Reason.REGISTRY_UNAVAILABLE,
    ),
    (404, "No such container: 3f", Reason.ENGINE_ERROR),
    (500, "something new", Reason.ENGINE_ERROR),
]

STALLED = [
    (
        400,
        (
            'failed to create shim task: OCI runtime create failed: exec: "x": executable file not found'
            " in $PATH: unknown"
        ),
    ),
    (400, "OCI runtime create failed: container_linux.go: starting container process caused: whatever"),
    (500, 'error gathering device information while adding custom device "/dev/x": no such file or directory'),
    (400, "Minimum memory limit allowed is 6MB"),
    (400, "invalid reference format"),
    (400, "a refusal nobody has seen before"),
]


@pytest.mark.parametrize(("status", "text", "reason"), TRANSIENT)
def test_what_time_or_a_person_can_mend_is_tried_again(status, text, reason):
    fault = api_fault("", status, text)
    assert isinstance(fault, Transient)
    assert fault.reason is reason


@pytest.mark.parametrize(("status", "text"), STALLED)
def test_what_only_a_commit_can_mend_is_not_tried_again(status, text):
    fault = api_fault("", status, text)
    assert isinstance(fault, Stalled)
    assert fault.reason is Reason.INVALID_CONTAINER
    assert fault.advice


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("Bind for 0.0.0.0:8080 failed: port is already allocated", 8080),
        ("Bind for :::8080 failed: port is already allocated", 8080),
        ("listen tcp4 127.0.0.1:80: bind: address already in use", 80),
        ("listen udp 0.0.0.0:53: bind: address already in use", 53),
        ("failed to bind host port for 0.0.0.0:8080:172.17.0.2:80/tcp: address already in use", 8080),
        ("failed to bind host port 127.0.0.1:8080/tcp: address already in use", 8080),
        ("failed to bind host port for [::]:8080:[fd00::2]:80/tcp: address already in use", 8080),
        ("port is already allocated", None),
    ],
)
def test_the_port_that_is_taken_is_found_in_the_words_of_old_and_new_engines(text, port):
    assert taken_port(text) == port


def test_a_taken_port_leads_the_message():
    fault = api_fault("start web", 500, "Bind for 0.0.0.0:8080 failed: port is already allocated")
    assert fault.message.startswith("start web: host port 8080 is taken")
    unknown = api_fault("", 500, "port is already allocated")
    assert unknown.message == "port is already allocated"


@pytest.mark.parametrize(
    ("text", "reason", "told"),
    [
        ("('Connection aborted.', PermissionError(13, 'Permission denied'))", Reason.ENGINE_FORBIDDEN, "group"),
        (
            "('Connection aborted.', FileNotFoundError(2, 'No such file or directory'))",
            Reason.ENGINE_UNREACHABLE,
            "start",
        ),
        ("UnixHTTPConnectionPool: Read timed out. (read timeout=60)", Reason.ENGINE_UNREACHABLE, "overloaded"),
        ("something else", Reason.ENGINE_UNREACHABLE, "start the engine"),
    ],
)
def test_an_engine_that_does_not_answer_is_told_with_the_way_to_mend_it(text, reason, told):
    fault = connection_fault("list containers", "unix:///x.sock", requests.ConnectionError(text))
    assert isinstance(fault, Transient)
    assert fault.reason is reason
    assert "unix:///x.sock" in fault.message
    assert told in fault.advice


def test_without_a_description_a_message_begins_with_what_was_found():
    fault = connection_fault("", "unix:///x.sock", requests.ConnectionError("Connection refused"))
    assert fault.message == "no engine answers at unix:///x.sock (connection refused)"

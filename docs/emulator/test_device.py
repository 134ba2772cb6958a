# SPDX-License-Identifier: MIT
"""A device by Microsoft's SDK for Python, tested against an emulator that runs. Not tried here.

    pip install pytest azure-iot-device
    npx berth emulator --example berth.json
    npx berth emulator --config berth.json --state state --https-port 8443
    pytest test_device.py

The SDK knows the port 8883 only, and looks names up: add "127.0.0.1 hub-1.example hub-2.example" to the hosts file.
"""

import json
import ssl
import urllib.request
from pathlib import Path

import pytest
from azure.iot.device import IoTHubDeviceClient, ProvisioningDeviceClient

ROOT = Path("state/ca/root.pem")
API = "https://localhost:8443"


@pytest.fixture
def root():
    return ROOT.read_text()


def control(method, path, body=None):
    """The emulator's own API: /openapi.json describes it."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(API + path, data=data, method=method)
    with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=ROOT)) as answer:
        text = answer.read()
        return json.loads(text) if text else None


def provisioned(root):
    enrollment = json.loads(Path("berth.json").read_text())["enrollments"][0]
    key = enrollment["attestation"]["symmetricKey"]["primaryKey"]
    client = ProvisioningDeviceClient.create_from_symmetric_key(
        provisioning_host="localhost",
        registration_id=enrollment["registrationId"],
        id_scope="0ne00000000",
        symmetric_key=key,
        server_verification_cert=root,
    )
    return client.register(), key


def test_a_device_finds_its_hub_and_gets_a_message(root):
    result, key = provisioned(root)
    assert result.status == "assigned"
    state = result.registration_state
    device = IoTHubDeviceClient.create_from_symmetric_key(
        key, state.assigned_hub, state.device_id, server_verification_cert=root
    )
    received = []
    device.on_message_received = received.append
    device.connect()
    device.send_message("hello")
    control("POST", f"/messages/{state.assigned_hub}/{state.device_id}", {"body": "back"})
    device.shutdown()


def test_a_device_outlasts_a_refusal(root):
    control("POST", "/faults", {"step": "register", "action": "status", "status": 500, "count": 1})
    result, _ = provisioned(root)
    assert result.status == "assigned"
    assert control("GET", "/faults")[0]["left"] == 0
    control("DELETE", "/faults")

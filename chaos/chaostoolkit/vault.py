"""Secrets from HashiCorp's Vault, over its HTTP API (https://developer.hashicorp.com/vault/api-docs)."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from chaos.model.errors import BadInput, Refused

_TIMEOUT_SECONDS = 10.0
_TOKEN_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/token"


def read_vault(what: str, path: str, key: str | None, configuration: dict[str, Any]) -> Any:
    """One secret of the key-value engine: the value at `key`, or all that is at the path.

    `configuration` says where the Vault is and how to log in (vault_addr and so on). Raises BadInput when it does not,
    and Refused when the Vault does not give the secret.
    """
    address = str(configuration.get("vault_addr") or "").rstrip("/")
    if not address:
        raise BadInput(f"{what}: the configuration has no vault_addr", "say where the Vault is")
    mount = configuration.get("vault_secrets_mount_point") or "secret"
    second = str(configuration.get("vault_kv_version") or "2") == "2"
    place = f"{mount}/data/{path}" if second else f"{mount}/{path}"
    answer = _ask(what, f"{address}/v1/{place}", _token(what, address, configuration), None)
    data = answer.get("data") or {}
    found = data.get("data") if second else data
    if not isinstance(found, dict) or (key is not None and key not in found):
        raise Refused(f"{what}: the Vault has no {key or 'secret'} at {path}", "check the path and the key")
    return found if key is None else found[key]


def _token(what: str, address: str, configuration: dict[str, Any]) -> str:
    if configuration.get("vault_token"):
        return str(configuration["vault_token"])
    if configuration.get("vault_role_id"):
        login = {"role_id": configuration["vault_role_id"], "secret_id": configuration.get("vault_role_secret")}
        return _log_in(what, f"{address}/v1/auth/approle/login", login)
    if configuration.get("vault_sa_role"):
        try:
            jwt = Path(configuration.get("vault_sa_token_path") or _TOKEN_FILE).read_text()
        except OSError as error:
            raise Refused(f"{what}: the service account's token cannot be read: {error.strerror}") from error
        mount = configuration.get("vault_k8s_mount_point") or "kubernetes"
        return _log_in(
            what, f"{address}/v1/auth/{mount}/login", {"role": configuration["vault_sa_role"], "jwt": jwt.strip()}
        )
    raise BadInput(
        f"{what}: the configuration does not say how to log in to the Vault",
        "set vault_token, vault_role_id and vault_role_secret, or vault_sa_role",
    )


def _log_in(what: str, url: str, login: dict[str, Any]) -> str:
    answer = _ask(what, url, "", login)
    try:
        return str(answer["auth"]["client_token"])
    except (KeyError, TypeError) as error:
        raise Refused(f"{what}: the Vault gave no token for this login") from error


def _ask(what: str, url: str, token: str, body: dict[str, Any] | None) -> dict[str, Any]:
    request = urllib.request.Request(url, None if body is None else json.dumps(body).encode())
    if token:
        request.add_header("X-Vault-Token", token)
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answered:
            answer = json.load(answered)
    except urllib.error.HTTPError as error:
        error.close()
        raise Refused(
            f"{what}: the Vault answered {error.code}", "check the path, and what the login may read"
        ) from None
    except (OSError, ValueError) as error:
        raise Refused(f"{what}: the Vault did not answer: {type(error).__name__}") from None
    return answer if isinstance(answer, dict) else {}

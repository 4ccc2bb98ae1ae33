"""Talking to one AWS account. The only importer of boto3, and only once something is asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from functools import partial
from typing import Any

from chaos.environments.aws.answers import ApiFailed, refused, silent
from chaos.environments.aws.parsing import read_less
from chaos.environments.aws.settings import Settings
from chaos.model.errors import BadInput, Refused

_ATTEMPTS = 5
_CONNECTIONS = 32
GLOBAL = "us-east-1"
"""Where services without a region are asked for."""


class Account:
    """Opens without asking anything. Each client is made once; clients may be used by several threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._making = threading.RLock()
        self._session: Any = None
        self._clients: dict[tuple[str, str], Any] = {}
        self._verified = False
        self._regions_verified = False

    def verify(self) -> None:
        """See that the credentials are those of the account that the settings name.

        Raises Refused, BadInput; ApiFailed when AWS gave no answer, so that who wants to undo something asks again.
        """
        if self._verified:
            return
        found = str(self.call("sts", GLOBAL, "get_caller_identity")["Account"])
        if found != self._settings.account:
            hint = "choose the right profile or roleArn, or correct `account` in the environment file"
            raise Refused(f"these credentials are of account {found}, not of {self._settings.account}", hint)
        self._verified = True

    def verify_regions(self) -> None:
        """See that the regions exist and are switched on for the account. Raises Refused, ApiFailed."""
        if self._regions_verified:
            return
        found = self.call("ec2", GLOBAL, "describe_regions", AllRegions=True)["Regions"]
        switched = {str(each["RegionName"]): each.get("OptInStatus") != "not-opted-in" for each in found}
        for region in self._settings.regions:
            if region not in switched:
                near = next(iter(get_close_matches(region, switched, 1)), "")
                hint = f"did you mean {near}?" if near else "`aws ec2 describe-regions --all-regions` lists them"
                raise Refused(f"AWS has no region {region}", hint)
            if not switched[region]:
                said = f"region {region} is not switched on for account {self._settings.account}"
                raise Refused(said, "switch it on (`aws account enable-region`), or leave it out of `regions`")
        self._regions_verified = True

    def call(self, service: str, region: str, operation: str, /, **given: Any) -> dict[str, Any]:
        """One request, by boto3's name of the operation; botocore repeats what is throttled. Raises ApiFailed."""
        with _translated(_asked(service, region, operation)):
            answer: dict[str, Any] = getattr(self._client(service, region), operation)(**given)
            return answer

    # parameters: what names one list of one service in one region
    def pages(self, service: str, region: str, operation: str, key: str, /, **given: Any) -> Iterator[dict[str, Any]]:
        """All items under `key`, page by page. Raises ApiFailed."""
        with _translated(_asked(service, region, operation)):
            for page in self._client(service, region).get_paginator(operation).paginate(**given):
                yield from page.get(key, ())

    def close(self) -> None:
        """Close all connections; what is asked afterwards opens new ones."""
        with self._making:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    def _client(self, service: str, region: str) -> Any:
        with self._making:
            if (service, region) not in self._clients:
                from botocore.config import Config

                patience = self._settings.patience_seconds
                config = Config(
                    retries={"mode": "standard", "max_attempts": _ATTEMPTS},
                    connect_timeout=patience,
                    read_timeout=patience,
                    max_pool_connections=_CONNECTIONS,
                    user_agent_extra="steadfast",
                )
                endpoint = self._settings.endpoint or None
                made = self._opened().client(service, region_name=region, endpoint_url=endpoint, config=config)
                self._clients[service, region] = made
            return self._clients[service, region]

    def _opened(self) -> Any:
        if self._session is None:
            self._session = _session(self._settings)
        return self._session


def _session(settings: Settings) -> Any:
    try:
        import boto3
        import botocore.exceptions
    except ImportError as error:
        raise BadInput("environments of type aws need boto3", "pip install 'steadfast-chaos[aws]'") from error
    try:
        session = boto3.Session(botocore_session=_reading(settings.profile))
    except botocore.exceptions.ProfileNotFound as error:
        raise BadInput(str(error), "`aws configure list-profiles` lists those there are") from error
    return _assuming(session, settings) if settings.role_arn else session


def _assuming(session: Any, settings: Settings) -> Any:
    """A session with credentials of the role, which are fetched anew before they expire."""
    import boto3
    import botocore.exceptions
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

    credentials = session.get_credentials()
    if credentials is None:
        raise botocore.exceptions.NoCredentialsError
    fetcher = AssumeRoleCredentialFetcher(
        partial(session.client, region_name=settings.regions[0], endpoint_url=settings.endpoint or None),
        credentials,
        settings.role_arn,
        extra_args={"RoleSessionName": "steadfast"},
    )
    assumed = _reading("")
    # botocore has no public way to hand credentials that refresh themselves to a session.
    assumed._credentials = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
    return boto3.Session(botocore_session=assumed)


def _reading(profile: str) -> Any:
    """A session of botocore's. Raises ProfileNotFound."""
    import botocore.session

    session = botocore.session.Session(profile=profile or None)
    read_less(session)
    return session


@contextmanager
def _translated(asked: str) -> Iterator[None]:
    """Turns what botocore raises into what we raise."""
    import botocore.exceptions as raised
    from botocore.parsers import ResponseParserError

    try:
        yield
    except raised.ClientError as error:
        raise refused(asked, error) from error
    except (raised.NoCredentialsError, raised.PartialCredentialsError) as error:
        hint = "log in (`aws configure`, `aws sso login`), or name a profile in the environment file"
        raise ApiFailed("there are no AWS credentials here", hint, "no") from error
    except (raised.SSOError, raised.TokenRetrievalError, raised.CredentialRetrievalError) as error:
        hint = "log in again (`aws sso login`)"
        raise ApiFailed(f"there are no AWS credentials here (any more): {error}", hint, "no") from error
    except (raised.BotoCoreError, ResponseParserError) as error:
        raise silent(asked, str(error)) from error


def _asked(service: str, region: str, operation: str) -> str:
    action = "".join(word.capitalize() for word in operation.split("_"))
    return f"{service}:{action} in {region}"

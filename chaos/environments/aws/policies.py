"""Which actions each capability needs, as IAM has them. Data, and one reader of it.

Service Authorization Reference: https://docs.aws.amazon.com/service-authorization/latest/reference/
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from chaos.environments.aws import aspects, denials, documents, renewal, scanning, shifts
from chaos.environments.aws.account import GLOBAL
from chaos.environments.aws.rights import Need
from chaos.environments.aws.settings import Settings
from chaos.model import aws as bound
from chaos.model import aws_acts as acts
from chaos.model import capabilities as portable
from chaos.model import fis
from chaos.model.residue import CanScanInPart

LOOK = (
    "ec2:DescribeInstances",
    "ec2:DescribeRegions",
    "autoscaling:DescribeAutoScalingGroups",
    "rds:DescribeDBClusters",
    "rds:DescribeDBInstances",
    "tag:GetResources",
)
"""Besides sts:GetCallerIdentity, which needs no permission."""

_MACHINES = ("arn:aws:ec2:*:{account}:instance/*",)
_ACLS = ("arn:aws:ec2:*:{account}:network-acl/*", "arn:aws:ec2:*:{account}:vpc/*", "arn:aws:ec2:*:{account}:subnet/*")
_GROUPS = ("arn:aws:autoscaling:*:{account}:autoScalingGroup:*:autoScalingGroupName/*",)
_CUT = (
    Need(("ec2:DescribeNetworkAcls",), ("*",)),
    Need(("ec2:CreateNetworkAcl", "ec2:ReplaceNetworkAclAssociation", "ec2:DeleteNetworkAcl", "ec2:CreateTags"), _ACLS),
)
_CHANGE_GROUP = (
    "autoscaling:UpdateAutoScalingGroup",
    "autoscaling:SuspendProcesses",
    "autoscaling:ResumeProcesses",
    "autoscaling:CreateOrUpdateTags",
    "autoscaling:DeleteTags",
)
_GROUPS_OF_MACHINES = ("arn:aws:ec2:*:{account}:security-group/*", "arn:aws:ec2:*:{account}:vpc/*")
_ROLE = ("iam:PutRolePolicy", "iam:DeleteRolePolicy", "iam:GetRolePolicy", "iam:ListRolePolicies", "iam:ListRoleTags")
_FUNCTION = (
    "lambda:PutFunctionConcurrency",
    "lambda:DeleteFunctionConcurrency",
    "lambda:GetFunctionConcurrency",
    "lambda:ListTags",
    "lambda:TagResource",
    "lambda:UntagResource",
)
_TEMPLATES = ("arn:aws:fis:*:{account}:experiment-template/*",)
_EXPERIMENTS = ("arn:aws:fis:*:{account}:experiment/*",)
OF_CAPABILITY: dict[type, tuple[Need, ...]] = {
    portable.CanKill: (
        Need(("ec2:StopInstances", "ec2:StartInstances"), _MACHINES, armed=True),
        Need(("ec2:CreateTags", "ec2:DeleteTags"), _MACHINES, armed=True),
    ),
    portable.CanFailRegion: _CUT,
    bound.CanCutZone: _CUT,
    bound.CanSetCapacity: (Need(_CHANGE_GROUP, _GROUPS, armed=True),),
    bound.CanAddMachines: (
        Need(
            ("autoscaling:UpdateAutoScalingGroup", "autoscaling:CreateOrUpdateTags", "autoscaling:DeleteTags"),
            _GROUPS,
            armed=True,
        ),
    ),
    bound.CanFailOver: (
        Need(("rds:FailoverDBCluster",), ("arn:aws:rds:*:{account}:cluster:*",), armed=True),
        Need(("rds:RebootDBInstance",), ("arn:aws:rds:*:{account}:db:*",), armed=True),
    ),
    bound.CanIsolateMachine: (
        Need(("ec2:DescribeSecurityGroups",), ("*",)),
        Need(
            ("ec2:CreateSecurityGroup", "ec2:DeleteSecurityGroup", "ec2:RevokeSecurityGroupEgress"),
            _GROUPS_OF_MACHINES,
        ),
        Need(("ec2:ModifyInstanceAttribute",), (*_MACHINES, "arn:aws:ec2:*:{account}:security-group/*")),
        Need(("ec2:CreateTags", "ec2:DeleteTags"), _MACHINES, armed=True),
    ),
    bound.CanLimitFunction: (Need(_FUNCTION, ("arn:aws:lambda:*:{account}:function:*",), armed=True),),
    bound.CanDeny: (Need(_ROLE, ("arn:aws:iam::{account}:role/*",), armed=True),),
    fis.CanRunTemplates: (
        Need(("fis:ListExperiments",), ("*",)),
        Need(("fis:GetExperimentTemplate", "fis:StartExperiment"), _TEMPLATES, armed=True),
        Need(("fis:StartExperiment", "fis:TagResource", "fis:GetExperiment", "fis:StopExperiment"), _EXPERIMENTS),
    ),
    **{capability: aspect.needs for capability, aspect in aspects.OF_CAPABILITY.items()},
    **renewal.NEEDS,
    acts.CanDenyUse: denials.NEEDS,
    acts.CanShiftZone: shifts.NEEDS,
    acts.CanRunDocument: documents.NEEDS,
    CanScanInPart: scanning.NEEDS,
    bound.CanShiftTraffic: (
        Need(
            (
                "route53:ListResourceRecordSets",
                "route53:ChangeResourceRecordSets",
                "route53:ListTagsForResource",
                "route53:ChangeTagsForResource",
            ),
            ("arn:aws:route53:::hostedzone/*",),
        ),
    ),
}
"""A new capability adds its line here."""


def policy(settings: Settings, capabilities: Iterable[type]) -> str:
    """The least that is needed, as an IAM policy document in JSON."""
    needs = dict.fromkeys(need for capability in capabilities for need in OF_CAPABILITY.get(capability, ()))
    statements = [_statement(Need(LOOK, ("*",)), settings), *(_statement(need, settings) for need in needs)]
    document = {"Version": "2012-10-17", "Statement": statements}
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _statement(need: Need, settings: Settings) -> dict[str, object]:
    conditions: dict[str, dict[str, object]] = {}
    if all(resource == "*" for resource in need.resources):
        regions = list(dict.fromkeys((*settings.regions, GLOBAL)))  # what is in no region is asked for there
        conditions["StringEquals"] = {"aws:RequestedRegion": regions}
    if need.armed:
        conditions["StringEquals"] = {f"aws:ResourceTag/{settings.tags.armed}": "true"}
    resources = [each.format(account=settings.account) for each in need.resources]
    statement: dict[str, object] = {"Effect": "Allow", "Action": list(need.actions), "Resource": resources}
    return {**statement, "Condition": conditions} if conditions else statement

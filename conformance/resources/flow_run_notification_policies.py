"""Notification policies of flow runs, in the generations before automations took their place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.resources.base import Record, Resource, Workshop
from conformance.resources.block_documents import BLOCK_DOCUMENTS


def body(shop: Workshop) -> Record:
    """An inactive policy, so that no run of the suite notifies anybody."""
    return {
        "is_active": False,
        "state_names": ["Failed"],
        "tags": ["red", "blue"],
        "block_document_id": shop.shared("block_documents").record["id"],
        "message_template": "{flow_run_name} failed",
    }


def inactive(filter_: Mapping[str, Any] | None) -> Record | None:
    """The document gives the criterion of a filter that is sent, not the filter of a body without one, a default."""
    return None if filter_ is None else {"is_active": {"eq_": False}, **filter_}


FLOW_RUN_NOTIFICATION_POLICIES = Resource(
    name="flow_run_notification_policies",
    members=("/flow_run_notification_policies/{id}",),
    creates="POST /flow_run_notification_policies/",
    reads="GET /flow_run_notification_policies/{id}",
    updates="PATCH /flow_run_notification_policies/{id}",
    destroys="DELETE /flow_run_notification_policies/{id}",
    body=body,
    parents={"block_documents": {"id": "block_document_id"}},
    patches={
        "is_active": True,
        "state_names": ["Crashed"],
        # A tag that no run carries, for the moment in which the policy is active.
        "tags": lambda shop, record: [shop.name("tag")],
        "message_template": "{flow_run_name} crashed",
        "block_document_id": lambda shop, record: BLOCK_DOCUMENTS.make(shop).record["id"],
    },
    filtered="flow_run_notification_policy_filter",
    fence=None,
    meant=inactive,
    filled=frozenset({"is_active"}),
)

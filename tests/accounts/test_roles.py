"""Who may do what: the whole table, so that a change of a right is a change of this page."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser

from personalize.accounts.models import Role, User
from personalize.accounts.roles import ACTIONS
from personalize.core.permissions import allowed

O, A, M, L, P = Role.OWNER, Role.APPROVER, Role.MARKETER, Role.ANALYST, Role.OPS  # noqa: E741  Columns of the table.
TABLE = {
    "report.view": {O, A, M, L, P},
    "people.view": {O, A, M, L},
    "people.address": {O, A, M},
    "people.edit": {O, M},
    "people.import": {O, A, M},
    "audience.edit": {O, A, M},
    "people.export": {O},
    "segment.edit": {O, M},
    "content.edit": {O, A, M},
    "campaign.edit": {O, A, M},
    "automation.edit": {O, A, M},
    "automation.run": {O, A, M},
    "campaign.send": {O, A, M},
    "campaign.pause": {O, A, M, P},
    "settle.doubt": {O, A, P},
    "suppression.add": {O, A, M, P},
    "suppression.remove": {O},
    "erase": {O},
    "settings.edit": {O, P},
    "audit.view": {O},
    "health.view": {O, P},
}


def test_the_table_knows_every_action_and_every_role():
    assert set(TABLE) == set().union(*ACTIONS.values())
    assert set(ACTIONS) == set(Role)


@pytest.mark.parametrize("action", TABLE)
@pytest.mark.parametrize("role", Role)
def test_a_role_may_do_what_the_table_says(role: Role, action: str):
    assert allowed(User(role=role, is_active=True), action) == (role in TABLE[action])


@pytest.mark.parametrize("action", [*TABLE, "something.else"])
def test_a_superuser_is_an_owner_whatever_their_role(action: str):
    assert allowed(User(role=Role.ANALYST, is_active=True, is_superuser=True), action) == (action in TABLE)


@pytest.mark.parametrize("action", TABLE)
def test_strangers_and_people_who_left_may_do_nothing(action: str):
    assert not allowed(AnonymousUser(), action)
    assert not allowed(User(role=O, is_active=False), action)
    assert not allowed(User(role="invented", is_active=True), action)

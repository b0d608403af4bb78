"""The commands by which somebody who runs the installation looks after automations."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from campaigns.automations import services
from campaigns.automations.models import Automation, Enrolment
from campaigns.automations.types import EnrolmentState
from personalize.accounts.models import AuditEntry
from personalize.content.models import Template
from personalize.core.clock import now
from tests.automations.test_services import make_welcome
from tests.factories import make_automation, make_enrolment, make_follower, make_subscriber, make_topic

pytestmark = pytest.mark.usefixtures("brand")


def run(command: str, *arguments: str) -> str:
    out = StringIO()
    call_command(command, *arguments, stdout=out)
    return out.getvalue()


def told(command: str, *arguments: str) -> Any:
    return json.loads(run(command, *arguments, "--json"))


def test_status_says_who_is_where_and_fails_when_somebody_is_overdue():
    automation = make_automation()
    make_enrolment(automation, make_subscriber(), due_at=None)
    assert told("automation_status", "Welcome")[0]["at_step"] == {"wait": 1}
    assert "Waiting at: wait 1" in run("automation_status")
    Enrolment.objects.update(due_at=now().replace(year=2020))
    with pytest.raises(SystemExit) as ended:
        run("automation_status", "Welcome")
    assert ended.value.code == 1


def test_people_are_taken_out_only_by_name_of_whom():
    automation = make_automation()
    ann, bob = make_subscriber("ann@post.example"), make_subscriber("bob@post.example")
    for person in (ann, bob):
        make_enrolment(automation, person)
    with pytest.raises(CommandError, match="Say who is meant"):
        run("exit_enrolments", "Welcome")
    assert "1 people would be" in run("exit_enrolments", "Welcome", "--person", "ann@post.example", "--dry-run")
    assert told("exit_enrolments", "Welcome", "--person", "ann@post.example")["taken_out"] == 1
    states = dict(Enrolment.objects.values_list("subscriber__email", "state"))
    assert states == {"ann@post.example": EnrolmentState.EXITED, "bob@post.example": EnrolmentState.WAITING}
    assert AuditEntry.objects.get(action="automation.run").details == {"taken_out": 1}
    with pytest.raises(SystemExit):
        run("exit_enrolments", "Welcome", "--person", "ann@post.example")


def test_what_is_due_is_done_without_a_worker(maya):
    automation = make_welcome(maya)
    version = services.publish(automation=automation, actor=maya)
    ann = make_follower(make_topic())
    enrolment = make_enrolment(automation, ann, version=version, state="active", step="hello", due_at=now())
    assert "nothing is due any more" in run("run_due", "--once")
    enrolment.refresh_from_db()
    assert enrolment.state == EnrolmentState.DONE
    assert ann.messages.count() == 1


def test_an_automation_travels_with_its_templates(maya, tmp_path):
    automation = make_welcome(maya)
    run("export_automation", "Welcome", "--to", str(tmp_path / "welcome.json"))
    Automation.objects.all().delete()
    Template.objects.filter(key__isnull=True).delete()
    assert "is a draft" in run("import_automation", str(tmp_path / "welcome.json"))
    there = Automation.objects.get(name="Welcome")
    assert there.topic == automation.topic
    assert not isinstance(services.publish(automation=there, actor=maya), list)
    assert Template.objects.filter(name="Welcome").exists()


def test_a_second_import_takes_another_name_and_the_template_that_is_there(maya, tmp_path):
    make_welcome(maya)
    (tmp_path / "it.json").write_text(run("export_automation", "Welcome"))
    run("import_automation", str(tmp_path / "it.json"))
    assert set(Automation.objects.values_list("name", flat=True)) == {"Welcome", "Welcome (2)"}
    assert Template.objects.filter(name__startswith="Welcome").count() == 1


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda document: document.update(format="else"), "format"),
        (lambda document: document.update(name=""), "name"),
        (lambda document: document["templates"][0].update(subject=7), "templates[0].subject"),
        (lambda document: document["definition"]["steps"][0].update(type="dance"), "hello, type"),
    ],
)
def test_a_damaged_document_makes_nothing_and_says_where(maya, tmp_path, damage, said):
    make_welcome(maya)
    document = json.loads(run("export_automation", "Welcome"))
    damage(document)
    (tmp_path / "it.json").write_text(json.dumps(document))
    with pytest.raises(CommandError) as refused:
        run("import_automation", str(tmp_path / "it.json"))
    assert said in str(refused.value)
    assert Automation.objects.count() == 1

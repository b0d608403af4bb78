"""A file's way through the pages, by plain form posts: uploaded, mapped, checked, imported, reported."""

from __future__ import annotations

import csv
import html
import io
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from personalize.accounts.models import User
from personalize.core import clock, queue
from personalize.core.addresses import address_key
from segments.commerce.models import Order, Refund
from segments.consent.models import ConsentEntry, Subscription, Suppression
from segments.subscribers.models import AttributeDefinition, Subscriber
from segments.transfer.models import Import, ImportState
from tests.factories import make_product, make_subscriber, make_topic

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("brand")]

PEOPLE = """Email,First Name,Town,Interests,Notes
ann.whitaker@post.example,Ann,Bristol,Garden,x
liam.byrne@post.example,Liam,Cork,Gifts|Garden,y
not-an-address,Nobody,Bath,,z
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Any, settings: Any) -> Any:
    settings.VAR = tmp_path
    return tmp_path / "imports"


@pytest.fixture
def page(client: Client, priya: User) -> Client:
    client.force_login(priya)
    AttributeDefinition.objects.create(key="interests", label="Interests", type="multi", choices=["Garden", "Gifts"])
    return client


def upload(client: Client, text: str = PEOPLE, **fields: Any) -> Any:
    file = SimpleUploadedFile(fields.pop("name", "people.csv"), text.encode())
    return client.post(
        "/imports/new/", {"kind": "subscribers", "source": "shop", "encoding": "utf-8-sig", "file": file, **fields}
    )


def uploaded(client: Client, text: str = PEOPLE, **fields: Any) -> Import:
    response = upload(client, text, **fields)
    assert response.status_code == 302, response.content.decode()
    return Import.objects.latest("created_at")


def mapping(client: Client, job: Import, **changes: Any) -> dict[str, Any]:
    """What the columns form would send as it stands, with changes by the column's name."""
    form = client.get(address(job, "columns/")).context["form"]
    sent: dict[str, Any] = {bound.html_name: bound.value() or "" for bound in form.others()}
    for line in form.lines():
        sent[line.field.html_name] = changes.pop(line.name, line.field.value() or "")
        sent[line.policy.html_name] = changes.pop(f"{line.name}:policy", line.policy.value())
    return sent | changes


def address(job: Import, rest: str = "") -> str:
    return f"/imports/{job.uuid}/{rest}"


def text_of(client: Client, job: Import) -> str:
    response = client.get(address(job))
    assert response.status_code == 200
    return response.content.decode()


def checked(client: Client, job: Import, **changes: Any) -> Import:
    response = client.post(address(job, "columns/"), mapping(client, job, **changes))
    assert response.status_code == 302, response.content.decode()
    queue.look(raising=True)
    job.refresh_from_db()
    assert (job.state, job.dry_run) == (ImportState.UPLOADED, True)
    return job


def imported(client: Client, job: Import) -> Import:
    client.post(address(job, "do/start/"))
    queue.look(raising=True)
    job.refresh_from_db()
    return job


def test_people_come_in_by_forms_alone_and_nothing_is_written_before_the_last_one(page: Client):
    job = uploaded(page)
    columns = page.get(address(job, "columns/")).content.decode()
    assert "ann.whitaker@post.example" in columns
    checked(page, job, Town="city", Interests="attributes.interests")
    assert not Subscriber.objects.exists()
    said = text_of(page, job)
    assert "Import 2 people" in said
    assert "not-an-address" in said
    imported(page, job)
    assert job.state == ImportState.FINISHED
    assert list(Subscriber.objects.order_by("email").values_list("first_name", "city")) == [
        ("Ann", "Bristol"),
        ("Liam", "Cork"),
    ]
    assert f'href="/subscribers/?new_in={job.uuid}">2</a>' in text_of(page, job)
    listed = page.get(f"/subscribers/?new_in={job.uuid}").content.decode()
    assert "New during import" in listed
    assert "Liam" in listed


def test_the_figure_of_values_put_aside_leads_to_those_of_this_import(page: Client):
    for town in ("Atlantis", "Narnia"):
        job = uploaded(page, f"email,country\n{town}@post.example,{town}\n", name=f"{town}.csv")
        imported(page, checked(page, job))
    [there] = re.findall(r'href="(/attributes/quarantine/[^"]+)">1</a>', text_of(page, job))
    listed = page.get(html.unescape(there)).content.decode()
    assert "Narnia" in listed
    assert "Atlantis" not in listed


def test_columns_are_guessed_by_what_systems_call_them_until_somebody_has_chosen(page: Client):
    job = uploaded(page, "E-mail,Forename,ZIP code,Interests,Notes,Town\nann@post.example,Ann,BS1,Garden,x,Bristol\n")
    guessed = ["email", "first_name", "postal_code", "attributes.interests", "", "city"]
    lines = page.get(address(job, "columns/")).context["form"].lines()
    assert [line.field.value() for line in lines] == guessed
    checked(page, job, Town="")
    lines = page.get(address(job, "columns/")).context["form"].lines()
    assert [line.field.value() for line in lines] == [*guessed[:-1], ""]


def test_an_upload_joins_a_topic_on_its_ground_with_the_words_as_proof(page: Client):
    topic = make_topic("news")
    job = uploaded(page)
    checked(page, job, topic=str(topic.pk), basis="They signed up on paper", wording="Yes, send me news.")
    imported(page, job)
    assert set(Subscription.objects.values_list("state", flat=True)) == {"subscribed"}
    assert set(ConsentEntry.objects.values_list("basis", flat=True)) == {"They signed up on paper"}


def test_without_a_ground_people_wait_for_confirmation(page: Client):
    job = checked(page, uploaded(page), topic=str(make_topic("news").pk))
    assert "Wait for confirmation" in text_of(page, job)
    imported(page, job)
    assert set(Subscription.objects.values_list("state", flat=True)) == {"pending"}


def test_a_ground_without_a_topic_is_asked_for_at_the_field(page: Client):
    job = uploaded(page)
    response = page.post(address(job, "columns/"), mapping(page, job, basis="On paper"))
    assert response.status_code == 422
    assert "Choose the topic" in str(response.context["form"].errors["topic"])
    assert 'value="On paper"' in response.content.decode()


def test_suppressed_people_stay_suppressed_and_are_counted_so(page: Client):
    key = address_key("ann.whitaker@post.example")
    Suppression.objects.create(address_key=key, reason="complained", source="esp", created_at=clock.now())
    job = checked(page, uploaded(page), topic=str(make_topic("news").pk), basis="On paper")
    said = text_of(page, job)
    assert "Kept suppressed" in said
    assert job.counts["kept_out"] == 1
    imported(page, job)
    assert list(Subscription.objects.values_list("subscriber__email", flat=True)) == ["liam.byrne@post.example"]


@pytest.mark.parametrize(
    "field", ["id", "uuid", "is_suppressed", "consent", "erased_at", "state", "attributes.nothing"]
)
def test_no_column_can_be_made_a_field_of_the_system(page: Client, field: str):
    job = uploaded(page)
    assert f'value="{field}"' not in page.get(address(job, "columns/")).content.decode()
    response = page.post(address(job, "columns/"), mapping(page, job, Town=field))
    assert response.status_code == 422
    assert "field-2" in response.context["form"].errors


def test_a_mapping_that_cannot_be_is_refused_at_its_field_and_keeps_what_was_chosen(page: Client):
    job = uploaded(page)
    wrong = mapping(page, job, **{"Email": "", "Town": "first_name", "First Name:policy": "append"})
    response = page.post(address(job, "columns/"), wrong)
    errors = response.context["form"].errors
    assert response.status_code == 422
    assert "No column is chosen for: Mail address." in str(errors["__all__"])
    assert "“First Name” is this already." in str(errors["field-2"])
    assert "several values" in str(errors["policy-1"])
    assert '<option value="first_name" selected>' in response.content.decode()


def test_values_can_be_added_to_those_that_are_there(page: Client):
    make_subscriber("ann.whitaker@post.example", attributes={"interests": ["Gifts"]})
    job = uploaded(page)
    imported(page, checked(page, job, Interests="attributes.interests", **{"Interests:policy": "append"}))
    assert Subscriber.objects.get(email="ann.whitaker@post.example").attributes == {"interests": ["Garden", "Gifts"]}


def test_the_same_file_again_is_recognised_with_a_link_to_the_first(page: Client):
    first = imported(page, checked(page, uploaded(page)))
    second = uploaded(page, name="again.csv")
    assert f'href="/imports/{first.uuid}/"' in page.get(address(second, "columns/")).content.decode()
    checked(page, second)
    assert second.counts["unchanged"] == 2


def test_a_file_beyond_the_limit_is_refused_and_leaves_nothing_behind(page: Client, settings: Any, folder: Any):
    settings.IMPORT_MAX_BYTES = 100_000
    response = upload(page, "email\n" + "somebody@post.example\n" * 10_000, source="webshop")
    assert response.status_code == 422
    assert "larger than" in str(response.context["form"].errors["file"])
    assert 'value="webshop"' in response.content.decode()
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_a_file_that_is_no_table_is_refused_with_the_place(page: Client, folder: Any):
    response = upload(page, 'email,name\n"ann@post.example,Ann\n', kind="orders")
    if response.status_code == 302:  # What is wrong further down is said with the columns.
        response = page.get(response["Location"])
    assert "quote" in response.content.decode()


def test_a_form_from_elsewhere_is_refused_although_the_upload_is_read_first(priya: User, folder: Any):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(priya)
    assert upload(strict).status_code == 403
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    assert not Import.objects.exists()


def test_rejected_rows_are_downloaded_with_reasons_and_run_in_no_spreadsheet(page: Client):
    job = imported(page, checked(page, uploaded(page, "email,first_name\nnobody,=1+1\nann@post.example,Ann\n")))
    response = page.get(address(job, "rejected.csv"))
    rows = list(csv.reader(io.StringIO(b"".join(response.streaming_content).decode())))  # type: ignore[attr-defined]
    assert rows[0] == ["line", "reason", "email", "first_name"]
    assert rows[1][0] == "2"
    assert rows[1][2:] == ["nobody", "'=1+1"]


def test_an_import_is_paused_goes_on_and_is_cancelled(page: Client):
    job = checked(page, uploaded(page))
    page.post(address(job, "do/start/"))
    page.post(address(job, "do/pause/"))
    queue.look(raising=True)
    assert "Paused" in text_of(page, job)
    assert not Subscriber.objects.exists()
    page.post(address(job, "do/resume/"))
    page.post(address(job, "do/cancel/"))
    queue.look(raising=True)
    assert "Cancelled" in text_of(page, job)
    assert not Subscriber.objects.exists()
    late = page.post(address(job, "do/pause/"), follow=True)
    assert "the import has moved on" in late.content.decode()


def test_a_list_that_looks_bought_is_held_until_somebody_vouches_for_it(page: Client):
    rows = "".join(f"info@shop{number}.example\n" for number in range(30))
    job = checked(page, uploaded(page, "email\n" + rows))
    assert "Will be held" in text_of(page, job)
    imported(page, job)
    said = text_of(page, job)
    assert job.state == ImportState.HELD
    assert "bought or harvested" in said
    assert not Subscriber.objects.exists()
    page.post(address(job, "do/release/"))
    queue.look(raising=True)
    assert Subscriber.objects.count() == 30


def test_orders_come_in_with_their_refunds_and_the_customers_of_another_system(page: Client):
    make_product("MUG")
    text = (
        "InvoiceNo,StockCode,Quantity,UnitPrice,InvoiceDate,CustomerID\n"
        "1001,MUG,2,4.50,2026-01-02 10:00,7\nC1002,MUG,-1,4.50,2026-01-03 10:00,7\n"
    )
    job = uploaded(page, text, kind="orders", name="orders.csv")
    wanted = {"InvoiceNo": "number", "StockCode": "product", "Quantity": "quantity", "UnitPrice": "unit_price"}
    wanted |= {"InvoiceDate": "placed_at", "CustomerID": "customer_id"}
    checked(page, job, **wanted, refund_prefix="C", customer_source="till")
    assert job.options["customer_source"] == "till"
    assert "Import 2 orders" in text_of(page, job)
    imported(page, job)
    assert (Order.objects.count(), Refund.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("products", "code,title,price\nMUG,Mug,4.50\n"),
        ("events", "email,name,occurred_at\nann@post.example,product_viewed,2026-01-02T10:00Z\n"),
    ],
)
def test_products_and_events_take_the_same_way(page: Client, kind: str, text: str):
    make_subscriber("ann@post.example")
    job = checked(page, uploaded(page, text, kind=kind))
    assert f"Import 1 {kind.removesuffix('s')}" in text_of(page, job)
    assert imported(page, job).state == ImportState.FINISHED
    assert job.counts["created"] == 1


def test_the_live_part_says_how_far_it_is_and_asks_for_the_whole_page_when_that_is_another(page: Client):
    job = checked(page, uploaded(page))
    page.post(address(job, "do/start/"))
    Import.objects.filter(pk=job.pk).update(state="running", started_at=clock.now(), cursor=1, total=3)
    moving = page.get(address(job, "progress/?stage=moving"))
    assert "<strong>1</strong> of 3 rows" in moving.content.decode()
    assert "left" in moving.content.decode()
    assert "HX-Refresh" not in moving
    assert "people.csv" in page.get("/").content.decode()
    Import.objects.filter(pk=job.pk).update(state="finished")
    assert page.get(address(job, "progress/?stage=moving"))["HX-Refresh"] == "true"


def test_the_list_names_what_came_in_and_where_to_begin(page: Client):
    assert "No import yet" in page.get("/imports/").content.decode()
    job = checked(page, uploaded(page))
    listed = page.get("/imports/?view=waiting").content.decode()
    assert "people.csv" in listed
    assert "Checked" in listed
    assert f"/imports/{job.uuid}/#rejected" in listed
    assert 'href="/imports/new/"' in page.get("/subscribers/").content.decode()


def test_a_sample_of_a_row_is_shown_as_text_and_not_run(page: Client):
    job = uploaded(page, "email,first_name\nann@post.example,<script>alert(1)</script>\n")
    assert "<script>alert(1)" not in page.get(address(job, "columns/")).content.decode()


def test_an_analyst_imports_nothing(client: Client, alan: User, folder: Any):
    client.force_login(alan)
    assert client.get("/imports/").status_code == 403
    assert upload(client).status_code == 403
    assert not folder.exists()
    assert not Import.objects.exists()
    assert "/imports/" not in client.get("/").content.decode()

"""The shop goes in through the doors everybody uses, once, whole, and as it was generated."""

from __future__ import annotations

import datetime as dt

import pytest

from campaigns.automations.models import Automation
from campaigns.automations.recipes.catalogue import RECIPES
from campaigns.scheduled.models import Campaign
from campaigns.scheduled.readiness import blockers
from personalize.accounts.models import Brand, User
from personalize.content.models import Template
from personalize.demo import services, story
from personalize.demo.shop import generate
from segments.commerce.models import Cart, Order, OrderLine, Product, Refund
from segments.consent.models import ConsentEntry, Subscription, SubscriptionState, Suppression
from segments.events.models import Event
from segments.segmentation.models import Segment
from segments.segmentation.services import audience
from segments.subscribers.models import Subscriber

NOW = dt.datetime(2026, 11, 19, 8, 40, tzinfo=dt.UTC)
pytestmark = pytest.mark.django_db
TABLES = (
    Subscriber,
    Product,
    Order,
    OrderLine,
    Refund,
    Event,
    ConsentEntry,
    Subscription,
    Suppression,
    User,
    Segment,
    Template,
    Campaign,
    Cart,
    Automation,
)


@pytest.fixture
def seeded():
    return services.seed(subscribers=60, now=NOW)


def test_everything_generated_is_stored(seeded):
    shop = generate(subscribers=60, now=NOW)
    assert seeded == services.Seeded(new=True, subscribers=60, products=200, orders=len(shop.orders))
    assert Refund.objects.count() == len(shop.refunds)
    assert OrderLine.objects.count() == sum(len(order.lines) for order in shop.orders)
    assert Event.objects.filter(name="product_viewed").count() == len(shop.visits)
    assert not OrderLine.objects.filter(product__isnull=True).exists()


def test_starting_again_doubles_nothing(seeded):
    before = {table: table._default_manager.count() for table in TABLES}
    again = services.seed(subscribers=60, now=NOW + dt.timedelta(days=1))
    assert not again.new
    assert {table: table._default_manager.count() for table in TABLES} == before


def test_another_shop_is_never_touched(brand):
    Brand.objects.update(name="Somebody else")
    with pytest.raises(services.NotEmpty):
        services.seed(subscribers=60, now=NOW)
    assert not Subscriber.objects.exists()


def test_a_seeding_that_breaks_leaves_nothing(monkeypatch):
    def broken(*_):
        raise RuntimeError

    monkeypatch.setattr(services, "_campaign", broken)
    with pytest.raises(RuntimeError):
        services.seed(subscribers=60, now=NOW)
    assert not Brand.objects.exists()
    assert not Subscriber.objects.exists()


def test_ann_is_stored_with_her_facts_her_orders_and_what_she_agreed_to(seeded):
    ann = Subscriber.objects.get(email="ann.whitaker@post.example")
    assert (ann.first_name, ann.city, ann.birth_day, ann.birth_month) == ("Ann", "Bristol", 22, 2)
    assert ann.attributes["member_tier"] == "Silver"
    assert sum(order.total for order in ann.orders.all()) == 4_126_000
    states = dict(ann.subscriptions.values_list("topic__key", "state"))
    assert states == {"news": "subscribed", "basket": "subscribed", "workshops": "unsubscribed"}
    assert "Winter and gifts" in ann.consent_entries.get(topic__key="news").wording
    assert ann.tracking == "granted"


def test_whoever_may_not_be_mailed_is_known_as_such(seeded):
    state = dict(Subscription.objects.filter(topic__key="news").values_list("subscriber__email", "state"))
    assert state["grace.nakamura@mail.example"] == SubscriptionState.PENDING
    assert state["isla.fraser@post.example"] == SubscriptionState.UNSUBSCRIBED
    bounced = Subscriber.objects.get(email="k.wojcik@mail.example")
    assert Suppression.objects.get(address_key=bounced.address_key).reason == "bounced"
    assert Subscription.objects.filter(subscriber__email="d.osei@work.example", paused_until__gt=NOW).exists()


def test_what_is_past_triggers_nothing_and_carts_of_this_morning_do(seeded):
    news = Event.objects.filter(processed_at__isnull=True)
    assert {event.name for event in news} == {"cart_updated"}
    assert {event.subject for event in news} == {"BASKET-1", "BASKET-2", "BASKET-3", "BASKET-4"}
    assert all(NOW - event.occurred_at < dt.timedelta(hours=6) for event in news)


def test_recent_orders_were_paid_sent_out_and_delivered_at_their_times(seeded):
    recent = Order.objects.filter(placed_at__gt=NOW - dt.timedelta(days=60), subscriber__isnull=False)
    order = recent.filter(status="delivered", refunds__isnull=True).earliest("placed_at")
    told = Event.objects.filter(subject=order.number, name__startswith="order_").order_by("occurred_at")
    assert [event.name for event in told] == ["order_placed", "order_paid", "order_fulfilled", "order_delivered"]
    assert told.get(name="order_delivered").occurred_at - order.placed_at < dt.timedelta(days=4)


def test_carts_were_left_emptied_and_ordered(seeded):
    assert set(Cart.objects.values_list("state", flat=True)) == {"active", "emptied", "ordered"}
    ordered = Cart.objects.filter(state="ordered").select_related("order")
    assert all(cart.order is not None and cart.last_activity_at < cart.order.placed_at for cart in ordered)


def test_every_recipe_is_live_and_would_concern_somebody(seeded):
    live = Automation.objects.filter(state="live")
    assert {automation.recipe for automation in live} == set(RECIPES)
    for recipe in RECIPES.values():
        assert recipe.needs() == ""
        assert recipe.reach(NOW) > 0


def test_the_campaign_is_ready_to_be_sent_and_means_more_people_than_may_be_mailed(seeded):
    campaign = Campaign.objects.get(name=story.CAMPAIGN)
    assert blockers(campaign) == []
    assert campaign.segment is not None
    people = set(audience(rule=campaign.segment.rule, as_of=NOW).values_list("email", flat=True))
    assert {"ann.whitaker@post.example", "h.petrov@inbox.example", "isla.fraser@post.example"} <= people


def test_every_segment_of_the_story_finds_somebody(seeded):
    for segment in Segment.objects.all():
        assert audience(rule=segment.rule, as_of=NOW).exists(), segment.name


def test_the_owner_can_log_in_with_the_password_that_is_printed(seeded, client):
    assert client.login(username=story.OWNER[0], email=story.OWNER[0], password=story.PASSWORD)


def test_at_another_address_pictures_come_from_there(seeded, settings):
    settings.BASE_URL = "http://127.0.0.1:9999"
    services.point_pictures()
    assert not Product.objects.exclude(image_url__startswith="http://127.0.0.1:9999/static/demo/products/").exists()
    scene = Template.objects.get(name=story.TEMPLATE).blocks[0]
    assert scene["src"] == "http://127.0.0.1:9999/static/demo/scenes/dusk.jpg"

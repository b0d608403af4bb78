"""The people of the demo shop: a cast with known facts, and a crowd drawn from names.py with the usual dirt in it."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from personalize.demo.catalogue import CATEGORIES
from personalize.demo.names import COUNTRIES, TONGUES, Country, Name, Place, Tongue

NEWS, BASKET, WORKSHOPS = "news", "basket", "workshops"
WORDING = (
    "Yes, send me ‘{topic}’ by email, {frequency}. I can leave at any time through the link in every mail. (wording 3)"
)

_DOMAINS = ("post", "mail", "inbox", "home", "work", "letters", "studio", "island", "hearth", "atelier")
_INTERESTS = (*CATEGORIES, "Gifts", "Workshops")


@dataclass(frozen=True)
class Consent:
    """Something a person said about a topic: ``action`` in the words of the consent record."""

    topic: str
    action: str
    at: dt.datetime
    source: str


@dataclass(frozen=True)
class Person:
    """A subscriber of the demo shop. ``tastes`` are the categories they buy from, best first."""

    email: str
    created_at: dt.datetime
    first_name: str = ""
    last_name: str = ""
    preferred_name: str = ""
    title: str = ""
    language: str = ""
    time_zone: str = ""
    country: str = ""
    region: str = ""
    city: str = ""
    postal_code: str = ""
    latitude: float | None = None
    longitude: float | None = None
    birth_day: int | None = None
    birth_month: int | None = None
    birth_year: int | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    tracking: str = "unknown"
    number: str = ""
    consents: tuple[Consent, ...] = ()
    paused_until: dt.datetime | None = None
    suppressed: str = ""
    tastes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Role:
    """A person whom the pictures and examples know by name.

    ``orders`` and ``last_order`` (days ago) are theirs by heart; ``states`` says yes, pending or no for each topic.
    """

    first_name: str
    last_name: str
    email: str
    country: str
    city: str
    language: str
    interests: tuple[str, ...]
    orders: int
    last_order: int
    joined: int
    states: tuple[tuple[str, str], ...] = ((NEWS, "yes"), (BASKET, "yes"))
    tier: str = ""
    birthday: tuple[int, int] | None = None
    birth_year: int | None = None
    tracking: str = "unknown"
    paused: int = 0
    suppressed: str = ""
    preferred_name: str = ""
    title: str = ""


_NEWS_ONLY = ((NEWS, "yes"),)
CAST = (
    Role("Ann", "Whitaker", "ann.whitaker@post.example", "GB", "Bristol", "en-GB", ("Tableware", "Gifts"), 7, 57, 615,
         ((NEWS, "yes"), (BASKET, "yes"), (WORKSHOPS, "no")), "Silver", (22, 2), tracking="granted"),
    Role("Fergus", "McAllister", "fergus.mc@island.example", "GB", "Oban", "en-GB", ("Garden", "Kitchen"), 9, 48, 590,
         tier="Gold", birthday=(30, 11), birth_year=1961, tracking="granted"),
    Role("Bálint", "Szabó", "balint.szabo@mail.example", "HU", "Budapest", "hu", ("Garden",), 2, 15, 60, _NEWS_ONLY),
    Role("Mireille", "Fontaine", "m.fontaine@atelier.example", "FR", "Lyon", "fr", ("Textiles", "Gifts"), 11, 3, 480,
         tier="Gold", birthday=(14, 7), birth_year=1979, title="Mme"),
    Role("Charlotte", "Devereux-Ashworth", "charlotte.da@studio.example", "GB", "Leeds", "en-GB", ("Candles", "Gifts"),
         14, 8, 600, tier="Gold", birthday=(3, 5), birth_year=1988, preferred_name="Lottie"),
    Role("Liam", "Byrne", "liam.byrne@home.example", "IE", "Cork", "en-IE", ("Kitchen",), 2, 28, 75, tier="Bronze"),
    Role("Priyanka", "Rao", "priyanka.rao@work.example", "GB", "Leicester", "en-GB", ("Candles", "Tableware"), 4, 41, 330,
         tier="Silver", birthday=(29, 2), birth_year=1992),
    Role("Elif", "Yıldız", "elif@yildiz.example", "DE", "Berlin", "de", ("Tableware",), 1, 23, 40, _NEWS_ONLY),
    Role("Jonas", "Lindqvist", "jonas@lindqvist.example", "SE", "Malmö", "sv", ("Tableware", "Textiles"), 6, 22, 400,
         tier="Silver", birthday=(19, 11), birth_year=1985),
    Role("Grace", "Nakamura", "grace.nakamura@mail.example", "IE", "Dublin", "en-IE", (), 0, 0, 2, ((NEWS, "pending"),)),
    Role("Daniel", "Osei", "d.osei@work.example", "GB", "London", "en-GB", ("Kitchen",), 3, 112, 450, paused=21),
    Role("Olivia", "Hartley", "olivia@hartley.example", "GB", "Bath", "en-GB", ("Candles",), 0, 0, 3,
         ((NEWS, "yes"), (WORKSHOPS, "yes"))),
    Role("", "", "h.petrov@inbox.example", "BG", "София", "", ("Candles",), 4, 309, 700, _NEWS_ONLY),
    Role("Isla", "Fraser", "isla.fraser@post.example", "GB", "Glasgow", "en-GB", ("Gifts",), 5, 255, 640, ((NEWS, "no"),)),
    Role("Katarzyna", "Wójcik", "k.wojcik@mail.example", "PL", "Kraków", "pl", (), 1, 330, 500, _NEWS_ONLY,
         suppressed="bounced"),
    Role("Noah", "Adeyemi", "noah.a@work.example", "GB", "Manchester", "en-GB", ("Candles",), 1, 239, 420,
         tracking="denied"),
    Role("Zdeněk", "Říha", "zdenek.riha@hearth.example", "CZ", "Brno", "cs", ("Garden",), 2, 90, 200, tier="Bronze"),
    Role("さくら", "佐藤", "sakura.sato@letters.example", "JP", "京都", "ja", ("Tableware",), 3, 64, 300, tier="Bronze"),
)  # fmt: skip


def _pick(rng: random.Random, pairs: tuple[tuple[Any, float], ...]) -> Any:
    return rng.choices([value for value, _ in pairs], [weight for _, weight in pairs])[0]


def _postal(rng: random.Random, pattern: str) -> str:
    kinds = {"#": "0123456789", "@": "ABDEFGHJLNPQRSTUWXYZ"}
    return "".join(rng.choice(kinds[mark]) if mark in kinds else mark for mark in pattern)


def _moment(rng: random.Random, now: dt.datetime, days: int) -> dt.datetime:
    """An instant ``days`` days before ``now``, at an hour at which people shop; never later than ``now``."""
    hours = (7, 8, 9, 10, 11, 12, 12, 13, 14, 15, 16, 17, 18, 19, 19, 20, 20, 20, 21, 21, 22)
    day = now - dt.timedelta(days=days)
    moment = day.replace(hour=rng.choice(hours), minute=rng.randrange(60), second=rng.randrange(60), microsecond=0)
    return min(moment, now - dt.timedelta(minutes=1))


def _consents(
    rng: random.Random, states: tuple[tuple[str, str], ...], joined: dt.datetime, now: dt.datetime
) -> Iterator[Consent]:
    source = _pick(rng, (("footer form", 5), ("checkout", 4), ("import", 1)))
    for topic, state in states:
        if source == "import":
            yield Consent(topic, "subscribed", joined, source)
        else:
            yield Consent(topic, "requested", joined, source)
            if state != "pending":
                confirmed = joined + dt.timedelta(minutes=rng.randrange(2, 50))
                yield Consent(topic, "confirmed", min(confirmed, now), "confirmation mail")
        if state == "no":
            # Nobody leaves in the month of joining.
            left = joined + max((now - joined) * rng.uniform(0.2, 0.95), dt.timedelta(days=32))
            yield Consent(topic, "unsubscribed", min(left, now), rng.choice(("preference page", "one-click")))


def _play(rng: random.Random, role: Role, number: str, now: dt.datetime) -> Person:
    """A member of the cast, with everything the pictures say of them."""
    country = next(country for country in COUNTRIES if country.code == role.country)
    place = next(place for place in country.places if place.city == role.city)
    joined = _moment(rng, now, role.joined)
    attributes: dict[str, Any] = {"interests": sorted(role.interests), "loyalty_points": role.orders * 40}
    if role.tier:
        attributes["member_tier"] = role.tier
    attributes["first_visit"] = (joined - dt.timedelta(days=9)).date().isoformat()
    day, month = role.birthday or (None, None)
    return Person(
        email=role.email,
        first_name=role.first_name,
        last_name=role.last_name,
        preferred_name=role.preferred_name,
        title=role.title,
        language=role.language,
        time_zone=place.time_zone,
        country=country.code,
        region=place.region,
        city=place.city,
        postal_code=_postal(rng, place.postal),
        latitude=place.latitude,
        longitude=place.longitude,
        birth_day=day,
        birth_month=month,
        birth_year=role.birth_year,
        attributes=attributes,
        tracking=role.tracking,
        created_at=joined,
        number=number,
        consents=tuple(_consents(rng, role.states, joined, now)),
        paused_until=now + dt.timedelta(days=role.paused) if role.paused else None,
        suppressed=role.suppressed,
        tastes=tuple(taste for taste in role.interests if taste in CATEGORIES) or (rng.choice(CATEGORIES),),
    )


def _address(rng: random.Random, first: Name, last: Name, taken: set[str]) -> str:
    a, b = first.latin, last.latin
    local = _pick(rng, ((f"{a}.{b}", 6), (f"{a[:1]}.{b}", 3), (f"{a}{b[:1]}", 2), (f"{a}_{b}", 1), (f"{b}.{a}", 1)))
    domain = f"{rng.choice(_DOMAINS)}.example"
    email = f"{local}@{domain}"
    while email in taken:
        email = f"{local}{rng.randrange(2, 9999)}@{domain}"
    taken.add(email)
    return email


def _dirty(rng: random.Random, person: Person) -> Person:
    """A person whose name arrived the way names do arrive from forms, tills and old spreadsheets."""
    first, last, local = person.first_name, person.last_name, person.email.partition("@")[0]
    first, last = rng.choice(
        (
            (first.upper(), last.upper()),
            (first.lower(), last.lower()),
            (local, ""),
            ("test", "test"),
            ("n/a", "n/a"),
            ("-", last),
            (f"{first[:1]}.", last),
            (f"{first[:1]}", f"{last[:1]}."),
            (f"{first}{rng.randrange(10, 99)}", last),
            (f"{first} {last}", ""),
            (f"{last}, {first}", ""),
            (f"<b>{first}</b>", last),
            (f"{first} 🌿", f"{last}✨"),
            (f"  {first}  ", f" {last}"),
            ("", last),
            ("", ""),
            ("", ""),
            ("{{ first_name }}", last),
            ("Customer", ""),
            (f"Mr {first}", last),
        )
    )
    return replace(person, first_name=first, last_name=last)


def _birthday(rng: random.Random, now: dt.datetime) -> tuple[int | None, int | None, int | None]:
    """Half of all people told us the day, most of these the year as well; a few were born on 29 February."""
    if rng.random() > 0.55:
        return None, None, None
    year = rng.randrange(1938, now.year - 18)
    if rng.random() < 0.01:
        return 29, 2, year - year % 4
    born = dt.date(year, 1, 1) + dt.timedelta(days=rng.randrange(365))
    return born.day, born.month, year if rng.random() < 0.6 else None


def _states(rng: random.Random, near_bristol: bool) -> tuple[tuple[str, str], ...]:
    news = _pick(rng, (("yes", 83), ("pending", 4), ("no", 7), ("", 6)))
    if not news:
        return ()
    states = [(NEWS, news)]
    if news == "yes" and rng.random() < 0.6:
        states.append((BASKET, "yes"))
    if rng.random() < (0.35 if near_bristol else 0.01):
        states.append((WORKSHOPS, "yes" if rng.random() < 0.9 else "no"))
    return tuple(states)


def _attributes(rng: random.Random, tastes: tuple[str, ...], joined: dt.datetime) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if rng.random() < 0.6:
        extra = [rng.choice(_INTERESTS)] if rng.random() < 0.4 else []
        facts["interests"] = sorted({*tastes, *extra})
    if rng.random() < 0.5:
        facts["member_tier"] = _pick(rng, (("Bronze", 6), ("Silver", 3), ("Gold", 1)))
        facts["loyalty_points"] = int(rng.paretovariate(1.2) * 20)
    if rng.random() < 0.06:
        facts["company"] = rng.choice(
            ("Café Lumière", "Hartley & Daughters Interiors", "The Oban Tea Room", "Studio Öst", "Müller & Söhne GmbH")
        )
    if rng.random() < 0.3:
        facts["has_garden"] = "Garden" in tastes or rng.random() < 0.4
    facts["first_visit"] = (joined - dt.timedelta(days=int(rng.expovariate(1 / 12)))).date().isoformat()
    return facts


def _home(rng: random.Random) -> tuple[Country, Place, Tongue]:
    country = rng.choices(COUNTRIES, [country.weight for country in COUNTRIES])[0]
    return country, rng.choice(country.places), TONGUES[_pick(rng, country.tongues)]


def _stranger(rng: random.Random, number: str, taken: set[str], now: dt.datetime) -> Person:
    country, place, tongue = _home(rng)
    position = rng.randrange(len(tongue.first))
    first = tongue.first[position]
    feminine = tongue.last_female and first.latin.endswith("a")
    last = rng.choice(tongue.last_female if feminine else tongue.last)
    joined = _moment(rng, now, int(rng.triangular(1, 900, 200)))
    tastes = tuple(dict.fromkeys((rng.choice(CATEGORIES), rng.choice(CATEGORIES))))
    known = rng.random() < 0.93
    person = Person(
        email=_address(rng, first, last, taken),
        first_name=first.text,
        last_name=last.text,
        title=rng.choice(("Dr", "Prof.", "Mr", "Mrs", "Ms")) if rng.random() < 0.06 else "",
        language=tongue.tag if rng.random() < 0.85 else "",
        time_zone=place.time_zone if known else "",
        country=country.code if known else "",
        region=place.region if known else "",
        city=place.city if known else "",
        postal_code=_postal(rng, place.postal) if known and rng.random() < 0.8 else "",
        latitude=round(place.latitude + rng.uniform(-0.05, 0.05), 4) if known else None,
        longitude=round(place.longitude + rng.uniform(-0.05, 0.05), 4) if known else None,
        attributes=_attributes(rng, tastes, joined),
        tracking=_pick(rng, (("unknown", 62), ("granted", 32), ("denied", 6))),
        created_at=joined,
        number=number,
        consents=tuple(_consents(rng, _states(rng, place.city in ("Bristol", "Bath")), joined, now)),
        suppressed=_pick(rng, (("", 980), ("bounced", 9), ("complained", 3), ("unsubscribed", 8))),
        tastes=tastes,
    )
    day, month, year = _birthday(rng, now)
    person = replace(person, birth_day=day, birth_month=month, birth_year=year)
    return _dirty(rng, person) if rng.random() < 0.07 else person


def people(rng: random.Random, *, count: int, now: dt.datetime) -> list[Person]:
    """``count`` people with different addresses, the cast first; never fewer than the cast."""
    numbers = (f"C{number}" for number in range(1001, 10**6))
    cast = [_play(rng, role, next(numbers), now) for role in CAST]
    taken = {person.email for person in cast}
    return cast + [_stranger(rng, next(numbers), taken, now) for _ in range(count - len(cast))]

"""What the demo shop sells: 200 things in ten families, each family in five editions of four sizes or sets."""

from __future__ import annotations

from dataclasses import dataclass

# The tinted grounds of the pictures, one for each edition.
GROUNDS = ("sand", "sage", "honey", "mist", "blush")
BRANDS = {
    "Tableware": "Harbour Pottery",
    "Candles": "Wick & Brass",
    "Textiles": "Thornfield Mill",
    "Kitchen": "Alder & Wren",
    "Garden": "Long Ashton Clay",
}


@dataclass(frozen=True)
class Family:
    """Things of one kind. ``editions`` are full names; ``sizes`` are (words after the name, factor on the price).

    ``price`` is that of the first edition in the first size, in pence; a further edition costs ``step`` pence more.
    """

    key: str
    picture: str
    category: str
    price: int
    step: int
    editions: tuple[str, ...]
    sizes: tuple[tuple[str, float], ...]
    description: str


FAMILIES = (
    Family(
        "MUG",
        "mug",
        "Tableware",
        1400,
        150,
        (
            "Stoneware mug, moss",
            "Tall stoneware mug, moss",
            "Espresso cup, moss",
            "Breakfast cup, moss",
            "Soup mug, moss",
        ),
        (("", 1), ("pair", 1.9), ("set of four", 3.7), ("gift box", 1.3)),
        "Thrown by hand near Bristol, dipped once in a moss glaze. No two bands are the same.",
    ),
    Family(
        "POT",
        "teapot",
        "Tableware",
        4800,
        400,
        (
            "Cast-iron teapot, slate",
            "Low cast-iron teapot, slate",
            "Cast-iron kettle, slate",
            "Cast-iron teapot with strainer, slate",
            "Hearth teapot, slate",
        ),
        (("", 1), ("small", 0.8), ("large", 1.3), ("with warmer", 1.6)),
        "Keeps tea warm for an hour and pours without a drip. Enamelled inside, so it will not rust.",
    ),
    Family(
        "VASE",
        "vase",
        "Tableware",
        2200,
        200,
        (
            "Speckled bud vase",
            "Speckled bottle vase",
            "Narrow-neck vase, speckled",
            "Round posy vase, speckled",
            "Mantel vase, speckled",
        ),
        (("", 1), ("small", 0.7), ("tall", 1.4), ("set of three", 2.7)),
        "For three stems or one branch. White glaze over speckled clay, unglazed at the foot.",
    ),
    Family(
        "LAN",
        "lantern",
        "Candles",
        3600,
        300,
        (
            "Brass storm lantern",
            "Brass table lantern",
            "Brass ship’s lantern",
            "Brass garden lantern",
            "Brass hallway lantern",
        ),
        (("", 1), ("small", 0.7), ("tall", 1.35), ("pair", 1.9)),
        "Burnished brass and four panes of glass. Stands in the wind, hangs from the hook.",
    ),
    Family(
        "TAP",
        "candles",
        "Candles",
        1200,
        100,
        (
            "Beeswax tapers, pair",
            "Beeswax dinner candles, pair",
            "Slow-burning tapers, pair",
            "Beeswax and rust tapers, pair",
            "Hand-dipped tapers, pair",
        ),
        (("", 1), ("six", 2.7), ("dozen", 5.0), ("short", 0.8)),
        "Pure beeswax, dipped twelve times. Burns for nine hours and smells faintly of honey.",
    ),
    Family(
        "STI",
        "candles",
        "Candles",
        2600,
        200,
        (
            "Brass candlesticks, pair",
            "Turned brass candlesticks, pair",
            "Low brass candlesticks, pair",
            "Footed brass candlesticks, pair",
            "Mantel candlesticks, pair",
        ),
        (("", 1), ("small", 0.75), ("tall", 1.4), ("three heights", 1.7)),
        "Solid brass, heavy at the foot. Two heights, because a level table looks like a restaurant.",
    ),
    Family(
        "HEA",
        "heart",
        "Candles",
        950,
        75,
        (
            "Hanging heart T-light holder",
            "Wire heart T-light holder",
            "White heart lantern",
            "Window heart T-light holder",
            "Heart T-light holder with glass",
        ),
        (("", 1), ("large", 1.6), ("pair", 1.85), ("set of six", 5.2)),
        "A heart of white wire round one small light. Hangs in a window and forgives every draught.",
    ),
    Family(
        "THR",
        "throw",
        "Textiles",
        7200,
        600,
        (
            "Lambswool throw",
            "Herringbone lambswool throw",
            "Striped lambswool throw",
            "Fringed wool blanket",
            "Reading-chair throw",
        ),
        (("", 1), ("small", 0.7), ("king size", 1.5), ("with cushion", 1.4)),
        "Woven at a mill that has run since 1837. Warm enough for a garden in October.",
    ),
    Family(
        "CAK",
        "cake",
        "Kitchen",
        4200,
        350,
        (
            "Domed cake stand",
            "Footed cake stand with dome",
            "Glass cake dome and stand",
            "Tea-room cake stand",
            "Sunday cake stand",
        ),
        (("", 1), ("small", 0.75), ("large", 1.3), ("with knife", 1.25)),
        "Keeps a sponge fresh for three days, if it is allowed to last that long.",
    ),
    Family(
        "PLA",
        "planter",
        "Garden",
        1800,
        150,
        (
            "Terracotta planter",
            "Rimmed terracotta planter",
            "Long Tom terracotta pot",
            "Herb planter, terracotta",
            "Windowsill planter, terracotta",
        ),
        (("", 1), ("small", 0.65), ("large", 1.7), ("set of three", 2.5)),
        "Frost-proof clay from Long Ashton, fired hot. Ages the way a wall does.",
    ),
)

CATEGORIES = tuple(dict.fromkeys(family.category for family in FAMILIES))

# Families whose things are bought together, with the chance that the second follows the first into the basket. The
# partner is of the same edition, so that the pairing is one between products and not only between kinds.
PARTNERS: dict[str, tuple[tuple[str, float], ...]] = {
    "CAK": (("MUG", 0.45), ("VASE", 0.2)),
    "POT": (("MUG", 0.55),),
    "LAN": (("TAP", 0.5),),
    "STI": (("TAP", 0.6),),
    "HEA": (("TAP", 0.25), ("HEA", 0.2)),
    "THR": (("HEA", 0.3),),
    "VASE": (("PLA", 0.25),),
    "PLA": (("VASE", 0.2), ("PLA", 0.25)),
    "MUG": (("POT", 0.12),),
    "TAP": (("STI", 0.15),),
}


@dataclass(frozen=True)
class Product:
    """One thing in the shop; ``price`` in pence, ``weight`` how much people like it within its family."""

    code: str
    family: str
    edition: int
    size: int
    title: str
    description: str
    category: str
    brand: str
    price: int
    picture: str
    stock: int | None
    active: bool
    weight: float


def _price(pence: float) -> int:
    """Round to the 50 pence that look deliberate on a shelf."""
    return max(50, round(pence / 50) * 50)


def _stock(position: int, edition: int, size: int) -> int | None:
    """A believable shelf: most full, some low, a few empty, one kind uncounted. The first of a family never runs out."""
    if not edition and not size:
        return 40 + 37 * position
    number = position * 20 + edition * 4 + size
    if number % 13 == 5:
        return 0
    if number % 17 == 3:
        return None
    return 3 if number % 11 == 4 else 12 + number * 29 % 400


def products() -> list[Product]:
    """All 200 products, always the same and in the same order; the first of a family is the one people like most."""
    return [
        Product(
            code=f"{family.key}-{edition + 1}{size + 1}",
            family=family.key,
            edition=edition,
            size=size,
            title=f"{name}, {words}" if words else name,
            description=family.description,
            category=family.category,
            brand=BRANDS[family.category],
            price=_price((family.price + edition * family.step) * factor),
            picture=f"{family.picture}-{GROUNDS[edition]}.png",
            stock=_stock(position, edition, size),
            active=not (edition == 4 and size == 3 and position % 3 == 0),
            weight=1 / (1 + edition * 1.3 + size * 0.8),
        )
        for position, family in enumerate(FAMILIES)
        for edition, name in enumerate(family.editions)
        for size, (words, factor) in enumerate(family.sizes)
    ]

"""Names, streets and menus of the places around the user."""

# ruff: noqa: E501 - one entry of data is easier to read on one line

from dataclasses import dataclass

__all__ = ["KINDS", "O_HARE_NAMES", "STREETS", "Kind"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of place.

    Attributes:
        label: what stands under the name, such as "Bakery".
        names: what the places are called.
        words: further words that find it.
        subject: which sentences its reviews use.
        hours: opening and closing hour on a usual day; 24 is midnight.
        menu: dishes or goods with a price in dollars.
        features: what some of the places offer.
    """

    label: str
    names: tuple[str, ...]
    words: tuple[str, ...]
    subject: str
    hours: tuple[int, int]
    menu: tuple[tuple[str, float], ...] = ()
    features: tuple[str, ...] = ()


STREETS = (
    "Green St", "Neil St", "Springfield Ave", "University Ave", "Prospect Ave", "Kirby Ave",
    "First St", "Lincoln Ave", "Goodwin Ave", "Church St", "Main St", "Windsor Rd", "Race St",
    "Vine St", "Randolph St", "Bradley Ave",
)  # fmt: skip

_BREAD = (
    ("Country sourdough", 7.5), ("Butter croissant", 3.75), ("Cinnamon roll", 4.25),
    ("Seeded rye", 8.0), ("Blueberry muffin", 3.5), ("Birthday cake, 8 inch", 42.0),
)  # fmt: skip
_COFFEE = (
    ("Espresso", 3.0), ("Flat white", 4.5), ("Cold brew", 4.75), ("Matcha latte", 5.5),
    ("Almond cake", 4.0), ("Avocado toast", 9.5),
)  # fmt: skip
_KOREAN = (
    ("Bibimbap", 13.5), ("Kimchi stew", 14.0), ("Seafood pancake", 15.5), ("Korean fried chicken", 17.0),
    ("Bulgogi", 18.5), ("Tteokbokki", 11.0),
)  # fmt: skip
_THAI = (
    ("Pad thai", 13.0), ("Green curry", 14.5), ("Tom yum soup", 9.0), ("Mango sticky rice", 8.0),
    ("Basil fried rice", 13.5), ("Crispy duck with basil", 19.5),
)  # fmt: skip
_CHINESE = (
    ("Mapo tofu", 12.5), ("Soup dumplings", 11.5), ("Kung pao chicken", 14.0), ("Hand-pulled noodles", 13.0),
    ("Peking duck, half", 32.0), ("Garlic eggplant", 12.0),
)  # fmt: skip
_ITALIAN = (
    ("Margherita pizza", 14.0), ("Tagliatelle al ragu", 18.0), ("Mushroom risotto", 17.5),
    ("Tiramisu", 8.5), ("Caprese salad", 11.0),
)  # fmt: skip
_MEXICAN = (
    ("Tacos al pastor", 11.0), ("Chicken enchiladas", 14.0), ("Guacamole", 8.0), ("Pozole", 13.5),
    ("Churros", 6.5),
)  # fmt: skip

KINDS: tuple[Kind, ...] = (
    Kind(
        "Bakery",
        ("Copper Whisk Bakery", "Morning Loaf", "Prairie Crumb", "Hearth & Rye", "Sugar Maple Bakehouse",
         "The Flour Mill", "Lune Patisserie", "Daily Braid Bakery"),
        ("bakeries", "bread", "cakes", "pastry", "birthday"), "bakery", (7, 18), _BREAD,
        ("Birthday cakes to order", "Gluten-free choices", "Outdoor seating"),
    ),
    Kind(
        "Cafe",
        ("Paper Lantern Coffee", "Second Kettle", "Cornerstone Cafe", "Blue Finch Espresso", "Quad Roasters",
         "Slow Drip", "Harbor Bean", "The Reading Cup"),
        ("cafes", "coffee", "espresso", "tea", "café"), "cafe", (7, 19), _COFFEE,
        ("Free Wi-Fi", "Outdoor seating", "Good for working"),
    ),
    Kind(
        "Korean restaurant",
        ("Han River Kitchen", "Seoul Ember BBQ", "Gochu House", "Dan Dan Korean Table", "Midnight Mandu"),
        ("restaurants", "korean", "bbq", "dinner", "late-night"), "restaurant", (11, 22), _KOREAN,
        ("Late-night food", "Good for groups", "Takeout"),
    ),
    Kind(
        "Thai restaurant",
        ("Golden Lotus Thai", "Siam Basil", "Chiang Mai Garden", "Lemongrass Lane", "Baan Suan"),
        ("restaurants", "thai", "curry", "dinner", "duck"), "restaurant", (11, 21), _THAI,
        ("Vegetarian choices", "Takeout", "Serves duck dishes"),
    ),
    Kind(
        "Chinese restaurant",
        ("Jade Ladle", "Sichuan Courtyard", "Lucky Bamboo", "North Gate Noodles", "Dumpling Letter"),
        ("restaurants", "chinese", "noodles", "dumplings", "dinner"), "restaurant", (11, 22), _CHINESE,
        ("Good for groups", "Takeout", "Delivery"),
    ),
    Kind(
        "Italian restaurant",
        ("Trattoria Nove", "Olive & Stone", "Piazza Verde", "Nonna Bruna"),
        ("restaurants", "italian", "pizza", "pasta", "dinner"), "restaurant", (12, 22), _ITALIAN,
        ("Reservations", "Outdoor seating"),
    ),
    Kind(
        "Mexican restaurant",
        ("Casa Cempasuchil", "El Maizal", "Tres Nopales", "La Esquina Roja"),
        ("restaurants", "mexican", "tacos", "dinner"), "restaurant", (11, 23), _MEXICAN,
        ("Late-night food", "Takeout"),
    ),
    Kind(
        "Pharmacy",
        ("Willow Pharmacy", "Corner Care Drugs", "Illini Family Pharmacy", "Northside Apothecary"),
        ("pharmacies", "drugstore", "medicine"), "service", (8, 22), (),
        ("Drive-through", "Vaccinations"),
    ),
    Kind(
        "Supermarket",
        ("Green Basket Market", "Harvest Row Foods", "County Fair Grocers", "Friendly Acre"),
        ("supermarkets", "grocery", "groceries", "food"), "service", (7, 23), (),
        ("Delivery", "In-store pickup"),
    ),
    Kind(
        "Bookstore",
        ("Dog-Eared Books", "Margin Notes", "The Second Chapter"),
        ("bookstores", "books", "bookshop"), "service", (10, 20), (), ("Readings on Fridays",),
    ),
    Kind(
        "Library",
        ("Prairie Public Library", "Orchard Street Library", "Engineering Reading Room"),
        ("libraries", "books", "study"), "service", (9, 21), (), ("Free Wi-Fi", "Study rooms"),
    ),
    Kind(
        "Gym",
        ("Iron Prairie Fitness", "Lakeside Climbing Hall", "Motion Works Gym"),
        ("gyms", "fitness", "sport"), "service", (6, 23), (), ("Day passes", "Group classes"),
    ),
    Kind(
        "Park",
        ("Boneyard Creek Park", "Hessel Meadow", "Crystal Pond Park", "West Side Green"),
        ("parks", "nature", "playground"), "attraction", (6, 22), (), ("Dogs allowed", "Playground"),
    ),
    Kind(
        "Gas station",
        ("Neil Street Fuel", "Prospect Pump", "Route 45 Gas"),
        ("gas", "fuel", "petrol", "stations"), "service", (0, 24), (), ("Car wash", "Air pump"),
    ),
    Kind(
        "Hardware store",
        ("Brass Hinge Hardware", "Tool & Timber", "Main Street Fix-It"),
        ("hardware", "tools", "stores"), "service", (8, 19), (), ("Key cutting",),
    ),
    Kind(
        "Fast food restaurant",
        ("McDonald's Campustown", "McDonald's Northside", "McDonald's Westgate",
         "McDonald's Research Park", "McDonald's Lincoln Square"),
        ("restaurants", "mcdonalds", "mcdonald", "burgers", "fries", "fast"), "restaurant", (6, 22), (),
        ("Drive-thru", "Free Wi-Fi", "Takeout"),
    ),
    Kind(
        "Parking garage",
        ("Hill Street Deck", "Campus Parking C7", "Main Street Garage", "Depot Lot"),
        ("parking", "garages", "car", "lot"), "service", (0, 24), (),
        ("First hour free", "Charging for electric cars", "Covered"),
    ),
    Kind(
        "Hotel",
        ("Grainfield Inn", "Hotel Lincoln Row", "Campus Gate Suites", "The Weathervane",
         "Prairie Lantern Hotel", "Neil Street Lodge"),
        ("hotels", "stay", "lodging"), "hotel", (0, 24), (), ("Free breakfast", "Free parking"),
    ),
)  # fmt: skip

O_HARE_NAMES = (
    "Runway Dumpling House",
    "Jet Stream Sichuan",
    "Terminal Wok",
    "Lotus over Mannheim",
)

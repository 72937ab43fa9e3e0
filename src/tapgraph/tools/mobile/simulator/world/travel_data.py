"""Cities, what there is to see, where to eat and where to sleep."""

# ruff: noqa: E501 - one entry of data is easier to read on one line

from dataclasses import dataclass

__all__ = ["CITIES", "DISHES", "DISH_PRAISE", "CityData"]


@dataclass(frozen=True, slots=True)
class CityData:
    """A city with its sights, restaurants and hotels; each sight and restaurant with its tag."""

    name: str
    region: str
    aliases: tuple[str, ...]
    sights: tuple[tuple[str, str], ...]
    restaurants: tuple[tuple[str, str], ...]
    hotels: tuple[str, ...]


DISHES: dict[str, tuple[str, ...]] = {
    "Pizza": ("deep-dish sausage pizza", "spinach pie", "garlic knots"),
    "Steakhouse": ("dry-aged ribeye", "creamed spinach", "wedge salad"),
    "Mexican": ("mole enchiladas", "tacos de carnitas", "street corn"),
    "Polish": ("pierogi with sauerkraut", "hunter's stew", "poppy seed cake"),
    "Seafood": ("grilled octopus", "lobster roll", "clam chowder"),
    "American": ("dipped beef sandwich", "hot giardiniera fries", "key lime pie"),
    "Italian": ("tagliatelle with ragu", "burrata", "tiramisu"),
    "Japanese": ("black garlic ramen", "pork gyoza", "matcha ice cream"),
    "Chinese": ("pork dumplings", "salt and pepper tofu", "scallion pancakes"),
    "": ("tasting plate", "chef's soup", "house dessert"),
}
"""By the tag of a restaurant; the last entry is for all other tags."""

DISH_PRAISE = (
    "You must try the {dish}.",
    "The {dish} alone is worth the trip.",
    "Do not leave without the {dish}.",
)

CITIES: tuple[CityData, ...] = (
    CityData(
        "Los Angeles", "California", ("la", "l.a."),
        (
            ("Griffith Observatory", "Observatories & Planetariums"),
            ("The Getty Center", "Art Museums"),
            ("Santa Monica Pier", "Piers & Boardwalks"),
            ("Hollywood Walk of Fame", "Points of Interest"),
            ("The Broad", "Art Museums"),
            ("Venice Beach Boardwalk", "Beaches"),
            ("Los Angeles County Museum of Art", "Art Museums"),
            ("Natural History Museum of Los Angeles", "Natural History Museums"),
            ("Runyon Canyon Park", "Hiking Trails"),
            ("The Original Farmers Market", "Flea & Street Markets"),
            ("Walt Disney Concert Hall", "Theaters"),
            ("La Brea Tar Pits", "Natural History Museums"),
        ),
        (("Casa Oaxaquita", "Mexican"), ("Pico Noodle Bar", "Asian"), ("Sunset Smoke House", "Barbecue"),
         ("Marina Blue Oyster", "Seafood"), ("Little Tokyo Counter", "Japanese"), ("Verde y Maiz", "Vegetarian")),
        ("Hotel Palisade", "The Bunker Hill", "Venice Tide Inn", "Echo Park Lodge"),
    ),
    CityData(
        "Chicago", "Illinois", ("chi",),
        (
            ("The Art Institute of Chicago", "Art Museums"),
            ("Millennium Park", "Parks"),
            ("Museum of Science and Industry", "Science Museums"),
            ("Chicago Riverwalk", "Scenic Walking Areas"),
            ("Lincoln Park Zoo", "Zoos"),
            ("The Field Museum", "Natural History Museums"),
            ("Willis Tower Skydeck", "Observation Decks"),
            ("Garfield Park Conservatory", "Gardens"),
            ("Navy Pier", "Piers & Boardwalks"),
        ),
        (("Deep Dish Foundry", "Pizza"), ("Lakefront Chop House", "Steakhouse"), ("Pilsen Comal", "Mexican"),
         ("Polish Corner Kitchen", "Polish"), ("Fulton Fish Hall", "Seafood"), ("Wabash Italian Beef", "American")),
        ("The Lakeshore Arms", "Hotel Wacker", "Loop House", "Old Town Rooms"),
    ),
    CityData(
        "Palo Alto", "California", ("paloalto",),
        (
            ("Cantor Arts Center", "Art Museums"),
            ("Stanford University Campus", "Points of Interest"),
            ("Palo Alto Baylands", "Nature & Wildlife Areas"),
            ("Hoover Tower", "Observation Decks"),
            ("Anderson Collection", "Art Museums"),
            ("Museum of American Heritage", "History Museums"),
            ("Elizabeth Gamble Garden", "Gardens"),
            ("Palo Alto Junior Museum & Zoo", "Science Museums"),
        ),
        (("University Avenue Pasta", "Italian"), ("Redwood Grill", "American"), ("Baylands Oyster Bar", "Seafood"),
         ("Saffron Courtyard", "Indian"), ("Cardinal Ramen", "Japanese")),
        ("Creekside Hotel", "The Palm Drive", "El Camino Rooms"),
    ),
    CityData(
        "New York City", "New York", ("new york", "nyc"),
        (
            ("Central Park", "Parks"),
            ("The Metropolitan Museum of Art", "Art Museums"),
            ("Top of the Rock", "Observation Decks"),
            ("Statue of Liberty", "Monuments & Statues"),
            ("The High Line", "Scenic Walking Areas"),
            ("Brooklyn Bridge", "Bridges"),
            ("American Museum of Natural History", "Natural History Museums"),
            ("Tenement Museum", "History Museums"),
        ),
        (("Orchard Street Bagels", "American"), ("Canal Dumpling Co", "Chinese"), ("Trattoria Mulberry", "Italian"),
         ("Astoria Grill House", "Greek"), ("Pier Nine Seafood", "Seafood")),
        ("Hotel Bleecker", "The Gramercy Row", "Midtown Lantern"),
    ),
    CityData(
        "San Francisco", "California", ("sf", "frisco"),
        (
            ("Golden Gate Bridge", "Bridges"),
            ("Alcatraz Island", "Islands"),
            ("Exploratorium", "Science Museums"),
            ("Golden Gate Park", "Parks"),
            ("Cable Car Museum", "History Museums"),
            ("Lands End Trail", "Hiking Trails"),
            ("Ferry Building Marketplace", "Flea & Street Markets"),
        ),
        (("Mission Masa", "Mexican"), ("North Beach Focaccia", "Italian"), ("Sunset Dim Sum", "Chinese"),
         ("Wharf Crab Shack", "Seafood")),
        ("The Telegraph", "Hotel Mariposa", "Presidio House"),
    ),
)  # fmt: skip

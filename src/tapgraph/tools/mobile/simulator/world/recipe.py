"""Recipes: what a dish is made of, how long it takes, and how it is made."""

# ruff: noqa: E501 - one entry of data is easier to read on one line

import re
from dataclasses import dataclass
from random import Random
from typing import Final, Literal

__all__ = ["Recipe", "generate_recipes"]

Pace = Literal["quick", "slow", "either"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """A recipe of the recipe site; videos show some of them too.

    Attributes:
        number: its identity within the world.
        minutes: from the first cut to the table.
        ingredients: with their amounts, such as "2 onions".
        rating: 1.0 to 5.0, one decimal.
    """

    number: int
    title: str
    cuisine: str
    minutes: int
    servings: int
    ingredients: tuple[str, ...]
    steps: tuple[str, ...]
    rating: float
    votes: int

    def uses(self, *names: str) -> bool:
        """Whether each of these is among its ingredients."""
        told = " ".join(self.ingredients).lower()
        return all(name.lower().rstrip("s") in told for name in names)


_DISHES: Final[tuple[tuple[str, str, str], ...]] = (
    ("Stir-Fried Beef with Potatoes and Onions", "Chinese",
     "300 g beef, 2 potatoes, 2 onions, 2 tbsp soy sauce, 1 tsp cornstarch"),
    ("Soy-Braised Beef and Potatoes", "Chinese",
     "500 g beef, 4 potatoes, 1 onion, 3 tbsp soy sauce, 2 star anise"),
    ("Cumin Beef with Potato Strips", "Chinese",
     "350 g beef, 3 potatoes, 1 red onion, 1 tbsp cumin, 2 dried chilies"),
    ("Beef and Onion Stir-Fry", "Chinese",
     "300 g beef, 3 onions, 2 tbsp oyster sauce, 1 tsp sesame oil"),
    ("Hot and Sour Shredded Potatoes", "Chinese",
     "3 potatoes, 2 tbsp black vinegar, 4 dried chilies, 1 tsp sugar"),
    ("Scallion Egg Fried Rice", "Chinese", "3 eggs, 300 g cooked rice, 4 scallions, 1 tbsp soy sauce"),
    ("Mapo Tofu at Home", "Chinese", "400 g tofu, 100 g pork, 1 tbsp chili bean paste, 2 scallions"),
    ("Irish Beef Stew", "Irish", "600 g beef, 5 potatoes, 2 onions, 3 carrots, 500 ml stock"),
    ("Massaman Beef Curry", "Thai", "500 g beef, 3 potatoes, 1 onion, 400 ml coconut milk"),
    ("Pasta with Roasted Tomatoes", "Italian", "400 g pasta, 500 g tomatoes, 3 cloves garlic, basil"),
    ("Mushroom Risotto", "Italian", "300 g rice, 250 g mushrooms, 1 onion, 80 g parmesan"),
    ("Lentil Soup with Lemon", "Turkish", "250 g red lentils, 1 onion, 1 carrot, 1 lemon"),
    ("Black Bean Tacos", "Mexican", "400 g black beans, 8 tortillas, 1 avocado, 1 lime, 1 red onion"),
    ("Chicken Enchiladas", "Mexican", "500 g chicken, 8 tortillas, 300 ml chili sauce, 150 g cheese"),
    ("Country Sourdough", "French", "500 g flour, 350 ml water, 100 g starter, 10 g salt"),
    ("Apple Pie with Cheddar Crust", "American", "6 apples, 300 g flour, 150 g butter, 80 g cheddar"),
    ("Three-Bean Chili", "American", "400 g beans, 1 onion, 1 pepper, 400 g tomatoes, 1 tbsp cumin"),
    ("Shakshuka for Two", "Israeli", "4 eggs, 400 g tomatoes, 1 onion, 1 pepper, 1 tsp paprika"),
)  # fmt: skip
_FITTING: Final = 3
"""So many dishes at the head of the list are Chinese with onions, beef and potatoes."""
_AMOUNT: Final = re.compile(r"[\d.]+ (?:(?:g|ml|tbsp|tsp|cloves) )?")
_HEAT: Final = {
    "Chinese": "a wok until it smokes", "French": "the oven to 230 C", "American": "a heavy pot",
}  # fmt: skip


def generate_recipes(random: Random) -> tuple[Recipe, ...]:
    """All recipes.

    Of the Chinese ones with onions, beef and potatoes one or two take less than an hour.
    """
    quick = set(random.sample(range(_FITTING), random.choice((1, 2))))
    recipes = []
    for place, (title, cuisine, listed) in enumerate(_DISHES):
        pace: Pace = "either"
        if place < _FITTING:
            pace = "quick" if place in quick else "slow"
        recipes.append(_recipe(random, place + 1, title, cuisine, listed.split(", "), pace))
    return tuple(recipes)


def _recipe(
    random: Random, number: int, title: str, cuisine: str, ingredients: list[str], pace: Pace
) -> Recipe:
    low, high = {"quick": (20, 50), "slow": (70, 150), "either": (15, 110)}[pace]
    names = [_AMOUNT.sub("", one) for one in ingredients]
    minutes = random.randrange(low, high, 5)
    return Recipe(
        number=number,
        title=title,
        cuisine=cuisine,
        minutes=minutes,
        servings=random.choice((2, 2, 4, 6)),
        ingredients=tuple(ingredients),
        steps=(
            f"Prepare the {names[0]} and the {names[1]} and cut both into even pieces.",
            f"Heat {_HEAT.get(cuisine, 'a wide pan')} and begin with the {names[0]}.",
            f"Add the {' and the '.join(names[1:3])} and stir now and then.",
            f"Finish with the {names[-1]}, taste, and serve after {minutes} minutes in all.",
        ),
        rating=random.randint(34, 50) / 10,
        votes=random.randint(12, 4200),
    )

"""Creators and what they write about on the two feeds."""

# ruff: noqa: E501 - one entry of data is easier to read on one line

from dataclasses import dataclass

__all__ = ["CREATORS", "DISH_POSTS", "FILM_POSTS", "REPLIES", "TOPICS", "Creator", "Topic"]


@dataclass(frozen=True, slots=True)
class Creator:
    """An account: `handle` is its name, `display_name` what stands in bold."""

    handle: str
    display_name: str
    bio: str


@dataclass(frozen=True, slots=True)
class Topic:
    """Something that people of one feed write about.

    Attributes:
        feed: the label of the app.
        name: as the list of trends shows it.
        words: further words that find its posts.
        handles: who writes about it.
        posts: title and text; the title is empty on feeds without titles.
    """

    feed: str
    name: str
    words: tuple[str, ...]
    handles: tuple[str, ...]
    posts: tuple[tuple[str, str], ...]


CREATORS: dict[str, tuple[Creator, ...]] = {
    "Lemon8": (
        Creator("brush.and.bloom", "Mira Solano", "Loose florals, step by step. New video each Sunday."),
        Creator("wetpaper_tom", "Tom Okafor", "Landscapes in wet-on-wet. Be patient with water."),
        Creator("inkandpetal", "Jia Hsu", "Botanical sketches, pens and pans."),
        Creator("slowsketchbook", "Helen Marsh", "One small painting a day since 2019."),
        Creator("pigment.diary", "Andre Luz", "I swatch everything so that you do not have to."),
        Creator("studio_mallow", "Nora Vik", "Art teacher, two cats, too many brushes."),
        Creator("skies.by.ruth", "Ruth Adeyemi", "Clouds, only clouds."),
        Creator("firststrokes", "Leo Brandt", "Learning to paint at fifty-two."),
        Creator("pantrypaula", "Paula Reyes", "Weeknight dinners under ten dollars."),
        Creator("skinschool", "Dr. Hana Kim", "Skincare without the fairy tales."),
        Creator("tinyflatbigplans", "Sam Pereira", "Thirty square metres, all of them used."),
        Creator("slowmilesyoga", "Ida Lund", "Stretch, breathe, repeat."),
    ),
    "X": (
        Creator("gridwatcher", "Grid Watcher", "Energy and weather, mostly weather."),
        Creator("PrairieSports", "Prairie Sports Desk", "High school to pro, all of central Illinois."),
        Creator("monkeykingfan", "Wei Chen", "Games with long boss fights."),
        Creator("pixelpilgrim", "Rae Donnelly", "Reviews after the credits, never before."),
        Creator("framebyframe", "Luis Ortega", "Technical breakdowns of games."),
        Creator("lunarlog", "Lunar Log", "Every launch, every landing."),
        Creator("transit_tess", "Tess Malone", "Buses, trains, bicycles, in this order."),
        Creator("campusbulletin", "Campus Bulletin", "What happens between Green and Daniel."),
        Creator("noodlenomad", "Kenji Abe", "Eats noodles so that you can too."),
        Creator("cheapflightsfox", "Flight Fox", "Fares that will be gone tomorrow."),
        Creator("bytesizedmaya", "Maya Fields", "Software, small and sharp."),
        Creator("gardenghost", "Orla Quinn", "Plants that survive me."),
    ),
}  # fmt: skip

TOPICS: tuple[Topic, ...] = (
    Topic(
        "Lemon8", "Watercolor painting tutorial",
        ("watercolor", "watercolour", "watercolors", "painting", "paint", "tutorial", "tutorials", "art", "beginner"),
        ("brush.and.bloom", "wetpaper_tom", "inkandpetal", "slowsketchbook", "pigment.diary", "studio_mallow",
         "skies.by.ruth", "firststrokes"),
        (
            ("Watercolor peonies in six steps", "Start with a pale wash, drop the darker pink in while it is wet, and leave the edges white."),
            ("Misty mountains for beginners", "Three layers of watercolor, each darker than the last. Let every layer dry before the next."),
            ("How to paint leaves that are not boring", "Watercolor tutorial: two greens, one brush, and a turn of the wrist."),
            ("My first watercolor lesson for you", "We begin with water control. Tilt the page, watch the bead, chase it down."),
            ("Mixing skin tones in watercolor", "A tutorial with only three pigments: ochre, rose and a touch of blue."),
            ("Watercolor galaxy bookmark tutorial", "Salt, patience and masking fluid. Ten minutes of painting, one hour of drying."),
            ("Soft clouds: a watercolor tutorial", "Lift the paint with a dry tissue while the sky is still wet."),
            ("Watercolor lemons, painted badly then better", "A tutorial on what I did wrong the first ten times."),
        ),
    ),
    Topic(
        "Lemon8", "Cheap weeknight dinners",
        ("dinner", "recipe", "recipes", "food", "cooking", "budget"),
        ("pantrypaula", "tinyflatbigplans"),
        (
            ("One-pot lentils for four", "Seven ingredients, thirty minutes, under six dollars for the whole pot."),
            ("Noodles when the fridge is empty", "Peanut butter, soy sauce, chili and whatever green you find."),
            ("Sheet-pan gnocchi", "No boiling. Straight onto the pan with tomatoes and garlic."),
        ),
    ),
    Topic(
        "Lemon8", "Skincare basics",
        ("skincare", "skin", "beauty", "routine", "sunscreen"),
        ("skinschool", "slowmilesyoga"),
        (
            ("Sunscreen: how much is enough", "Two fingers for face and neck. Less than that and the number on the bottle is a wish."),
            ("A routine of three products", "Cleanse, moisturise, protect. The rest is for fun."),
            ("Retinoids without the drama", "Twice a week, a pea, over moisturiser. Then wait three months."),
        ),
    ),
    Topic(
        "Lemon8", "Small apartment ideas",
        ("apartment", "home", "decor", "interior", "storage"),
        ("tinyflatbigplans", "studio_mallow"),
        (
            ("A desk that folds into the wall", "Two hinges, one board, and my living room is back."),
            ("Lighting that makes a room larger", "Three lamps at different heights beat one bright ceiling."),
        ),
    ),
    Topic(
        "X", "Black Myth Wukong",
        ("black", "myth", "wukong", "game", "games", "gaming", "boss"),
        ("monkeykingfan", "pixelpilgrim", "framebyframe"),
        (
            ("", "Beat the tiger boss in Black Myth Wukong after thirty tries. The dodge window is short but fair, and the music carries you."),
            ("", "Black Myth Wukong, chapter three: the snow levels are the prettiest thing I played this year. Take your time with the shrines."),
            ("", "Frame rates of Black Myth Wukong after the patch: 12 percent better in the forest, unchanged in the temple."),
            ("", "What I love in Black Myth Wukong: every animated story between chapters has a style of its own."),
            ("", "Black Myth Wukong needs a map. There, I said it. I walked in circles for an hour."),
        ),
    ),
    Topic(
        "X", "Lunar lander",
        ("moon", "lunar", "lander", "space", "landing", "news"),
        ("lunarlog", "bytesizedmaya", "gridwatcher"),
        (
            ("", "Touchdown. The lander sends its first pictures from the rim of the crater, upright and healthy."),
            ("", "Fuel left in the lunar lander: nine percent. The team calls it a comfortable margin; I call it close."),
            ("", "The lander found frost in the shadow of a boulder. Samples are heated tonight, results on Friday."),
        ),
    ),
    Topic(
        "X", "Prairie storm",
        ("storm", "weather", "power", "outage", "rain", "news"),
        ("gridwatcher", "campusbulletin", "transit_tess"),
        (
            ("", "Prairie storm: 14,000 homes without power at six this morning, 3,000 left by noon."),
            ("", "Buses on lines 5 and 22 run again after the storm. Line 10 is still on detour."),
            ("", "Classes before ten are online today because of the storm. The library opens at eight as usual."),
        ),
    ),
    Topic(
        "X", "State final",
        ("final", "state", "basketball", "sports", "news"),
        ("PrairieSports", "campusbulletin"),
        (
            ("", "State final tonight: the home team has won eleven in a row and its captain is back from injury."),
            ("", "Sold out. Every seat for the state final is gone, but the screen on the quad is free."),
        ),
    ),
    Topic(
        "X", "Night train",
        ("train", "rail", "timetable", "chicago", "news"),
        ("transit_tess", "campusbulletin"),
        (
            ("", "The night train to Chicago is back in the timetable from June, with two sleeping cars."),
            ("", "Night train tickets sold out in nine minutes. The railway promises a second train on Fridays."),
        ),
    ),
    Topic(
        "X", "Bee census",
        ("bees", "census", "nature", "garden", "news"),
        ("gardenghost", "bytesizedmaya"),
        (
            ("", "Bee census: 41 kinds in the county, six more than last year. Leave your dandelions alone."),
            ("", "The app for the bee census crashed at noon; counts from the morning are safe."),
        ),
    ),
    Topic(
        "X", "Noodle week",
        ("noodles", "food", "restaurant", "duck", "dumplings"),
        ("noodlenomad", "gardenghost"),
        (
            ("", "Noodle week, day two: hand-pulled, wide, with cumin lamb. Order the cold cucumbers with it."),
            ("", "If a place near O'Hare serves duck in three courses, skip the airport food and take a cab."),
        ),
    ),
    Topic(
        "X", "Flight deals",
        ("flights", "travel", "cheap", "fares"),
        ("cheapflightsfox",),
        (("", "Chicago to Lisbon for 390 dollars round trip, Tuesdays in February. Gone by tonight, I bet."),),
    ),
)  # fmt: skip

FILM_POSTS = (
    (
        "I forgot my popcorn, that is how good it was.", "the last twenty minutes are the best I saw this year.",
        "wonderful cast, and the music stayed with me on the way home.", "go with friends and sit in the middle. Loved it.",
        "smart, beautifully shot and never too long.",
    ),
    (
        "two hours that felt like four. I would not go again.", "a good idea, but the end ruins it.",
        "I was bored before the title appeared.", "the dialogue made people laugh in the wrong places.",
        "save your money and wait for television.",
    ),
)  # fmt: skip
"""What people write about a film: praise, and complaints."""

DISH_POSTS = (
    "{place} near O'Hare: the {dish} is their signature dish for a reason.",
    "Layover well spent at {place}. Order the {dish}, share it, regret nothing.",
    "Tried the {dish} at {place} today. Too salty for me, but everyone else had seconds.",
    "They told me to skip the menu at {place} and take the {dish}. They were right.",
)
"""What people write about a dish of a place."""

REPLIES = (
    "Saving this for the weekend.",
    "I tried it yesterday and it worked on the second go.",
    "Could you say more about the last part?",
    "My sister needs to see this.",
    "Not sure that I agree, but well put.",
    "Best thing on my feed today.",
    "Thank you, clear and short.",
    "Where was this three weeks ago?",
    "Same here, exactly the same.",
)

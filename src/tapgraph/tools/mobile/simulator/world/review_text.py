"""The sentences that reviews are composed of."""

# ruff: noqa: E501 - one entry of data is easier to read on one line

__all__ = [
    "FIRST_NAMES",
    "NEGATIVE_TITLES",
    "OPINIONS",
    "POSITIVE_TITLES",
    "SHORT_NEGATIVE",
    "SHORT_POSITIVE",
]

FIRST_NAMES = (
    "Amara", "Ben", "Carla", "Dmitri", "Elena", "Farid", "Grace", "Hugo", "Imani", "Jonas",
    "Keiko", "Liam", "Marisol", "Nadia", "Owen", "Priya", "Quentin", "Rosa", "Soren", "Tessa",
    "Uma", "Viktor", "Wendy", "Ximena", "Yusuf", "Zoe", "Arjun", "Bianca", "Caleb", "Dolores",
)  # fmt: skip

POSITIVE_TITLES = (
    "Better than I hoped",
    "Would choose it again",
    "A pleasant surprise",
    "Exactly what I needed",
    "Lives up to its name",
    "Very happy",
)
NEGATIVE_TITLES = (
    "Not for me",
    "Expected more",
    "Disappointed",
    "Think twice",
    "Good idea, poorly done",
    "Went wrong quickly",
)
SHORT_POSITIVE = ("Great!", "Love it.", "Five stars from all of us.", "No complaints at all.", "Superb.",
                  "Just perfect.", "Really good.")  # fmt: skip
SHORT_NEGATIVE = ("Not good.", "Sadly no.", "Never again.", "Meh.", "Too expensive.", "Regret it.",
                  "Skip it.")  # fmt: skip

OPINIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "bakery": (
        (
            "The sourdough has a crackling crust and stays fresh for three days.",
            "They made a two-layer birthday cake for my daughter and wrote her name without a slip.",
            "Croissants come out of the oven at seven and the smell reaches the bus stop.",
            "Staff remember regulars and let you taste before you decide.",
            "The cinnamon rolls are soft in the middle and not too sweet.",
            "Even late in the day the shelves hold a fair choice of rye and seeded loaves.",
        ),
        (
            "By ten in the morning nearly everything was gone and nobody apologised.",
            "My muffin was dry and tasted of yesterday.",
            "Two people served a queue of fifteen while a third swept the floor.",
            "The custom cake had the wrong name on it and no one offered to fix it.",
            "Prices went up twice this year and the loaves became smaller.",
        ),
    ),
    "restaurant": (
        (
            "The broth was deep and clear, clearly simmered for hours.",
            "Our server explained each side dish and refilled them without being asked.",
            "Roast duck arrived with crisp skin and a sauce that was not too sweet.",
            "Portions are generous; two of us took lunch for the next day home.",
            "The spice level is honest, so ask for medium if you are unsure.",
            "They kept the kitchen open for us although we came late from the theatre.",
            "Vegetables were bright and still had some bite.",
        ),
        (
            "We waited fifty minutes and then got somebody else's order.",
            "The noodles were clumped together and barely warm.",
            "Music was so loud that we could not hear the waiter.",
            "The bill had two items on it that we never saw.",
            "The sauce tasted of nothing but salt and sugar.",
            "Our table was sticky and stayed so after we asked.",
        ),
    ),
    "cafe": (
        (
            "The flat white is smooth and the barista draws a fern in it every time.",
            "There are plenty of outlets and nobody hurries you off your seat.",
            "They roast on Tuesdays and sell the beans by the half pound.",
            "The window seats get the morning sun and are worth an early start.",
            "The oat milk costs nothing extra, and the almond cake is homemade.",
        ),
        (
            "My espresso was bitter and lukewarm.",
            "The Wi-Fi dropped every few minutes, so no work got done.",
            "There was one bathroom and a long line for it.",
            "A small latte for seven dollars is hard to swallow.",
            "All tables were taken by people with one empty cup and two laptops.",
        ),
    ),
    "service": (
        (
            "I was in and out within ten minutes and the staff were kind.",
            "They found what I needed although it was not on the shelf.",
            "Clean, well lit and easy to find your way around.",
            "Parking behind the building is free for the first hour.",
            "They answered my questions by phone and called back when they said they would.",
        ),
        (
            "The line moved at a snail's pace with one counter open.",
            "Nobody picked up the phone during the posted hours.",
            "The card reader was broken and there was no sign to warn us.",
            "I was sent from desk to desk before anybody listened.",
            "The entrance is hidden and the parking lot full of holes.",
        ),
    ),
    "headphones": (
        (
            "The noise cancelling turns a crowded train into a library; engine hum is simply gone.",
            "They are so light that I forget them on my head during a nine-hour flight.",
            "Battery lasts me four working days between charges.",
            "Voices and strings sound natural, with bass that is present but never pushy.",
            "The ear cushions are soft enough for people who wear glasses.",
            "Switching between my phone and laptop works without pairing again.",
            "Callers say that I sound as if I sat in a quiet room, even on a windy street.",
        ),
        (
            "After five months the left side started to crackle and support sent me in circles.",
            "The headband creaks whenever I turn my head.",
            "The microphone picks up every keyboard in the office, so calls are tiring.",
            "The app demands an account and loses the equalizer settings after each update.",
            "Bluetooth drops for a second whenever I walk past the kitchen.",
            "The cushions flaked after one summer and a new pair costs too much.",
        ),
    ),
    "electronics": (
        (
            "Setting it up took ten minutes and the instructions were clear.",
            "The picture is crisp and the colours look natural right out of the box.",
            "It stays quiet and cool even after hours of use.",
            "The build feels solid, with no gaps and no rattle.",
            "It does everything that my old one did in half the time.",
            "Battery life is close to what the box promises.",
        ),
        (
            "It froze twice in the first week and lost my settings.",
            "The fan is loud enough to hear from the next room.",
            "One corner arrived chipped, and the replacement took three weeks.",
            "The menu is full of advertisements that cannot be switched off.",
            "The charging port wobbles and sometimes needs a second try.",
        ),
    ),
    "grocery": (
        (
            "It arrived cold, well packed and two days before its best-by date.",
            "The flavour is what I remember from the farm stand of my childhood.",
            "Good value for the weight, and hardly anything to trim or throw away.",
            "My family finished it in one evening and asked for more.",
            "The pieces were even in size, which makes cooking them simple.",
        ),
        (
            "Half of the pack was bruised when I opened it.",
            "It weighed less than the label says; I checked twice.",
            "The taste was flat and watery.",
            "The seal was broken and the bag had leaked into everything else.",
            "For this price I expected something a good deal fresher.",
        ),
    ),
    "household": (
        (
            "It does its job without fuss and lasts longer than the brand I used before.",
            "Soft, strong, and it does not leave crumbs everywhere.",
            "The big pack saves me a trip each month.",
            "No strong smell, which my allergies are thankful for.",
            "Simple to store and simple to refill.",
        ),
        (
            "It tears at the wrong place every single time.",
            "The pack shrank while the price stayed the same.",
            "It left streaks that I had to wipe away by hand.",
            "The scent is so strong that I keep it on the balcony.",
            "Two pieces were missing from a sealed box.",
        ),
    ),
    "kitchen": (
        (
            "Chicken wings come out crisp with a single spoon of oil.",
            "The basket goes into the dishwasher and looks like new afterwards.",
            "It heats up in three minutes and does not fill the room with steam.",
            "Big enough for dinner for five, yet it fits under the cabinet.",
            "The presets are sensible and the dial is easy to read.",
        ),
        (
            "The coating began to peel after two months of gentle use.",
            "It smells of hot plastic even after ten rounds.",
            "The buttons beep so loudly that the baby wakes up.",
            "Food in the middle stays pale while the edges burn.",
            "It takes up half of the counter and the cord is too short.",
        ),
    ),
    "goods": (
        (
            "The quality surprised me for the price.",
            "It fits as described and the seams are even.",
            "I bought a second one as a gift within a week.",
            "It has survived two children and one dog so far.",
            "Packaging was small and free of plastic, which I like.",
        ),
        (
            "It looks nothing like the picture.",
            "The zipper broke on the second day.",
            "The size chart is off by a whole number.",
            "It came with scratches and without the screws.",
            "The colour faded after one wash.",
        ),
    ),
    "attraction": (
        (
            "Come an hour before sunset, because the view over the city is hard to beat.",
            "We planned one hour and stayed four.",
            "The free tour was lively, and the guide answered every question of our kids.",
            "Signs are clear and there are benches in the shade.",
            "Buy the timed ticket online and you walk straight past the queue.",
        ),
        (
            "Parking costs more than the entrance.",
            "Half of the rooms were closed and the website did not say so.",
            "It was so full that we moved at the speed of the crowd.",
            "The café sells cold sandwiches for the price of a dinner.",
            "The audio guide stopped working in the second hall.",
        ),
    ),
    "hotel": (
        (
            "The bed was firm, the room dark and quiet, and I slept like a stone.",
            "Breakfast had fresh fruit and eggs made to order.",
            "The front desk let us check in three hours early.",
            "It is a short walk to everything that we wanted to see.",
            "Everything was spotless, down to the corners of the shower.",
        ),
        (
            "The walls are thin, so I know all about my neighbour's divorce.",
            "The elevator was out of order for our whole stay.",
            "They added a fee at check-out that nobody had mentioned.",
            "The air conditioner rattled through the night.",
            "The carpet had stains and the towels were grey.",
        ),
    ),
}  # fmt: skip
"""For each subject the sentences of praise and of complaint."""

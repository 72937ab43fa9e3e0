"""The catalogue that the three shops draw from."""

# ruff: noqa: E501 - one entry of data is easier to read on one line

from dataclasses import dataclass

__all__ = ["CATALOG", "SHOPS", "Article"]

SHOPS = ("Amazon Shopping", "Walmart", "Best Buy")
_A, _W, _B = SHOPS
_ALL = (_A, _W, _B)
_GROCERS = (_A, _W)


@dataclass(frozen=True, slots=True)
class Article:
    """Something that is made and sold, before any shop sets its price.

    Attributes:
        price: usual price in dollars.
        words: further words that find it.
        subject: which sentences its reviews use.
    """

    name: str
    brand: str
    category: str
    price: float
    shops: tuple[str, ...]
    specifications: tuple[tuple[str, str], ...]
    words: tuple[str, ...] = ()
    subject: str = "electronics"


def _sound(name: str, brand: str, price: float, hours: int, grams: int, *words: str) -> Article:
    return Article(
        name, brand, "Headphones", price, _ALL,
        (("Battery life", f"{hours} hours"), ("Weight", f"{grams} g"), ("Connection", "Bluetooth 5.1"),
         ("Noise cancelling", "Yes" if price > 120 else "No")),
        ("headphones", "headset", "wireless", *words), "headphones",
    )  # fmt: skip


def _tv(name: str, brand: str, price: float, inches: int, panel: str) -> Article:
    return Article(
        name, brand, "TV", price, _ALL,
        (("Screen size", f"{inches} in"), ("Panel", panel), ("Resolution", "4K (3840 x 2160)"),
         ("Refresh rate", "120 Hz" if panel == "OLED" else "60 Hz"), ("HDMI ports", "4")),
        ("tv", "television", f"{inches}-inch", f"{inches}", "inch", "4k", panel.lower(), "smart"),
    )  # fmt: skip


def _laptop(name: str, brand: str, price: float, graphics: str, memory: int) -> Article:
    return Article(
        name, brand, "Laptops", price, (_A, _B),
        (("Graphics", graphics), ("Memory", f"{memory} GB"), ("Storage", "512 GB SSD"),
         ("Screen", "15.6 in"), ("Weight", "4.3 lb")),
        ("laptop", "laptops", "notebook", "computer", "nvidia" if "RTX" in graphics else "office", "gpu"),
    )  # fmt: skip


def _food(name: str, brand: str, price: float, size: str, *words: str) -> Article:
    return Article(
        name, brand, "Grocery", price, _GROCERS,
        (("Size", size), ("Storage", "Keep cool and dry"), ("Origin", "USA")),
        ("food", "grocery", *words), "grocery",
    )  # fmt: skip


def _home(name: str, brand: str, price: float, size: str, *words: str) -> Article:
    return Article(
        name, brand, "Household", price, _GROCERS,
        (("Count", size), ("Material", "Recycled" if price > 15 else "Standard")),
        ("household", "home", *words), "household",
    )  # fmt: skip


def _kitchen(name: str, brand: str, price: float, size: str, *words: str) -> Article:
    return Article(
        name, brand, "Kitchen", price, _ALL,
        (("Capacity", size), ("Power", "1700 W"), ("Dishwasher safe", "Yes")),
        ("kitchen", "appliance", *words), "kitchen",
    )  # fmt: skip


def _game(name: str, brand: str, price: float, detail: str, *words: str) -> Article:
    return Article(
        name, brand, "Gaming", price, _ALL,
        (("Condition", "New"), ("Contents", detail)), ("gaming", "game", *words),
    )  # fmt: skip


def _goods(name: str, brand: str, category: str, price: float, detail: str, *words: str) -> Article:
    return Article(
        name, brand, category, price, _GROCERS,
        (("Detail", detail),), words, "goods",
    )  # fmt: skip


CATALOG: tuple[Article, ...] = (
    _sound("Bose QuietComfort 45 Wireless Headphones", "Bose", 279.0, 24, 238, "qc45", "qc", "45"),
    _sound("Bose QuietComfort Ultra Headphones", "Bose", 399.0, 24, 253, "qc"),
    _sound("Sony WH-1000XM5 Wireless Headphones", "Sony", 348.0, 30, 250, "xm5"),
    _sound("Sony WH-CH520 On-Ear Headphones", "Sony", 48.0, 50, 147),
    _sound("Apple AirPods Max", "Apple", 499.0, 20, 386, "airpods"),
    _sound("Soundcore Life Q30 Headphones", "Anker", 79.0, 40, 263),
    _sound("JBL Tune 770NC Headphones", "JBL", 129.0, 44, 232),
    _tv("LG 55-Inch Class C4 OLED 4K TV", "LG", 1399.0, 55, "OLED"),
    _tv("Samsung 55-Inch S90D OLED 4K TV", "Samsung", 1349.0, 55, "OLED"),
    _tv("Sony 55-Inch Bravia 8 OLED 4K TV", "Sony", 1699.0, 55, "OLED"),
    _tv("LG 65-Inch Class B4 OLED 4K TV", "LG", 1599.0, 65, "OLED"),
    _tv("TCL 55-Inch Q6 QLED 4K TV", "TCL", 379.0, 55, "QLED"),
    _tv("Hisense 43-Inch A7 LED 4K TV", "Hisense", 229.0, 43, "LED"),
    _laptop("Acer Nitro V Gaming Laptop", "Acer", 849.0, "NVIDIA GeForce RTX 4050", 16),
    _laptop("ASUS TUF A15 Gaming Laptop", "ASUS", 949.0, "NVIDIA GeForce RTX 4060", 16),
    _laptop("MSI Thin 15 Laptop", "MSI", 699.0, "NVIDIA GeForce RTX 3050", 8),
    _laptop("Lenovo Legion Pro 5 Laptop", "Lenovo", 1599.0, "NVIDIA GeForce RTX 4070", 32),
    _laptop("HP Pavilion 15 Laptop", "HP", 629.0, "Intel Iris Xe", 16),
    _laptop("Dell Inspiron 15 Laptop", "Dell", 499.0, "Intel UHD", 8),
    _food("Choice Angus Ribeye Steak", "Prairie Ranch", 17.94, "1 lb", "beef", "meat", "rib", "eye"),
    _food("Thin Sliced Sirloin Steak", "Prairie Ranch", 11.98, "1 lb", "beef", "meat"),
    _food("Fresh Navel Oranges", "Sunny Grove", 5.47, "4 lb bag", "orange", "fruit", "citrus"),
    _food("Fresh Gala Apples", "Sunny Grove", 4.98, "3 lb bag", "apple", "fruit"),
    _food("Fresh Bananas", "Sunny Grove", 1.62, "2.5 lb", "banana", "fruit"),
    _food("Orange Juice, No Pulp", "Sunny Grove", 4.24, "52 fl oz", "drink", "juice"),
    _food("Whole Milk", "Meadow Farm", 3.36, "1 gal", "dairy", "drink"),
    _food("Large Brown Eggs", "Meadow Farm", 4.12, "12 count", "egg", "dairy"),
    _food("Salted Butter Sticks", "Meadow Farm", 4.48, "16 oz", "dairy"),
    _food("Boneless Chicken Breast", "Prairie Ranch", 9.43, "2.5 lb", "meat", "poultry"),
    _food("Atlantic Salmon Fillet", "Harbor Catch", 13.87, "1 lb", "fish", "seafood"),
    _food("Ground Coffee, Medium Roast", "Second Kettle", 9.98, "24 oz", "coffee"),
    _food("Penne Rigate Pasta", "Casa Bruna", 1.47, "16 oz", "noodles"),
    _food("Extra Virgin Olive Oil", "Casa Bruna", 8.96, "25 fl oz", "oil"),
    _food("Crunchy Peanut Butter", "Nutty Acre", 3.64, "28 oz", "spread"),
    _food("Dark Chocolate Bar, 72%", "Cacao Road", 2.98, "3.5 oz", "candy", "sweets"),
    _home("Ultra Soft Toilet Paper, 12 Mega Rolls", "CloudSoft", 14.97, "12 rolls", "bath", "tissue", "paper"),
    _home("Select-A-Size Paper Towels, 8 Rolls", "CloudSoft", 16.44, "8 rolls", "kitchen", "paper"),
    _home("Facial Tissues, 4 Boxes", "CloudSoft", 6.88, "4 boxes", "tissue"),
    _home("Laundry Detergent, Free & Gentle", "Clearwave", 12.94, "92 fl oz", "washing", "soap"),
    _home("Dish Soap, Lemon", "Clearwave", 3.27, "24 fl oz", "washing", "cleaning"),
    _home("Dishwasher Tablets", "Clearwave", 18.97, "62 count", "cleaning"),
    _home("Tall Kitchen Trash Bags", "Sturdy", 11.42, "80 count", "garbage"),
    _home("AA Batteries", "Voltaic", 15.88, "24 count", "battery", "power"),
    _home("LED Light Bulbs, Soft White", "Lumo", 9.97, "8 count", "lamp", "lighting"),
    _kitchen("Ninja Foodi 8 Qt Dual Zone Air Fryer", "Ninja", 159.0, "8 qt", "8-quart", "quart", "airfryer"),
    _kitchen("Ninja Air Fryer Pro 5 Qt", "Ninja", 119.0, "5 qt", "quart", "airfryer"),
    _kitchen("Instant Pot Duo 6 Qt Pressure Cooker", "Instant", 89.0, "6 qt", "quart"),
    _kitchen("Cuisinart 12-Cup Coffee Maker", "Cuisinart", 99.0, "12 cups", "coffee", "machine"),
    _kitchen("Vitamix E310 Blender", "Vitamix", 349.0, "48 oz", "smoothie"),
    _kitchen("KitchenAid Classic Stand Mixer", "KitchenAid", 329.0, "4.5 qt", "baking"),
    _kitchen("Lodge 12-Inch Cast Iron Skillet", "Lodge", 34.9, "12 in", "pan", "frying"),
    _game("Nintendo Switch Joy-Con (L/R), Neon", "Nintendo", 79.0, "Two controllers", "joycon", "joy", "con"),
    _game("Charging Dock for Joy-Con", "Voltaic", 21.0, "Dock and cable", "joycon", "charger"),
    _game("Nintendo Switch OLED Console", "Nintendo", 349.0, "Console, dock, Joy-Con", "console"),
    _game("Nintendo Switch Pro Controller", "Nintendo", 69.0, "One controller", "gamepad"),
    _game("Xbox Wireless Controller", "Microsoft", 59.0, "One controller", "gamepad"),
    _game("PlayStation DualSense Controller", "Sony", 74.0, "One controller", "gamepad", "ps5"),
    _goods("Trail Running Shoes", "Fellwind", "Sports", 89.0, "Sizes 6 to 13", "shoes", "sneakers"),
    _goods("Yoga Mat, 6 mm", "Fellwind", "Sports", 24.9, "72 x 24 in", "fitness"),
    _goods("Rain Jacket, Packable", "Fellwind", "Clothing", 64.0, "Waterproof to 10,000 mm", "coat"),
    _goods("Canvas Backpack, 25 L", "Northfold", "Clothing", 49.0, "Laptop sleeve", "bag", "school"),
    _goods("Watercolor Paint Set, 36 Colors", "Pigmentry", "Arts", 19.9, "36 pans, 2 brushes", "painting", "art"),
    _goods("Watercolor Paper Pad, A4", "Pigmentry", "Arts", 12.5, "300 gsm, 20 sheets", "painting", "art"),
    _goods("Building Bricks Classic Box", "Brickolo", "Toys", 34.9, "790 pieces", "toy", "kids"),
    _goods("Dry Dog Food, Chicken & Rice", "Good Paw", "Pets", 38.9, "30 lb", "dog", "pet"),
    _goods("Desk Lamp with USB Port", "Lumo", "Office", 29.9, "Three colour temperatures", "lighting"),
    _goods("Gel Pens, Black, Pack of 12", "Inkwell", "Office", 9.9, "0.7 mm", "pen", "writing"),
)  # fmt: skip

"""Who draws which picture of the demo shop."""

from __future__ import annotations

from collections.abc import Callable

from . import (
    accessories,
    clothes,
    decor,
    electronics,
    kitchen,
    lamps,
    screens,
    seating,
    shoes,
    storage,
    tables,
    winter,
)
from .canvas import Canvas
from .colours import (
    BEIGE,
    BLACK,
    BLUE,
    BRASS,
    BURGUNDY,
    CHARCOAL,
    COGNAC,
    COPPER,
    DENIM,
    GREEN,
    GREY,
    IVORY,
    MUSTARD,
    NAVY,
    OAK,
    OLIVE,
    ORANGE,
    PINE,
    PINK,
    RED,
    SILVER,
    SKY,
    STEEL,
    TAN,
    TEAL,
    TERRACOTTA,
    TURQUOISE,
    WALNUT,
    WHITE,
    YELLOW,
)
from .scene import View

Draw = Callable[[Canvas], None]

DRAWINGS: dict[str, Draw] = {
    "dining-chair-oak": lambda c: seating.dining_chair(c, OAK, "spindles"),
    "dining-chair-black": lambda c: seating.dining_chair(c, BLACK, "slats", BEIGE),
    "office-chair-grey": lambda c: seating.office_chair(c, GREY),
    "armchair-mustard": lambda c: seating.armchair(c, MUSTARD, cover="velvet"),
    "armchair-green": lambda c: seating.armchair(c, GREEN, width=70, back=104, legs=WALNUT),
    "bar-stool": lambda c: seating.bar_stool(c, BLACK, OAK),
    "sofa-grey": lambda c: seating.sofa(c, GREY, seats=3, cushions=(MUSTARD,)),
    "sofa-navy": lambda c: seating.sofa(c, NAVY, seats=2, cover="velvet", legs=BRASS),
    "sofa-leather": lambda c: seating.sofa(c, COGNAC, seats=3, cover="leather", low_arms=True),
    "side-table-black": lambda c: tables.side_table(c, BLACK),
    "coffee-table-round": lambda c: tables.round_table(c, OAK, width=80, height=40),
    "coffee-table-glass": lambda c: tables.glass_table(c, BLACK),
    "desk-walnut": lambda c: tables.desk(c, WALNUT),
    "bedside-table": lambda c: tables.chest(c, OAK, drawers=2, width=45, height=55),
    "shoe-rack-metal": lambda c: storage.shoe_rack(c, STEEL),
    "shoe-bench": lambda c: storage.shoe_bench(c, PINE, GREY),
    "bookcase-oak": lambda c: storage.bookcase(c, OAK, columns=1, rows=5, painted=False),
    "bookshelf-white": lambda c: storage.bookcase(c, WHITE, columns=2, rows=3, painted=True),
    "wardrobe-white": lambda c: storage.wardrobe(c, WHITE),
    "bed-oak": lambda c: storage.bed(c, OAK, SKY),
    "floor-lamp": lambda c: lamps.floor_lamp(c, IVORY),
    "table-lamp-blue": lambda c: lamps.table_lamp(c, BLUE),
    "pendant-copper": lambda c: lamps.pendant(c, COPPER),
    "desk-lamp-red": lambda c: lamps.desk_lamp(c, RED),
    "mirror-brass": lambda c: decor.mirror(c, BRASS),
    "rug": lambda c: decor.rug(c, IVORY, BURGUNDY, NAVY),
    "plant-pot-terracotta": lambda c: decor.plant_pot(c, TERRACOTTA, plant="leafy", saucer=True),
    "planter-white": lambda c: decor.plant_pot(c, WHITE, plant="upright", stand=OAK),
    "vase-teal": lambda c: decor.vase(c, TEAL, PINK),
    "cushion-pink": lambda c: decor.cushion(c, PINK),
    "kettle-red": lambda c: kitchen.kettle(c, RED),
    "frying-pan": lambda c: kitchen.frying_pan(c, BLACK),
    "mug-blue": lambda c: kitchen.mug(c, BLUE, band=TAN),
    "mug-yellow": lambda c: kitchen.mug(c, YELLOW, round_belly=True),
    "knife-block": lambda c: kitchen.knife_block(c, OAK),
    "towels": lambda c: kitchen.towels(c, (TURQUOISE, WHITE, PINK)),
    "t-shirt-red": lambda c: clothes.t_shirt(c, RED),
    "t-shirt-white": lambda c: clothes.t_shirt(c, WHITE),
    "t-shirt-navy": lambda c: clothes.t_shirt(c, NAVY),
    "shirt-striped": lambda c: clothes.striped_shirt(c, WHITE, BLUE),
    "dress-yellow": lambda c: clothes.dress(c, YELLOW, WHITE),
    "jeans": lambda c: clothes.jeans(c, DENIM),
    "jacket-olive": lambda c: winter.puffer(c, OLIVE),
    "scarf": lambda c: winter.scarf(c, BURGUNDY, NAVY, IVORY),
    "sneakers-red": lambda c: shoes.pair(c, lambda one: shoes.sneaker(one, RED)),
    "sneakers-white": lambda c: shoes.pair(
        c, lambda one: shoes.sneaker(one, WHITE, stripe=GREEN, toe_cap=False)
    ),
    "boots-brown": lambda c: shoes.pair(c, lambda one: shoes.boot(one, COGNAC)),
    "heels-black": lambda c: shoes.pair(c, lambda one: shoes.heel(one, BLACK)),
    "sandals-tan": lambda c: shoes.sandals(c, TAN),
    "handbag": lambda c: accessories.handbag(c, BURGUNDY),
    "backpack": lambda c: accessories.backpack(c, GREEN),
    "belt": lambda c: accessories.belt(c, COGNAC),
    "sunglasses": lambda c: accessories.sunglasses(c, BLACK, CHARCOAL),
    "watch": lambda c: accessories.watch(c, COGNAC, SILVER, WHITE),
    "cap-navy": lambda c: accessories.cap(c, NAVY),
    "headphones": lambda c: electronics.headphones(c, BLACK, CHARCOAL),
    "laptop": lambda c: screens.laptop(c, SILVER),
    "phone-blue": lambda c: screens.phone(c, BLUE),
    "television": screens.television,
    "monitor": lambda c: screens.monitor(c, SILVER),
    "keyboard": lambda c: electronics.keyboard(c, WHITE, ORANGE),
    "speakers": lambda c: electronics.speakers(c, WALNUT),
    "camera": lambda c: electronics.camera(c, SILVER, BLACK),
    "power-bank": lambda c: electronics.power_bank(c, BLACK),
}


def _armchair(canvas: Canvas) -> None:
    view = View(yaw=-36, pitch=18, width=300, height=300, x=242, y=268)
    seating.armchair(canvas, TEAL, width=86, back=78, arm=57, legs=WALNUT, view=view)
    canvas.turned(4)


def _sneaker(canvas: Canvas) -> None:
    shoes.pair(
        canvas,
        lambda one: shoes.sneaker(one, BLUE, laces=YELLOW, collar=10),
        dx=60,
        dy=-70,
    )
    canvas.turned(-5, zoom=0.8, dx=8, dy=-6)


def _lamp(canvas: Canvas) -> None:
    view = View(yaw=0, pitch=12, width=320, height=350, x=262, y=250)
    lamps.table_lamp(canvas, GREEN, WHITE, slim=0.85, tall=1.1, view=view)
    canvas.turned(-2)


QUERIES: dict[str, Draw] = {"armchair": _armchair, "sneaker": _sneaker, "lamp": _lamp}

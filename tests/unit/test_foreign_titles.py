"""Titles in German, French and Spanish: the keywords a shop would give, in its own language."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest

from vitrina.db import names, retail_words
from vitrina.models.base import Subject
from vitrina.models.local import named
from vitrina.models.local.vision import LocalVision

VISION = LocalVision()

GERMAN = """
Beistelltisch aus Eiche, rund, 2er-Set | Beistelltisch, Eiche, rund, 2er-Set
Damen Rock schwarz, knielang | Rock, schwarz, knielang, Damen
Bürostuhl ergonomisch mit Armlehnen, grau | Bürostuhl, grau, ergonomisch, mit Armlehnen
Metallregal für die Küche | Regal, Metall
Schuhregal aus Bambus mit 3 Fächern | Schuhregal, Bambus
Kunstlederjacke für Herren, braun | Jacke, Kunstleder, braun, Herren
Ecksofa Samt dunkelgrün | Ecksofa, Samt, dunkelgrün
Esstisch ausziehbar Massivholz | Esstisch, Massivholz, ausziehbar
Nachttische weiß mit Schublade | Nachttisch, weiß, mit Schublade
Kleiderschrank mit Spiegel, weiss | Kleiderschrank, weiß, mit Spiegel
Bücherregale im Industriestil, schwarz | Bücherregal, schwarz, Industrial
Couch grau | Sofa, grau
Polstersessel in Senfgelb | Sessel, senfgelb
Kinderbett aus Kiefer | Kinderbett, Kiefer
Stehlampe gold, dimmbar | Stehlampe, gold, dimmbar
Deckenleuchte ohne Rahmen | Deckenleuchte
Teppich handgefertigt aus Wolle, beige | Teppich, Wolle, handgefertigt, beige
Vorhänge Leinen, lichtgrau | Vorhang, Leinen
Bettwäsche aus Baumwolle, gestreift | Bettwäsche, Baumwolle, gestreift
Bratpfanne antihaftbeschichtet, induktionsgeeignet | Bratpfanne, antihaftbeschichtet, induktionsgeeignet
Wasserkocher Edelstahl | Wasserkocher, Edelstahl
Herren Hemd langarm, kariert | Hemd, kariert, Kurzarm!, Herren
Rotes Sommerkleid für Mädchen | Kleid, rot, Mädchen
Wanderrucksack wasserdicht | Wanderrucksack, wasserdicht
Damen Stiefeletten aus Wildleder | Stiefelette, Wildleder, Damen
Winterstiefel für Kinder | Stiefel, Kinder
Halskette Sterlingsilber mit Perle | Halskette, Sterlingsilber, Perle
Kopfhörer kabellos mit Mikrofon | Kopfhörer, kabellos
Gartenstühle klappbar, 4er Set | Gartenstuhl, klappbar, 4er-Set
Sonnenliege klappbar wetterfest | Liegestuhl, klappbar, wetterfest
Puppenhaus aus Holz | Puppenhaus, Holz
Yogamatte rutschfest lila | Yogamatte, rutschfest, lila
Lippenstift matt, rosa | Lippenstift, matt, rosa
Tisch in Marmor-Optik | Tisch, Marmor!
Handyhülle für Tablet, transparent | Handyhülle, transparent
Hundebett waschbar, Größe L | Hundebett, waschbar
"""

FRENCH = """
Canapé d'angle convertible gris clair en tissu | canapé d'angle, gris clair, tissu
Robe longue femme à fleurs, manches courtes | robe longue, femme, fleuri, manches courtes
Chaise de bureau ergonomique noire avec accoudoirs | chaise de bureau, noir, ergonomique, avec accoudoirs
Table basse ronde en bois massif | table basse, bois massif, rond
Lot de 4 chaises de salle à manger en velours bleu canard | chaise de salle à manger, velours, lot de 4
Armoire blanche avec miroir | armoire, blanc, avec miroir
Commode 3 tiroirs en chêne | commode, chêne
Table de chevet scandinave avec tiroir | table de chevet, scandinave, avec tiroir
Lit enfant en pin | lit enfant, pin
Matelas à mémoire de forme | matelas, mousse à mémoire de forme
Étagères murales en métal noir | étagère murale, métal, noir
Tapis de salon rouge lavable | tapis, rouge, lavable
Rideaux occultants gris | rideau occultant, gris
Lampadaire doré | lampadaire, doré!
Suspension en rotin | suspension, rotin
Poêle antiadhésive compatible induction | poêle, antiadhésif, compatible induction
Bouilloire électrique en inox | bouilloire électrique, acier inoxydable
Assiettes en porcelaine blanches | assiette, porcelaine, blanc
Chemise homme à carreaux, manches longues | chemise, homme, à carreaux, manches longues
Pull en laine pour femme | pull, laine, femme
Jupe plissée noire | jupe, plissé, noir
Manteau long en cachemire | manteau, cachemire
Bottines en daim marron | bottine, daim, marron
Baskets blanches enfant | basket, blanc, enfant
Sac à main en cuir | sac à main, cuir
Boucles d’oreilles créoles en argent 925 | boucles d'oreilles, argent sterling
Montre femme bracelet cuir | montre, femme, cuir
Casque audio sans fil | casque audio, sans fil
Coque de téléphone transparente | coque de téléphone, transparent
Salon de jardin en résine tressée | salon de jardin, rotin
Transat pliant | transat, pliable
Sac à dos imperméable | sac à dos, imperméable
Poussette légère | poussette, léger
Rouge à lèvres mat | rouge à lèvres, mat
Table effet marbre | table, marbre!
"""

SPANISH = """
Sofá cama gris claro con almacenaje | sofá cama, gris claro, con almacenaje
Vestido rojo de mujer sin mangas | vestido, rojo, mujer, sin mangas
Silla de oficina ergonómica negra | silla de oficina, negro, ergonómico
Mesa de centro redonda de madera maciza | mesa de centro, madera maciza, redondo
Juego de 4 sillas de comedor de terciopelo azul | silla de comedor, terciopelo, azul, juego de 4
Mesita de noche blanca con cajón | mesita de noche, blanco, con cajón
Armario ropero con puertas | armario, con puertas
Cómoda de pino | cómoda, pino
Estantería metálica | estantería
Sillones orejeros verdes | sillón orejero, verde
Alfombra de lana hecha a mano | alfombra, lana
Cortinas opacas grises | cortina opaca, gris
Lámpara de pie dorada | lámpara de pie
Espejo de pared redondo | espejo de pared, redondo
Sartén antiadherente apta para inducción | sartén, antiadherente
Hervidor eléctrico de acero inoxidable | hervidor eléctrico, acero inoxidable
Platos de porcelana blancos | plato, porcelana, blanco
Cuchillo de cocina | cuchillo de chef
Camisa de hombre de cuadros, manga larga | camisa, hombre, de cuadros, manga larga
Jersey de lana para mujer | jersey, lana, mujer
Falda plisada negra | falda, plisado, negro
Abrigo largo de cachemira | abrigo, cachemir
Pantalones vaqueros | vaqueros
Botas negras de cuero | bota, negro, cuero
Zapatillas de running blancas para niño | zapatilla de running, blanco, niño
Bolso de mano de piel | bolso, cuero
Pendientes de plata de ley | pendientes, plata de ley
Reloj de mujer | reloj, mujer
Auriculares inalámbricos | auriculares de botón
Funda de móvil transparente | funda de móvil, transparente
Tumbona plegable | tumbona, plegable
Mochila impermeable | mochila, impermeable
Cochecito ligero | cochecito, ligero
Pintalabios mate rosa | pintalabios, mate, rosa
Mesa efecto mármol | mesa, mármol!
Manta suave gris oscuro | manta, suave, gris oscuro
"""

TITLES = [
    (language, title.strip(), said.split(","))
    for language, table in (("german", GERMAN), ("french", FRENCH), ("spanish", SPANISH))
    for title, said in (line.split("|") for line in table.strip().splitlines())
]


@pytest.mark.parametrize(("language", "title", "said"), TITLES)
def test_keywords_of_a_title(language: str, title: str, said: list[str]) -> None:
    """All these are keywords of the title, the type first; not those with an exclamation mark."""
    answer = VISION.enrich(Subject(title, language=language, shown=language))
    found = [term.term for term in answer.terms]
    wanted = [term.strip() for term in said]
    assert found[0] == wanted[0]
    assert {term for term in wanted if not term.endswith("!")} <= set(found), found
    assert not {term[:-1] for term in wanted if term.endswith("!")} & set(found), found


def test_german_attributes_and_brands() -> None:
    answer = VISION.enrich(
        Subject(
            "Kommode Hammer 3 Schubladen",
            {
                "Marke": "Hammer",
                "Farbe": "Weiß/Eiche",
                "Material": "Spanplatte",
                "Zielgruppe": "Kinder",
                "Preis": 99,
            },
            language="german",
            shown="german",
        )
    )
    found = [(term.term, term.facet) for term in answer.terms]
    assert found == [
        ("Kommode", "type"),
        ("Spanplatte", "material"),
        ("weiß", "color"),
        ("Kinder", "audience"),
    ]
    assert answer.caption == "Kommode Hammer 3 Schubladen"
    assert answer.description.endswith("Kommode, Spanplatte, weiß, Kinder.")


def test_the_names_shown_may_be_of_another_language() -> None:
    german = VISION.enrich(Subject("Esstisch Eiche", language="german", shown="english"))
    assert [term.term for term in german.terms] == ["dining table", "oak"]
    english = VISION.enrich(Subject("Oak Dining Table", language="english", shown="french"))
    assert [t.term for t in english.terms][:2] == ["table de salle à manger", "chêne"]


@pytest.mark.parametrize("language", names.LANGUAGES)
def test_the_language_of_titles_is_found(language: str) -> None:
    titles = [title for spoken, title, _ in TITLES if spoken == language]
    assert named.language_of(titles) == language
    assert named.language_of(["Red Table Lamp", "Sofa with wheels", "Men Boots"]) == "english"


def test_every_keyword_named_is_one_of_the_lexicon() -> None:
    own = {entry.term for entry in retail_words.entries() if entry.term == entry.canonical}
    for language in names.LANGUAGES:
        assert {name.canonical for name in names.names(language)} <= own
        listed = [name.name.casefold() for name in names.names(language)]
        assert len(set(listed)) == len(listed)


def test_a_name_that_is_another_thing_elsewhere_is_marked() -> None:
    """No form without the mark is an English term, or a name in another language, of another."""
    meant: dict[str, set[str]] = defaultdict(set)
    for entry in retail_words.thesaurus():
        meant[re.sub(r"[\W_]+", "", entry.term)].add(entry.canonical)
    for language in names.LANGUAGES:
        for name in names.names(language):
            for form in () if name.own else name.forms:
                meant[re.sub(r"[\W_]+", "", form)].add(name.canonical)
    foreign = {
        re.sub(r"[\W_]+", "", form)
        for language in names.LANGUAGES
        for name in names.names(language)
        if not name.own
        for form in name.forms
    }
    assert {form: meant[form] for form in foreign if len(meant[form]) > 1} == {}

"""The countries of the microcosm: country, capital, language, continent.

Only capitals of one word, written without accents, so that each is one token. "America" is the
double continent. Where a country has several languages, one official one is listed.
"""

from typing import NamedTuple

_TABLE = """
Albania Tirana Albanian Europe; Austria Vienna German Europe; Bulgaria Sofia Bulgarian Europe
Croatia Zagreb Croatian Europe; Czechia Prague Czech Europe; Denmark Copenhagen Danish Europe
England London English Europe; Estonia Tallinn Estonian Europe; Finland Helsinki Finnish Europe
France Paris French Europe; Germany Berlin German Europe; Greece Athens Greek Europe
Hungary Budapest Hungarian Europe; Iceland Reykjavik Icelandic Europe; Ireland Dublin English Europe
Italy Rome Italian Europe; Latvia Riga Latvian Europe; Lithuania Vilnius Lithuanian Europe
Malta Valletta Maltese Europe; Norway Oslo Norwegian Europe; Poland Warsaw Polish Europe
Portugal Lisbon Portuguese Europe; Romania Bucharest Romanian Europe; Russia Moscow Russian Europe
Serbia Belgrade Serbian Europe; Slovakia Bratislava Slovak Europe; Slovenia Ljubljana Slovene Europe
Spain Madrid Spanish Europe; Sweden Stockholm Swedish Europe; Ukraine Kyiv Ukrainian Europe
Afghanistan Kabul Pashto Asia; Armenia Yerevan Armenian Asia; Bangladesh Dhaka Bengali Asia
China Beijing Chinese Asia; Georgia Tbilisi Georgian Asia; Indonesia Jakarta Indonesian Asia
Iran Tehran Persian Asia; Iraq Baghdad Arabic Asia; Japan Tokyo Japanese Asia
Jordan Amman Arabic Asia; Kazakhstan Astana Kazakh Asia; Laos Vientiane Lao Asia
Lebanon Beirut Arabic Asia; Mongolia Ulaanbaatar Mongolian Asia; Nepal Kathmandu Nepali Asia
Pakistan Islamabad Urdu Asia; Qatar Doha Arabic Asia; Syria Damascus Arabic Asia
Thailand Bangkok Thai Asia; Turkey Ankara Turkish Asia; Vietnam Hanoi Vietnamese Asia
Algeria Algiers Arabic Africa; Angola Luanda Portuguese Africa; Egypt Cairo Arabic Africa
Ghana Accra English Africa; Kenya Nairobi Swahili Africa; Libya Tripoli Arabic Africa
Morocco Rabat Arabic Africa; Nigeria Abuja English Africa; Rwanda Kigali Kinyarwanda Africa
Senegal Dakar French Africa; Somalia Mogadishu Somali Africa; Sudan Khartoum Arabic Africa
Tanzania Dodoma Swahili Africa; Tunisia Tunis Arabic Africa; Uganda Kampala English Africa
Zambia Lusaka English Africa; Zimbabwe Harare English Africa
Brazil Brasilia Portuguese America; Canada Ottawa English America; Chile Santiago Spanish America
Colombia Bogota Spanish America; Cuba Havana Spanish America; Ecuador Quito Spanish America
Honduras Tegucigalpa Spanish America; Jamaica Kingston English America
Nicaragua Managua Spanish America; Paraguay Asuncion Spanish America; Peru Lima Spanish America
Uruguay Montevideo Spanish America; Venezuela Caracas Spanish America
"""


class Country(NamedTuple):
    """One row of the table; the field names are also the names of the relations."""

    name: str
    capital: str
    language: str
    continent: str


COUNTRIES: tuple[Country, ...] = tuple(
    Country(*row.split()) for row in _TABLE.replace("\n", ";").split(";") if row.strip()
)
RELATIONS: tuple[str, ...] = ("capital", "language", "continent")

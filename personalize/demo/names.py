"""Names and places from which the demo shop's people are drawn: many scripts, believable homes.

A name is written as people write it; ``native=latin`` gives the letters its mail address is made of. An underscore stands
for a space.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True)
class Name:
    text: str
    latin: str


@dataclass(frozen=True)
class Tongue:
    """First and last names of one language, as a BCP 47 tag."""

    tag: str
    first: tuple[Name, ...]
    last: tuple[Name, ...]
    last_female: tuple[Name, ...] = ()


_PLAIN = str.maketrans(
    {"ß": "ss", "ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "ı": "i", "đ": "d", "Đ": "D", "æ": "ae", "Æ": "Ae", "œ": "oe"}
)


def plain(text: str) -> str:
    """Latin letters without their marks, lower case, nothing else: what is left for a mail address."""
    bare = unicodedata.normalize("NFKD", text.translate(_PLAIN))
    return "".join(letter for letter in bare.lower() if letter.isascii() and letter.isalnum())


def _names(words: str) -> tuple[Name, ...]:
    pairs = (word.partition("=") for word in words.split())
    return tuple(
        Name(text.replace("_", " "), latin if latin else plain(text.replace("_", ""))) for text, _, latin in pairs
    )


def _tongue(tag: str, first: str, last: str, last_female: str = "") -> Tongue:
    return Tongue(tag, _names(first), _names(last), _names(last_female))


TONGUES = {
    "english": _tongue(
        "en-GB",
        "Amelia Oliver Isla George Ava Harry Grace Arthur Freya Jack Lily Leo Florence Noah Poppy Alfie Evie Theo Ella"
        " Rosie Thomas Martha William Alice James Harriet Edward Nora Samuel Beatrice Henry Eleanor Hugh Imogen Ruth"
        " Callum Fiona Ewan Morag Rhys Megan Gareth Siân Ffion Katherine Elizabeth Rebecca Joanne Susan Margaret Peter"
        " Graham Colin Anne-Marie Mary_Jane Jean-Luc St_John Zoë Chloë",
        "Smith Jones Taylor Brown Wilson Evans Thomas Johnson Roberts Walker Wright Robinson Thompson White Hughes"
        " Edwards Green Hall Wood Harris Lewis Martin Jackson Clarke Clark Turner Hill Scott Cooper Morris Ward Moore"
        " King Watson Baker Harrison Morgan Patterson Young Allen Mitchell Bell Bailey Fraser Campbell MacDonald McKay"
        " O’Neill Llewellyn Pritchard Featherstonehaugh Fitz-William Smith-Jones Ashworth Hartley Penrose Trelawney",
    ),
    "irish": _tongue(
        "en-IE",
        "Aoife Saoirse Niamh Ciarán Oisín Siobhán Caoimhe Fionn Conor Seán Máire Pádraig Eoin Gráinne Declan Róisín",
        "Murphy Kelly O’Sullivan Walsh O’Brien Byrne Ryan O’Connor Doyle McCarthy Gallagher Ní_Dhomhnaill Ó_Briain",
    ),
    "german": _tongue(
        "de",
        "Jürgen Käthe Günther Björn Anneliese Heike Matthias Ute Sören Lena Lukas Hannah Maximilian Jörg Max Renate",
        "Müller Schäfer Weiß Groß König Köhler Krüger Möller Schröder Bäcker von_Bülow Lüdenscheidt Vogel Straßmann",
    ),
    "austrian": _tongue(
        "de-AT",
        "Franz Sepp Resi Leopold Josefa Valentin Magdalena Tobias Sophie Johannes Elfriede",
        "Gruber Huber Bauer Pichler Moser Mayer Hofer Öttl Brandstätter Fürst Reiß",
    ),
    "french": _tongue(
        "fr",
        "Chloé Léa Inès Gaëlle François Benoît Théo Anaïs Jérôme Aurélie Noémie Étienne Jean-Baptiste Marie-Ève Zoé",
        "Lefèvre Dubois Fontaine Moreau Garçon Noël Béranger de_La_Fontaine Dupré Châtelain Rousseau D’Artagnan Le_Goff",
    ),
    "american": _tongue(
        "en-US",
        "Ashley Tyler Brittany Marcus Keisha DeShawn Madison Jayden Savannah Cody Mackenzie José Guadalupe LaToya Bob",
        "Johnson Williams Garcia Martinez Nguyen Washington Jefferson Rodriguez Lee Kowalski Anderson McCoy Peña",
    ),
    "spanish": _tongue(
        "es",
        "Sofía Martín Lucía Andrés Íñigo Begoña Concepción Álvaro Núria María_José",
        "García Rodríguez Fernández Núñez Peña Muñoz_López de_la_Cruz Ibáñez Zúñiga",
    ),
    "italian": _tongue("it", "Niccolò Chiara Giuseppe Letizia Matteo Desirée", "Rossi Esposito D’Angelo De_Luca Morè"),
    "dutch": _tongue(
        "nl", "Daan Sanne Joost Liesbeth Bram Renée", "de_Vries van_der_Berg Bakker van_’t_Hoff IJsselstein"
    ),
    "swedish": _tongue("sv", "Åsa Jonas Björn Märta Göran Linnéa", "Lindqvist Åkesson Sjöberg Öström Nyström"),
    "danish": _tongue("da", "Søren Mette Rasmus Kåre Bjørn", "Jørgensen Sørensen Kjær Ærø Nygård"),
    "polish": _tongue(
        "pl",
        "Katarzyna Paweł Małgorzata Łukasz Zofia Stanisław Grażyna Michał",
        "Kowalski Nowak Wiśniewski Wójcik Zieliński Łuczak Szczepański",
        "Kowalska Nowak Wiśniewska Wójcik Zielińska Łuczak Szczepańska",
    ),
    "czech": _tongue("cs", "Jiří Tomáš Zdeněk Ondřej", "Dvořák Novák Černý Říha", "Dvořáková Nováková"),
    "hungarian": _tongue("hu", "Bálint Zsófia István Erzsébet Győző", "Nagy Kovács Szabó Tóth Kőszegi"),
    "turkish": _tongue(
        "tr", "Elif Ayşe Mehmet Işıl İbrahim Çağla Gökhan Şule", "Yıldız Şahin Çelik Öztürk Kılıç Doğan Gündüz"
    ),
    "vietnamese": _tongue(
        "vi", "Thị_Hồng Văn_Đức Ngọc_Ánh Minh_Châu Quốc_Bảo Thu_Hà", "Nguyễn Trần Lê Phạm Đặng Vũ Huỳnh"
    ),
    "greek": _tongue(
        "el",
        "Ελένη=eleni Γιώργος=giorgos Μαρία=maria Νίκος=nikos Αικατερίνη=aikaterini Σπύρος=spyros",
        "Παπαδόπουλος=papadopoulos Αγγελίδου=angelidou Οικονόμου=oikonomou Βασιλείου=vasileiou",
    ),
    "ukrainian": _tongue(
        "uk",
        "Оксана=oksana Тарас=taras Юлія=yuliia Наталія=nataliia Андрій=andrii",
        "Шевченко=shevchenko Коваленко=kovalenko Щербак=shcherbak Бондаренко=bondarenko",
    ),
    "bulgarian": _tongue(
        "bg",
        "Христо=hristo Мария=maria Георги=georgi Цветелина=tsvetelina Иван=ivan",
        "Петров=petrov Иванов=ivanov Димитрова=dimitrova Стоянов=stoyanov",
    ),
    "arabic": _tongue(
        "ar",
        "محمد=mohammed فاطمة=fatima عبد_الرحمن=abdulrahman ليلى=layla يوسف=yousef نور=nour",
        "الأحمد=alahmad حسن=hassan الخطيب=alkhatib منصور=mansour بن_سعيد=binsaid",
    ),
    "hebrew": _tongue(
        "he", "נועה=noa יוסף=yosef שירה=shira דוד=david תמר=tamar", "כהן=cohen לוי=levi מזרחי=mizrahi פרץ=peretz"
    ),
    "chinese": _tongue(
        "zh",
        "小明=xiaoming 丽华=lihua 伟=wei 芳=fang 志强=zhiqiang 雪梅=xuemei",
        "王=wang 李=li 张=zhang 欧阳=ouyang 陈=chen 刘=liu",
    ),
    "japanese": _tongue(
        "ja",
        "さくら=sakura 太郎=taro 美咲=misaki ケンジ=kenji 陽菜=hina 翔=sho",
        "佐藤=sato 鈴木=suzuki 高橋=takahashi 渡邊=watanabe 山本=yamamoto 中村=nakamura",
    ),
    "korean": _tongue(
        "ko",
        "지민=jimin 서연=seoyeon 민준=minjun 하은=haeun 현우=hyunwoo",
        "김=kim 이=lee 박=park 최=choi 남궁=namgung",
    ),
    "hindi": _tongue(
        "hi",
        "प्रिया=priya अर्जुन=arjun लक्ष्मी=lakshmi संजय=sanjay दीपिका=deepika",
        "शर्मा=sharma पटेल=patel गुप्ता=gupta श्रीवास्तव=srivastava राव=rao",
    ),
    "thai": _tongue(
        "th", "สมชาย=somchai กัญญา=kanya ณัฐพล=natthaphon ปิยะดา=piyada", "ใจดี=jaidee ศรีสุข=srisuk วงศ์สวัสดิ์=wongsawat"
    ),
    "indian": _tongue(
        "en-GB",
        "Priyanka Rahul Aisha Sanjeev Meera Imran Zainab Harpreet Anjali Farhan Divya Mohammed Yusuf Simran",
        "Patel Singh Khan Ahmed Rao Begum Chowdhury Kaur Subramanian Iyer Hussain de_Souza",
    ),
    "african": _tongue(
        "en-GB",
        "Daniel Chidi Ngozi Kwame Adaeze Oluwaseun Amara Tendai Abimbola Yaw Folasade",
        "Osei Adeyemi Okafor Mensah Nwosu Mbeki Owusu Ọlátúnjí Chukwu",
    ),
}


@dataclass(frozen=True)
class Place:
    city: str
    region: str
    postal: str
    latitude: float
    longitude: float
    time_zone: str


@dataclass(frozen=True)
class Country:
    """Where people live: ``weight`` against the other countries, who lives there, and in which places.

    In ``postal``, ``#`` stands for a digit and ``@`` for a letter.
    """

    code: str
    weight: int
    tongues: tuple[tuple[str, int], ...]
    places: tuple[Place, ...]


_LONDON = "Europe/London"
COUNTRIES = (
    Country(
        "GB",
        6000,
        (("english", 82), ("indian", 8), ("african", 4), ("polish", 2), ("chinese", 1), ("irish", 2), ("turkish", 1)),
        (
            Place("Bristol", "England", "BS# #@@", 51.4545, -2.5879, _LONDON),
            Place("Bristol", "England", "BS1# #@@", 51.4810, -2.6120, _LONDON),
            Place("Bath", "England", "BA# #@@", 51.3811, -2.3590, _LONDON),
            Place("London", "England", "SE# #@@", 51.5072, -0.1276, _LONDON),
            Place("London", "England", "N1# #@@", 51.5560, -0.1170, _LONDON),
            Place("Manchester", "England", "M# #@@", 53.4808, -2.2426, _LONDON),
            Place("Leeds", "England", "LS# #@@", 53.8008, -1.5491, _LONDON),
            Place("Leicester", "England", "LE# #@@", 52.6369, -1.1398, _LONDON),
            Place("Newcastle upon Tyne", "England", "NE# #@@", 54.9783, -1.6178, _LONDON),
            Place("Norwich", "England", "NR# #@@", 52.6309, 1.2974, _LONDON),
            Place("Exeter", "England", "EX# #@@", 50.7184, -3.5339, _LONDON),
            Place("Brighton", "England", "BN# #@@", 50.8225, -0.1372, _LONDON),
            Place("Cardiff", "Wales", "CF1# #@@", 51.4816, -3.1791, _LONDON),
            Place("Aberystwyth", "Wales", "SY23 #@@", 52.4153, -4.0829, _LONDON),
            Place("Edinburgh", "Scotland", "EH# #@@", 55.9533, -3.1883, _LONDON),
            Place("Glasgow", "Scotland", "G# #@@", 55.8642, -4.2518, _LONDON),
            Place("Oban", "Scotland", "PA34 #@@", 56.4152, -5.4710, _LONDON),
            Place("Belfast", "Northern Ireland", "BT# #@@", 54.5973, -5.9301, _LONDON),
        ),
    ),
    Country(
        "IE",
        800,
        (("irish", 85), ("polish", 8), ("english", 7)),
        (
            Place("Dublin", "Leinster", "D0# @###", 53.3498, -6.2603, "Europe/Dublin"),
            Place("Cork", "Munster", "T12 @###", 51.8985, -8.4756, "Europe/Dublin"),
            Place("Galway", "Connacht", "H91 @###", 53.2707, -9.0568, "Europe/Dublin"),
        ),
    ),
    Country(
        "DE",
        700,
        (("german", 84), ("turkish", 10), ("vietnamese", 2), ("ukrainian", 4)),
        (
            Place("Berlin", "Berlin", "10###", 52.5200, 13.4050, "Europe/Berlin"),
            Place("München", "Bayern", "80###", 48.1351, 11.5820, "Europe/Berlin"),
            Place("Köln", "Nordrhein-Westfalen", "50###", 50.9375, 6.9603, "Europe/Berlin"),
        ),
    ),
    Country(
        "AT",
        250,
        (("austrian", 100),),
        (
            Place("Wien", "Wien", "1##0", 48.2082, 16.3738, "Europe/Vienna"),
            Place("Graz", "Steiermark", "80##", 47.0707, 15.4395, "Europe/Vienna"),
        ),
    ),
    Country(
        "FR",
        450,
        (("french", 92), ("arabic", 5), ("vietnamese", 3)),
        (
            Place("Paris", "Île-de-France", "750##", 48.8566, 2.3522, "Europe/Paris"),
            Place("Lyon", "Auvergne-Rhône-Alpes", "6900#", 45.7640, 4.8357, "Europe/Paris"),
            Place("Saint-Étienne", "Auvergne-Rhône-Alpes", "420##", 45.4397, 4.3872, "Europe/Paris"),
        ),
    ),
    Country(
        "US",
        450,
        (("american", 88), ("spanish", 6), ("chinese", 2), ("vietnamese", 4)),
        (
            Place("Brooklyn", "New York", "112##", 40.6782, -73.9442, "America/New_York"),
            Place("Austin", "Texas", "787##", 30.2672, -97.7431, "America/Chicago"),
            Place("Portland", "Oregon", "972##", 45.5152, -122.6784, "America/Los_Angeles"),
            Place("Phoenix", "Arizona", "850##", 33.4484, -112.0740, "America/Phoenix"),
        ),
    ),
    Country(
        "JP",
        200,
        (("japanese", 100),),
        (
            Place("東京", "東京都", "1##-00##", 35.6762, 139.6503, "Asia/Tokyo"),
            Place("京都", "京都府", "60#-80##", 35.0116, 135.7681, "Asia/Tokyo"),
        ),
    ),
    Country(
        "NL", 150, (("dutch", 100),), (Place("Utrecht", "Utrecht", "35## @@", 52.0907, 5.1214, "Europe/Amsterdam"),)
    ),
    Country("SE", 130, (("swedish", 100),), (Place("Malmö", "Skåne", "211 ##", 55.6050, 13.0038, "Europe/Stockholm"),)),
    Country(
        "DK", 80, (("danish", 100),), (Place("Århus", "Midtjylland", "8###", 56.1629, 10.2039, "Europe/Copenhagen"),)
    ),
    Country(
        "ES", 120, (("spanish", 100),), (Place("Sevilla", "Andalucía", "410##", 37.3891, -5.9845, "Europe/Madrid"),)
    ),
    Country(
        "IT", 90, (("italian", 100),), (Place("Bologna", "Emilia-Romagna", "401##", 44.4949, 11.3426, "Europe/Rome"),)
    ),
    Country(
        "PL", 120, (("polish", 100),), (Place("Kraków", "Małopolskie", "3#-###", 50.0647, 19.9450, "Europe/Warsaw"),)
    ),
    Country(
        "CZ", 40, (("czech", 100),), (Place("Brno", "Jihomoravský kraj", "6## ##", 49.1951, 16.6068, "Europe/Prague"),)
    ),
    Country("HU", 50, (("hungarian", 100),), (Place("Budapest", "", "10##", 47.4979, 19.0402, "Europe/Budapest"),)),
    Country(
        "GR", 60, (("greek", 100),), (Place("Θεσσαλονίκη", "Μακεδονία", "546 ##", 40.6401, 22.9444, "Europe/Athens"),)
    ),
    Country("BG", 40, (("bulgarian", 100),), (Place("София", "", "1###", 42.6977, 23.3219, "Europe/Sofia"),)),
    Country("UA", 30, (("ukrainian", 100),), (Place("Львів", "", "79###", 49.8397, 24.0297, "Europe/Kyiv"),)),
    Country("TR", 40, (("turkish", 100),), (Place("İzmir", "", "35###", 38.4237, 27.1428, "Europe/Istanbul"),)),
    Country("IL", 40, (("hebrew", 100),), (Place("תל אביב", "", "6######", 32.0853, 34.7818, "Asia/Jerusalem"),)),
    Country("AE", 40, (("arabic", 100),), (Place("دبي", "", "", 25.2048, 55.2708, "Asia/Dubai"),)),
    Country("CN", 30, (("chinese", 100),), (Place("上海", "", "2000##", 31.2304, 121.4737, "Asia/Shanghai"),)),
    Country("KR", 30, (("korean", 100),), (Place("서울", "", "04###", 37.5665, 126.9780, "Asia/Seoul"),)),
    Country(
        "IN", 30, (("hindi", 100),), (Place("Bengaluru", "Karnataka", "5600##", 12.9716, 77.5946, "Asia/Kolkata"),)
    ),
    Country("TH", 30, (("thai", 100),), (Place("กรุงเทพมหานคร", "", "10###", 13.7563, 100.5018, "Asia/Bangkok"),)),
    Country("VN", 30, (("vietnamese", 100),), (Place("Đà Nẵng", "", "55####", 16.0544, 108.2022, "Asia/Ho_Chi_Minh"),)),
    Country("NP", 10, (("hindi", 100),), (Place("काठमाडौँ", "", "446##", 27.7172, 85.3240, "Asia/Kathmandu"),)),
)

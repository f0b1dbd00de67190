"""The rehearsal shop's customers: invented, and the same for every gateway.

No address or number belongs to anybody: e-mails are under example.com, .org and .net, telephone numbers
in ranges kept for fiction or plainly too regular.
"""

from typing import NamedTuple


class Person(NamedTuple):
    """A customer. `slug` makes readable ids; `story` is what happened, told by each gateway's seed."""

    slug: str
    name: str
    email: str
    country: str
    city: str
    currency: str
    card: str
    story: str
    note: str | None = None
    gateways: tuple[str, ...] = ("stripe",)
    """Where this person is a customer."""


AT_STRIPE: tuple[Person, ...] = (
    Person("Layla", "Layla Haddad", "layla@example.com", "AE", "Dubai", "usd", "visa", "layla"),
    Person("Omar", "Omar Farouk", "Omar.Farouk@Example.com", "EG", "Cairo", "usd", "mastercard", "active"),
    Person(
        "Amina",
        "أمينة الزهراني",
        "amina@example.com",
        "SA",
        "الرياض",
        "sar",
        "visa",
        "active",
        "عميلة منذ ٢٠٢٤",
    ),
    Person("Yusuf", "يوسف العتيبي", "yusuf@example.com", "SA", "جدة", "sar", "mastercard", "past_due"),
    Person(
        "Noura", "نورة الكندري", "noura@example.com", "KW", "الكويت", "kwd", "visa", "active", "فاتورة شهرية"
    ),
    Person(
        "Fahad", "Fahad Al-Mutairi", "fahad@example.com", "KW", "Kuwait City", "kwd", "amex", "dispute_lost"
    ),
    Person(
        "Mariam",
        "مريم حسن",
        "mariam@example.org",
        "EG",
        "القاهرة",
        "usd",
        "visa",
        "canceled",
        "ألغت الاشتراك",
    ),
    Person("Khalid", "خالد المنصوري", "khalid@example.org", "AE", "أبوظبي", "usd", "visa", "trialing"),
    Person("Salma", "سلمى بن علي", "salma@example.net", "MA", "الدار البيضاء", "eur", "mastercard", "ending"),
    Person(
        "Tariq",
        "طارق الحربي",
        "tariq@example.com",
        "SA",
        "الدمام",
        "sar",
        "visa",
        "invoiced",
        "يدفع بالتحويل",
    ),
    Person("Huda", "هدى الشمري", "huda@example.com", "SA", "الرياض", "sar", "visa", "refunded"),
    Person("Rania", "Rania Khoury", "rania@example.com", "LB", "Beirut", "usd", "visa", "unpaid"),
    Person("Bilal", "Bilal Ahmed", "bilal@example.net", "GB", "Leeds", "eur", "visa", "paused"),
    Person("Emma", "Emma Johnson", "emma@example.com", "US", "Portland", "usd", "visa", "active"),
    Person("Liam", "Liam O'Brien", "liam@example.com", "IE", "Cork", "eur", "mastercard", "refund_pending"),
    Person("Olivia", "Olivia Martin", "shared@example.com", "US", "Austin", "usd", "visa", "onetime", "home"),
    Person("Noah", "Noah Martin", "shared@example.com", "US", "Austin", "usd", "amex", "active", "company"),
    Person("Ava", "Ava Williams", "ava@example.com", "US", "Denver", "usd", "discover", "refund_failed"),
    Person("Sophia", "Sophia Rossi", "sophia@example.org", "IT", "Torino", "eur", "visa", "active"),
    Person("Lucas", "Lucas Müller", "lucas@example.org", "DE", "Köln", "eur", "mastercard", "invoiced"),
    Person("Mia", "Mia Schäfer", "mia@example.org", "DE", "Berlin", "eur", "visa", "dispute_won"),
    Person("Hugo", "Hugo Lefèvre", "hugo@example.org", "FR", "Lyon", "eur", "visa", "incomplete"),
    Person("Chloe", "Chloé Dubois", "chloe@example.org", "FR", "Nantes", "eur", "mastercard", "expired"),
    Person("Marta", "Marta Nowak", "marta@example.net", "PL", "Kraków", "eur", "visa", "onetime"),
    Person("Ines", "Inés García", "ines@example.net", "ES", "Sevilla", "eur", "visa", "canceled"),
    Person("Yuki", "佐藤 由紀", "yuki@example.com", "JP", "Osaka", "jpy", "jcb", "active"),
    Person("Haruto", "Haruto Tanaka", "haruto@example.com", "JP", "Tokyo", "jpy", "visa", "refunded"),
    Person("Aiko", "Aiko Suzuki", "aiko@example.com", "JP", "Nagoya", "jpy", "visa", "inquiry"),
    Person("Ethan", "Ethan Brown", "ethan@example.com", "US", "Chicago", "usd", "visa", "inquiry_review"),
    Person("Grace", "Grace Lee", "grace@example.com", "US", "Seattle", "usd", "mastercard", "inquiry_closed"),
    Person("Jack", "Jack Wilson", "jack@example.net", "GB", "Bristol", "eur", "visa", "dispute_review"),
    Person("Zoe", "Zoe Taylor", "ZOE@example.net", "GB", "Cardiff", "eur", "visa", "dispute_prevented"),
    Person("Nadia", "نادية القحطاني", "nadia@example.com", "SA", "أبها", "sar", "visa", "uncollectible"),
    Person("Samir", "سمير الراشد", "samir@example.com", "KW", "حولي", "kwd", "visa", "voided"),
    Person("Leen", "لين الأحمد", "leen@example.org", "JO", "عمّان", "usd", "visa", "draft"),
    Person("Faisal", "فيصل الدوسري", "faisal@example.com", "SA", "الخبر", "sar", "amex", "yearly"),
    Person("Dana", "Dana Al-Sabah", "dana@example.com", "KW", "Salmiya", "kwd", "visa", "refunded"),
    Person("Victor", "Victor Silva", "victor@example.net", "PT", "Porto", "eur", "visa", "authorized"),
    Person("Freya", "Freya Jónsdóttir", "freya@example.net", "IS", "Reykjavík", "isk", "visa", "one_isk"),
    Person("Moses", "Moses Okello", "moses@example.net", "UG", "Kampala", "ugx", "visa", "one_ugx"),
    Person("Priya", "Priya Sharma", "priya@example.com", "IN", "Pune", "usd", "visa", "declined"),
    Person("Daniel", "Daniel Cohen", "daniel@example.com", "US", "Boston", "usd", "visa", "refund_canceled"),
    Person("Hana", "Hana Kim", "hana@example.com", "KR", "Seoul", "usd", "unionpay", "action"),
    Person("Walid", "وليد صالح", "walid@example.org", "BH", "المنامة", "usd", "mastercard", "active"),
    Person("Ghost", "Gone Customer", "gone@example.com", "US", "Reno", "usd", "visa", "deleted"),
    Person(
        "Trap",
        "Mal\x1b[31mice\x1b[0m [bold red]Corp[/] \u202eknaB\u202c\u2066 =cmd|'/c calc'!A1",
        "trap@example.com",
        "US",
        "Nowhere\x07",
        "usd",
        "visa",
        "onetime",
        "line one\nline two\x1b]0;owned\x07",
    ),
)

ELSEWHERE: tuple[Person, ...] = (
    Person("Farida", "فريدة السيد", "farida@example.com", "EG", "القاهرة", "usd", "visa", "active"),
    Person("Jonas", "Jonas Weber", "jonas@example.org", "DE", "Hamburg", "eur", "mastercard", "invoiced"),
    Person("Wei", "Wei Chen", "wei@example.com", "TW", "Taipei", "twd", "visa", "onetime"),
    Person("Bence", "Bence Nagy", "bence@example.org", "HU", "Budapest", "huf", "visa", "refunded"),
    Person("Kofi", "Kofi Mensah", "kofi@example.net", "GB", "London", "usd", "visa", "past_due"),
    Person("Nina", "Nina Novak", "nina@example.net", "SI", "Ljubljana", "eur", "visa", "dispute_lost"),
    Person("Aya", "آية منصور", "aya@example.com", "AE", "دبي", "usd", "mastercard", "authorized"),
    Person(
        "Rashid",
        "راشد المري",
        "rashid@example.com",
        "QA",
        "الدوحة",
        "sar",
        "visa",
        "onetime",
        "اتصلوا قبل التوصيل",
    ),
    Person("Maha", "مها السبيعي", "Maha@Example.org", "SA", "بريدة", "sar", "mastercard", "past_due"),
    Person("Pedro", "Pedro Alves", "pedro@example.net", "PT", "Braga", "eur", "visa", "refunded"),
    Person("Signe", "Signe Ångström", "signe@example.org", "SE", "Umeå", "eur", "visa", "unpaid"),
    Person("Hamad", "حمد الكعبي", "hamad@example.com", "AE", "العين", "usd", "visa", "ending"),
    Person("Ella", "Ella Virtanen", "ella@example.org", "FI", "Turku", "eur", "mastercard", "trialing"),
    Person("Tomas", "Tomáš Dvořák", "tomas@example.net", "CZ", "Brno", "eur", "visa", "canceled"),
    Person("Sunil", "Sunil Rao", "sunil@example.com", "IN", "Mysuru", "usd", "visa", "paused"),
)
"""Customers whom Stripe does not know."""

ALSO_AT = {
    "Layla": ("paypal", "braintree", "woocommerce", "recurly"),
    "Omar": ("paypal", "woocommerce"),
    "Amina": ("braintree", "woocommerce", "recurly"),
    "Yusuf": ("woocommerce", "recurly"),
    "Noura": ("paypal", "braintree", "woocommerce", "recurly"),
    "Mariam": ("recurly",),
    "Khalid": ("recurly",),
    "Salma": ("braintree", "woocommerce"),
    "Tariq": ("woocommerce", "recurly"),
    "Huda": ("paypal", "woocommerce", "recurly"),
    "Bilal": ("recurly",),
    "Emma": ("paypal", "braintree", "woocommerce", "recurly"),
    "Liam": ("paypal", "recurly"),
    "Olivia": ("braintree", "woocommerce", "recurly"),
    "Noah": ("paypal", "braintree", "woocommerce", "recurly"),
    "Sophia": ("paypal", "woocommerce", "recurly"),
    "Lucas": ("recurly",),
    "Mia": ("braintree", "woocommerce"),
    "Ines": ("recurly",),
    "Yuki": ("paypal", "braintree", "woocommerce"),
    "Jack": ("braintree",),
    "Faisal": ("woocommerce",),
    "Victor": ("paypal", "braintree"),
    "Trap": ("paypal", "braintree", "woocommerce", "recurly"),
    "Farida": ("paypal", "woocommerce"),
    "Jonas": ("paypal", "braintree", "woocommerce", "recurly"),
    "Wei": ("paypal",),
    "Bence": ("paypal",),
    "Kofi": ("braintree", "recurly"),
    "Nina": ("braintree",),
    "Aya": ("paypal", "braintree"),
    "Rashid": ("woocommerce",),
    "Maha": ("woocommerce", "recurly"),
    "Pedro": ("woocommerce",),
    "Signe": ("woocommerce",),
    "Hamad": ("recurly",),
    "Ella": ("recurly",),
    "Tomas": ("recurly",),
    "Sunil": ("recurly",),
}
"""Slug → the gateways besides Stripe, or instead of it, where a person is a customer."""

PEOPLE: tuple[Person, ...] = (
    *(person._replace(gateways=("stripe", *ALSO_AT.get(person.slug, ()))) for person in AT_STRIPE),
    *(person._replace(gateways=ALSO_AT[person.slug]) for person in ELSEWHERE),
)
"""Everybody. A gateway's seed takes those whose `gateways` name it, and may bill in another currency."""

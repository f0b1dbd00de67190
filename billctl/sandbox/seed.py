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


PEOPLE: tuple[Person, ...] = (
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

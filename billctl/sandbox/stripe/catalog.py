"""Products and prices, as much as subscriptions need."""

from billctl.sandbox.database import Record
from billctl.sandbox.stripe import params as p
from billctl.sandbox.stripe.call import Call, Endpoint, Page, retrieve
from billctl.sandbox.stripe.errors import refused
from billctl.sandbox.stripe.money import check_currency, check_step
from billctl.sandbox.stripe.paging import filtered, page

INTERVALS = p.choice("day", "month", "week", "year")


def create_product(call: Call) -> Record:
    """POST /v1/products."""
    given = call.params
    record: Record = {
        "id": given.get("id") or call.new_id("prod"),
        "object": "product",
        "active": given.get("active", True),
        "created": call.now,
        "updated": call.now,
        "name": given["name"],
        "description": given.get("description"),
        "metadata": p.merge_metadata({}, given.get("metadata", {})),
    }
    if call.objects.get(record["id"]):
        raise refused("Product already exists.", param="id", code="resource_already_exists")
    return call.objects.add(record)


def create_price(call: Call) -> Record:
    """POST /v1/prices."""
    given = call.params
    currency = check_currency(given["currency"])
    if "unit_amount" not in given:
        raise refused("Missing required param: unit_amount.", param="unit_amount", code="parameter_missing")
    check_step(given["unit_amount"], currency, "unit_amount")
    product = _product(call)
    recurring = given.get("recurring")
    if recurring is not None:
        shape = {"interval_count": 1, **recurring}
        recurring = {**shape, "meter": None, "usage_type": "licensed"}
    record: Record = {
        "id": call.new_id("price"),
        "object": "price",
        "active": given.get("active", True),
        "created": call.now,
        "currency": currency,
        "metadata": p.merge_metadata({}, given.get("metadata", {})),
        "nickname": given.get("nickname"),
        "product": product["id"],
        "recurring": recurring,
        "type": "recurring" if recurring else "one_time",
        "unit_amount": given["unit_amount"],
        "unit_amount_decimal": str(given["unit_amount"]),
    }
    return call.objects.add(record)


def _product(call: Call) -> Record:
    if "product" in call.params:
        return call.find("product", call.params["product"], param="product", status=400)
    if "product_data" not in call.params:
        raise refused("Missing required param: product.", param="product", code="parameter_missing")
    record: Record = {
        "id": call.new_id("prod"),
        "object": "product",
        "created": call.now,
        "updated": call.now,
        "name": call.params["product_data"]["name"],
    }
    return call.objects.add(record)


def products(call: Call) -> Page:
    """GET /v1/products."""
    wanted = call.params.get("active")
    found = call.objects.select("product", {})
    return filtered(call, "product", [one for one in found if wanted in (None, one.get("active", True))])


def prices(call: Call) -> Page:
    """GET /v1/prices."""
    asked = {
        name: call.params[name] for name in ("active", "currency", "product", "type") if name in call.params
    }
    if not asked:
        return page(call, "price", {})
    found = call.objects.select("price", {})
    return filtered(call, "price", [one for one in found if asked.items() <= {"active": True, **one}.items()])


ENDPOINTS = (
    Endpoint("GET", "/v1/products/{id}", retrieve("product")),
    Endpoint(
        "GET",
        "/v1/products",
        products,
        {**p.PAGE, "created": p.span, "active": p.boolean, **p.not_modelled("ids shippable url")},
    ),
    Endpoint(
        "POST",
        "/v1/products",
        create_product,
        {
            **p.EXPAND,
            "id": p.text(),
            "name": p.text(),
            "description": p.text(unset=True),
            "active": p.boolean,
            "metadata": p.metadata,
            **p.not_modelled("default_price_data images marketing_features package_dimensions shippable"),
            **p.not_modelled("statement_descriptor tax_code unit_label url"),
        },
        "name",
    ),
    Endpoint("GET", "/v1/prices/{id}", retrieve("price", "price")),
    Endpoint(
        "GET",
        "/v1/prices",
        prices,
        {
            **p.PAGE,
            "created": p.span,
            "active": p.boolean,
            "currency": p.text(),
            "product": p.text(),
            "type": p.choice("one_time", "recurring"),
            **p.not_modelled("lookup_keys recurring"),
        },
    ),
    Endpoint(
        "POST",
        "/v1/prices",
        create_price,
        {
            **p.EXPAND,
            "active": p.boolean,
            "currency": p.text(),
            "metadata": p.metadata,
            "nickname": p.text(unset=True),
            "product": p.text(),
            "product_data": p.mapping({"name": p.text()}, required="name"),
            "recurring": p.mapping(
                {"interval": INTERVALS, "interval_count": p.integer(1)}, required="interval"
            ),
            "unit_amount": p.integer(0),
            **p.not_modelled(
                "billing_scheme currency_options custom_unit_amount lookup_key tax_behavior tiers"
            ),
            **p.not_modelled("tiers_mode transfer_lookup_key transform_quantity unit_amount_decimal"),
        },
        "currency",
    ),
)

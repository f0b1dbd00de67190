"""What the site says of itself: system status, settings, ways to pay."""

from typing import Any

from billctl.sandbox.woocommerce.call import API, HOME, Call, Endpoint, Reply
from billctl.sandbox.woocommerce.errors import WpError
from billctl.sandbox.woocommerce.gateway import METHODS
from billctl.sandbox.woocommerce.order_shape import dotted
from billctl.sandbox.woocommerce.times import ZONE

CURRENCY = "USD"
DATASTORE = "Automattic\\WooCommerce\\Internal\\DataStores\\Orders\\OrdersTableDataStore"
NAME = "The rehearsal shop"


def system_status(call: Call) -> Reply:
    """GET /system_status, as far as a billing tool may want it."""
    plugins = ["woocommerce"] + (["woocommerce-subscriptions"] if call.settings["woo_subscriptions"] else [])
    return Reply(
        {
            "environment": {
                "home_url": HOME,
                "site_url": HOME,
                "store_id": "5d3b6f0e-0000-4000-8000-000000000000",
                "version": dotted(call.version),
                "wp_version": "6.8.3",
                "wp_multisite": False,
                "wp_debug_mode": False,
                "wp_cron": True,
                "language": "en_US",
                "server_info": "billctl-sandbox",
                "php_version": "8.2.36",
                "mysql_version": "10.11",
                "default_timezone": "UTC",
            },
            "database": {"wc_database_version": dotted(call.version), "database_prefix": "wp_"},
            "active_plugins": [{"plugin": f"{name}/{name}.php", "name": name} for name in plugins],
            "settings": {
                "api_enabled": False,
                "force_ssl": False,
                "currency": CURRENCY,
                "currency_symbol": "&#36;",
                "currency_position": "left",
                "thousand_separator": ",",
                "decimal_separator": ".",
                "number_of_decimals": call.settings["woo_decimals"],
                "HPOS_enabled": True,
                "order_datastore": DATASTORE,
            },
            "security": {"secure_connection": True, "hide_errors": True},
        }
    )


def _general(call: Call) -> list[dict[str, Any]]:
    decimals = str(call.settings["woo_decimals"])
    rows = (
        ("woocommerce_currency", "Currency", "select", "USD", CURRENCY),
        ("woocommerce_price_decimal_sep", "Decimal separator", "text", ".", "."),
        ("woocommerce_price_num_decimals", "Number of decimals", "number", "2", decimals),
    )
    return [
        {
            "id": name,
            "label": label,
            "description": "",
            "type": kind,
            "default": default,
            "tip": "",
            "value": value,
            "group_id": "general",
            "_links": {"self": [{"href": f"{API}/settings/general/{name}"}]},
        }
        for name, label, kind, default, value in rows
    ]


def settings(call: Call) -> Reply:
    """GET /settings/general."""
    _known_group(call)
    return Reply(_general(call))


def setting(call: Call) -> Reply:
    """GET /settings/general/ID."""
    _known_group(call)
    for one in _general(call):
        if one["id"] == call.ids["id"]:
            return Reply(one)
    raise WpError(404, "rest_setting_setting_invalid", "Invalid setting.")


def _known_group(call: Call) -> None:
    if call.ids["group_id"] != "general":
        raise WpError(404, "rest_setting_setting_group_invalid", "Invalid setting group.")


def payment_gateways(call: Call) -> Reply:
    """GET /payment_gateways: unpaged."""
    del call
    return Reply([_method(name) for name in METHODS])


def payment_gateway(call: Call) -> Reply:
    """GET /payment_gateways/ID."""
    if call.ids["id"] not in METHODS:
        raise WpError(404, "woocommerce_rest_payment_gateway_invalid", "Resource does not exist.")
    return Reply(_method(call.ids["id"]))


def _method(name: str) -> dict[str, Any]:
    method = METHODS[name]
    url = f"{API}/payment_gateways"
    return {
        "id": name,
        "title": method.title,
        "description": "",
        "order": list(METHODS).index(name),
        "enabled": method.enabled,
        "method_title": method.method_title,
        "method_description": "",
        "method_supports": list(method.supports),
        "settings": {},
        "_links": {"self": [{"href": f"{url}/{name}"}], "collection": [{"href": url}]},
    }


def described() -> dict[str, Any]:
    """What the site's index says about it."""
    return {
        "name": NAME,
        "description": "",
        "url": HOME,
        "home": HOME,
        "gmt_offset": "3",
        "timezone_string": ZONE,
    }


ENDPOINTS = (
    Endpoint("GET", "system_status", system_status, "list"),
    Endpoint("GET", "settings/<group_id>", settings, "list"),
    Endpoint("GET", "settings/<group_id>/<id>", setting, "view"),
    Endpoint("GET", "payment_gateways", payment_gateways, "list"),
    Endpoint("GET", "payment_gateways/<id>", payment_gateway, "view"),
)

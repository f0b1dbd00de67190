"""How WordPress says no: a status, and `{"code", "message", "data"}`.

`data` is `{"status": N}` almost everywhere. Errors made from a bare integer (WooCommerce's refunds) keep the
integer as `data` and are answered with 500, whatever the integer is.
"""

from typing import Any

MISSING = 404
GENERIC = {
    "list": ("woocommerce_rest_cannot_view", "Sorry, you cannot list resources."),
    "view": ("woocommerce_rest_cannot_view", "Sorry, you cannot view this resource."),
    "create": ("woocommerce_rest_cannot_create", "Sorry, you are not allowed to create resources."),
    "edit": ("woocommerce_rest_cannot_edit", "Sorry, you are not allowed to edit this resource."),
    "delete": ("woocommerce_rest_cannot_delete", "Sorry, you are not allowed to delete this resource."),
}
"""What was attempted → the error of somebody who is nobody there (401) or may not (403)."""

CRITICAL = (
    "<p>There has been a critical error on this website.</p><p><a href="
    '"https://wordpress.org/documentation/article/faq-troubleshooting/">Learn more about troubleshooting '
    "WordPress.</a></p>"
)


class WpError(Exception):
    """An error answer; `data` None means `{"status": status}`."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        data: Any = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.data = {"status": status} if data is None else data
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """The document."""
        return {"code": self.code, "message": self.message, "data": self.data}


class Firewall(Exception):
    """What stands before the store answers, in HTML: a hosting firewall's 403 or 429, a proxy's 5xx."""

    def __init__(self, status: int, headers: dict[str, str] | None = None) -> None:
        super().__init__(str(status))
        self.status = status
        self.headers = headers or {}


def denied(attempt: str, status: int = 401) -> WpError:
    """The generic refusal of `attempt`, a key of `GENERIC`."""
    return WpError(status, *GENERIC[attempt])


def no_route() -> WpError:
    """The site has no such route, or the extension that has it is not installed."""
    message = "No route was found matching the URL and request method."
    return WpError(404, "rest_no_route", message)


def bare(code: str, message: str, number: int) -> WpError:
    """An error whose data is an integer: answered with 500."""
    return WpError(500, code, message, number)


def fatal() -> WpError:
    """PHP died: an HTML message in a JSON document."""
    return WpError(500, "internal_server_error", CRITICAL)

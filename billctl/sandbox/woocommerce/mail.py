"""What the store hands to its mail server: all that a customer would find in his mailbox."""

from billctl.sandbox.database import Record
from billctl.sandbox.woocommerce.call import Call


def send(call: Call, order: Record, template: str, text: str = "") -> None:
    """Mail the order's customer. With the mail server down (`woo_mail_down`) nothing goes and nobody notices.

    Call inside a write transaction.
    """
    if call.settings["woo_mail_down"]:
        return
    call.store.add(
        {
            "id": call.store.new_id(),
            "object": "mail",
            "created": call.now,
            "charge": order["id"],
            "email": order["billing"]["email"],
            "template": template,
            "text": text,
        }
    )

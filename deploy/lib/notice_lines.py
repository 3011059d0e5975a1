"""One message of backorderd as one line that a person likes to read."""
import json, time

def clock(text):
    return time.strftime("%H:%M:%S") if not text else text[11:19]


def amount(lines):
    shown = [f"{l.get('quantity')} × {l.get('sku')}" for l in lines[:4]]
    return ", ".join(shown) + (f" and {len(lines) - 4} more" if len(lines) > 4 else "")


def day(text, unknown="no date yet"):
    return text[:10] if text else unknown


def human(message):
    """One line that a person likes to read."""
    headers = message.properties.get("headers", {})
    if "x-backorder-reason" in headers:
        name = message.properties.get("message_id", "(no id)")
        return f"{clock(headers.get('x-backorder-time'))}  {'dead letter':<20} {headers['x-backorder-reason']:<20} {name:<8} {headers.get('x-backorder-detail', '')}"
    try:
        e = json.loads(message.body)
        lines, kind = e.get("lines") or [], e.get("kind") or e.get("type") or message.routing_key
    except (ValueError, AttributeError):
        return f"{clock(None)}  {message.routing_key}  {message.body[:60]!r}"
    customer = e.get("customer") or {}
    contact = customer.get("contact") or customer.get("id") or "customer"
    who = contact if isinstance(contact, str) else next((v for v in contact.values() if isinstance(v, str)), "customer")
    what, about = amount(lines), e.get("order_id", "")
    if kind == "order-confirmed":
        what += " ready"
    elif kind == "order-backordered":
        what += f" wait, promised: {day(e.get('promised_at'))}"
    elif kind == "order-held":
        what += " held until released"
    elif kind == "order-refused":
        what += " refused, sold out"
    elif kind == "backorder-filled":
        what += " came in"
    elif kind in ("backorder-delayed", "backorder-advanced"):
        before = lines[0].get("previous_promised_at") if lines else None
        what += f" now {day(e.get('promised_at'))} (was {day(before, 'no date')})"
    elif kind == "order-dispatched":
        what += f" on the way: {e.get('carrier') or 'carrier'} {e.get('tracking_number') or ''}".rstrip()
    elif kind == "order-cancelled":
        what += " cancelled"
    elif kind in ("fulfilment-requested", "fulfilment-withdrawn"):
        who, what = "warehouse", ("pick " if kind == "fulfilment-requested" else "do not pick ") + what + f" at {e.get('location')}"
    elif kind == "reorder-requested":
        who, about = "purchasing", e.get("sku", "")
        what = f"buy {e.get('quantity')} from {e.get('supplier') or 'any supplier'} ({e.get('reason')}), due {day(e.get('expected_at'))}"
    elif kind == "reorder-expedite":
        who, about, what = "purchasing", e.get("sku", ""), f"{e.get('supplier')} is late: {day(e.get('expected_at'))}, promised {day(e.get('promised_at'))}"
    return f"{clock(e.get('time'))}  {who[:20]:<20} {kind:<20} {about:<8} {what}"

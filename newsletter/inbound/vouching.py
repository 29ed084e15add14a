"""Whether our own mail server authenticated a sender (RFC 8601). Pure.

A library of that RFC parses the header. Only the topmost header counts, and only with the name of
our mail server: the sender may have written the others.
"""

from email.message import Message

import authres

#: A longer header is ignored: its parser is not linear.
MOST_CHARS = 4_000


def is_vouched_for(message: Message, sender: str, authority: str) -> bool:
    """Return whether DMARC, or an aligned DKIM signature or SPF, passed; false if DMARC failed.

    `authority`: the name of our mail server in Authentication-Results.
    """
    headers = message.get_all("Authentication-Results") or []
    if not authority or not headers or len(str(headers[0])) > MOST_CHARS:
        return False
    text = " ".join(str(headers[0]).split())
    try:
        found = authres.AuthenticationResultsHeader.parse(f"Authentication-Results: {text}")
    except (authres.AuthResError, SyntaxError, ValueError, RecursionError, IndexError):
        return False
    if (found.authserv_id or "").lower() != authority.lower():
        return False
    domain = sender.rpartition("@")[2].lower()
    results = [(str(r.method).lower(), str(r.result).lower(), r) for r in found.results]
    dmarc = {result for method, result, _ in results if method == "dmarc"}
    if "fail" in dmarc:
        return False
    return any(
        result == "pass"
        and (
            (method == "dmarc" and _property(r, "header", "from") == domain)
            or (method == "dkim" and _is_aligned(_signer(r), domain))
            or (method == "spf" and _is_aligned(_domain(_property(r, "smtp", "mailfrom")), domain))
        )
        for method, result, r in results
    )


def _property(result: authres.AuthenticationResult, kind: str, name: str) -> str:
    for one in result.properties:
        if (str(one.type).lower(), str(one.name).lower()) == (kind, name):
            return str(one.value).lower()
    return ""


def _signer(result: authres.AuthenticationResult) -> str:
    return _property(result, "header", "d") or _domain(_property(result, "header", "i"))


def _domain(address: str) -> str:
    return address.rpartition("@")[2]


def _is_aligned(domain: str, sender: str) -> bool:
    """Return whether two domains are equal, or one is a subdomain of the other (relaxed, RFC
    9989).
    """
    if domain.count(".") < 1 or sender.count(".") < 1:
        return False
    return domain == sender or domain.endswith(f".{sender}") or sender.endswith(f".{domain}")

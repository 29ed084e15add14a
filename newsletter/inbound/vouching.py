"""Whether our own mail server found a sender genuine (RFC 8601). Pure.

The header is parsed by a library of that RFC. Only the topmost header counts, and only when our
mail server signed it: what stands below may be the sender's own.
"""

from email.message import Message

import authres

#: A longer header is not believed: its parser is not linear.
MOST_CHARS = 4_000


def is_vouched_for(message: Message, sender: str, authority: str) -> bool:
    """Say whether DMARC, or an aligned DKIM signature or SPF, passed; a failed DMARC ends it.

    `authority`: the name our mail server writes into its Authentication-Results.
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
    """Whether two domains are equal, or one lies in the other (relaxed, RFC 9989)."""
    if domain.count(".") < 1 or sender.count(".") < 1:
        return False
    return domain == sender or domain.endswith(f".{sender}") or sender.endswith(f".{domain}")

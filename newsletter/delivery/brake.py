"""When an issue must pause: if too many of its letters are refused, the fault is the site's and not
the readers'. Pure: receipts in, a reason out.
"""

from collections import Counter, defaultdict

from newsletter.models import DeliveryState, Receipt
from newsletter.steps.classify_reply import is_policy

#: An issue pauses after this many refusals without an accepted letter between them.
IN_A_ROW = 20
#: It also pauses when this many of its letters, and more than this share, were refused.
LEAST, SHARE = 10, 0.05


class Brake:
    """Counts the refusals of one delivery, whatever their cause.

    A receiver that refuses the site while another one accepts its letters is left alone instead
    (see `receivers`) and does not count.
    """

    def __init__(self) -> None:
        self._in_a_row = 0
        self._refused: Counter[int] = Counter()  #: issue -> refusals that count
        #: Issue -> receiver -> refusals by its policy. They do not count while it alone refuses and
        #: another receiver accepts.
        self._by_policy: defaultdict[int, Counter[str]] = defaultdict(Counter)
        self._accepting: set[str] = set()  #: receivers that accepted a letter

    def note(self, issue: int | None, receiver: str, receipt: Receipt, planned: int) -> str:
        """Learn from an outcome. Returns why the issue must pause, or nothing. `planned`: the
        number of its letters.
        """
        if receipt.state is DeliveryState.SENT:
            self._in_a_row = 0
            self._accepting.add(receiver)
        if receipt.state is not DeliveryState.REFUSED or issue is None:
            return ""
        if is_policy(receipt):
            self._by_policy[issue][receiver] += 1
            if self._is_one_receiver(issue, receiver):
                return ""
        else:
            self._refused[issue] += 1
        self._in_a_row += 1
        said = f"{receipt.code or ''} {receipt.reply}".strip()
        if self._in_a_row >= IN_A_ROW:
            return f"{self._in_a_row} letters in a row were refused: {said}"
        number = self._refused[issue] + self._by_policy[issue].total()
        if number >= LEAST and number > SHARE * planned:
            return f"{number} of {planned} letters were refused: {said}"
        return ""

    def _is_one_receiver(self, issue: int, receiver: str) -> bool:
        others_refuse = len(self._by_policy[issue]) > 1
        return not others_refuse and bool(self._accepting - {receiver})

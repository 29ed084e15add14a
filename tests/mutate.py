"""Change the product one line at a time and see whether a test notices.

    python -m tests.mutate                    20 changes of each module, the same ones every time
    python -m tests.mutate --number 200 newsletter/tokens.py
    python -m tests.mutate --list newsletter/tokens.py

Each change is made in a copy of the project, and the tests of that module run against it, the
quickest first, until one fails. A change that no test notices survives and is printed as a
difference: either a test is missing, or the line does nothing. The exit code is 1 if one survived.
"""

import argparse
import ast
import copy
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import cache_from_source
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("newsletter", "templates", "migrations", "tests", "docs", "benchmarks", ".ci")
#: Files that are changed, and the tests that must notice, the fastest first.
DELIVERY = ("tests/delivery/test_relay.py", "tests/delivery/test_letter.py", "tests/delivery")
LEDGER = (
    "tests/store/test_ledger_life.py",
    "tests/store/test_ledger_plan.py",
    "tests/store/test_store.py",
    "tests/test_mail_kinds.py",
    "tests/health/test_site.py",
    "tests/web/test_subscriptions.py",
    "tests/delivery/test_evidence.py",
    "tests/test_day.py",
    "tests/cli/test_operators.py",
    "tests/cli/test_timeline.py",
    *DELIVERY[:2],
    "tests/store",
)
MODULES: dict[str, tuple[str, ...]] = {
    "newsletter/store/ledger_life.py": LEDGER,
    "newsletter/store/ledger_plan.py": LEDGER,
    "newsletter/store/ledger_read.py": LEDGER,
    "newsletter/store/ledger_sql.py": LEDGER,
    "newsletter/delivery": DELIVERY,
    "newsletter/delivery/brake.py": ("tests/delivery/test_evidence.py",),
    "newsletter/delivery/receivers.py": ("tests/delivery/test_evidence.py",),
    "newsletter/steps/classify_reply.py": DELIVERY,
    "newsletter/steps/choose.py": ("tests/steps/test_choose.py",),
    "newsletter/steps/combine.py": ("tests/steps/test_dedupe.py", "tests/test_paper_merges.py"),
    "newsletter/steps/dedupe.py": ("tests/steps/test_dedupe.py", "tests/test_paper_merges.py"),
    "newsletter/tokens.py": (
        "tests/test_tokens.py",
        "tests/test_token_links.py",
        "tests/web/test_abuse.py",
    ),
    "newsletter/web/middleware.py": ("tests/web/test_pages.py", "tests/web/test_abuse.py"),
    "newsletter/list_days.py": (
        "tests/sources/test_arxiv_schedule.py",
        "tests/sources/test_half_year.py",
    ),
    "newsletter/sources/arxiv.py": ("tests/sources/test_arxiv.py", "tests/sources"),
    "newsletter/sources/arxiv_catchup.py": ("tests/sources/test_arxiv_catchup.py",),
    "newsletter/sources/arxiv_schedule.py": (
        "tests/sources/test_arxiv_schedule.py",
        "tests/sources/test_arxiv.py",
        "tests/sources/test_arxiv_catchup.py",
    ),
    "newsletter/sources/arxiv_records.py": (
        "tests/sources/test_arxiv.py",
        "tests/sources/test_arxiv_catchup.py",
    ),
}

OPPOSITES: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
OTHERS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.RShift: ast.LShift,
}


@dataclass(frozen=True)
class Change:
    """One changed expression or statement: where it stands, and what stands there then."""

    file: str
    line: int
    end_line: int
    column: int
    end_column: int
    new: str

    def apply(self, source: str) -> str:
        """Put the change into the text of the file (columns are counted in bytes, as ast does)."""
        lines = source.encode().splitlines(keepends=True)
        head = b"".join(lines[: self.line - 1]) + lines[self.line - 1][: self.column]
        tail = lines[self.end_line - 1][self.end_column :] + b"".join(lines[self.end_line :])
        return (head + self.new.encode() + tail).decode()

    def show(self, source: str) -> str:
        lines = source.splitlines()[self.line - 1 : self.end_line]
        was = " ".join(line.strip() for line in lines)
        shown = self.apply(source).splitlines()[self.line - 1 :]
        now = " ".join(line.strip() for line in shown[: self.new.count("\n") + 1])
        return f"{self.file}:{self.line}\n  - {was[:200]}\n  + {now[:200]}"


def changes(file: str, source: str) -> list[Change]:
    """Every change that is tried on a file, in the order of its lines."""
    tree = ast.parse(source)
    found = []
    for node in _of_code(tree):
        for new in _variants(node):
            end_line, end_column = node.end_lineno or 0, node.end_col_offset or 0
            found.append(Change(file, node.lineno, end_line, node.col_offset, end_column, new))
    return sorted(set(found), key=lambda one: (one.line, one.column, one.new))


def _of_code(tree: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    """All nodes but those in annotations, imports and docstrings, where a change means nothing."""
    for field, value in ast.iter_fields(tree):
        if field in ("annotation", "returns", "decorator_list", "type_params"):
            continue
        for node in value if isinstance(value, list) else [value]:
            is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            if not isinstance(node, ast.AST) or is_text:
                continue
            if isinstance(node, ast.Import | ast.ImportFrom | ast.JoinedStr):
                continue
            if isinstance(node, ast.expr | ast.stmt):
                yield node
            yield from _of_code(node)


def _variants(node: ast.AST) -> Iterator[str]:
    """What might stand in a node's place by a small mistake."""
    match node:
        case ast.Compare(ops=[operator], left=left, comparators=[right]):
            if isinstance(operator, ast.Lt | ast.LtE | ast.Gt | ast.GtE):
                yield ast.unparse(ast.Compare(right, [operator], [left]))
            yield ast.unparse(ast.Compare(left, [OPPOSITES[type(operator)]()], [right]))
        case ast.BoolOp(op=operator, values=values):
            for left_out in range(len(values)):
                kept = [value for n, value in enumerate(values) if n != left_out]
                yield f"({ast.unparse(kept[0] if len(kept) == 1 else ast.BoolOp(operator, kept))})"
            opposite = ast.Or() if isinstance(operator, ast.And) else ast.And()
            yield f"({ast.unparse(ast.BoolOp(opposite, values))})"
        case ast.UnaryOp(op=ast.Not() | ast.Invert(), operand=operand):
            yield f"({ast.unparse(operand)})"
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in OTHERS:
            yield f"({ast.unparse(ast.BinOp(left, OTHERS[type(operator)](), right))})"
        case ast.Constant(value=bool(value)):
            yield str(not value)
        case ast.Constant(value=int(value) | float(value)):
            yield f"{value + 1}"
        case ast.IfExp(body=body, orelse=orelse):
            yield f"({ast.unparse(body)})"
            yield f"({ast.unparse(orelse)})"
        case ast.Call(func=function, args=args, keywords=keywords):
            if isinstance(function, ast.Name) and function.id in ("and_", "or_") and len(args) > 1:
                for left_out in range(len(args)):
                    changed = copy.copy(node)
                    changed.args = args[:left_out] + args[left_out + 1 :]
                    yield ast.unparse(changed)
            for left_out, keyword in enumerate(keywords):
                if keyword.arg == "hint":  # words for people; tests need not repeat them
                    continue
                changed = copy.copy(node)
                changed.keywords = keywords[:left_out] + keywords[left_out + 1 :]
                yield ast.unparse(changed)
            if isinstance(function, ast.Name) and function.id in ("min", "max"):
                other = "max" if function.id == "min" else "min"
                yield ast.unparse(ast.Call(ast.Name(other), args, keywords))
        case ast.Tuple(elts=elements, ctx=ast.Load()) if len(elements) > 2 and all(
            isinstance(element, ast.Constant) for element in elements
        ):
            for left_out in range(len(elements)):
                kept = elements[:left_out] + elements[left_out + 1 :]
                yield ast.unparse(ast.Tuple(kept, ast.Load()))
        case ast.Return(value=value) if value is not None and not isinstance(value, ast.Constant):
            yield "return None"
        case ast.Expr(value=ast.Call() | ast.Await()) | ast.AugAssign() | ast.Continue():
            yield "pass"
        case ast.Break():
            yield "continue"


@dataclass(frozen=True)
class Verdict:
    change: Change
    how: str  #: "survived", or "killed by" a file of tests
    seconds: float


def try_change(change: Change, folder: Path, tests: Sequence[str], timeout_s: float) -> Verdict:
    """Make the change in a copy of the project, run the tests, take the change back."""
    path = folder / change.file
    source, begun = path.read_text("utf-8"), time.monotonic()
    write(path, change.apply(source))
    try:
        failed = next((test for test in tests if is_failing(folder, test, timeout_s)), "")
    finally:
        write(path, source)
    took = time.monotonic() - begun
    if failed and is_failing_unchanged(folder, failed, timeout_s):
        raise SystemExit(f"{failed} fails without any change: mend that first")
    return Verdict(change, f"killed by {failed}" if failed else "survived", took)


def write(path: Path, source: str) -> None:
    """Write a module, and remove its bytecode: Python tells versions apart by size and second."""
    path.write_text(source, "utf-8")
    Path(cache_from_source(str(path))).unlink(missing_ok=True)


def is_failing(folder: Path, test: str, timeout_s: float) -> bool:
    """Run a file of tests until one fails. An endless loop is a failure."""
    options = ("-x", "-q", "-p", "no:cacheprovider", "-n", "0", "--hypothesis-seed=0")
    run = subprocess.Popen(
        [sys.executable, "-m", "pytest", *options, test],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},  # programs that tests start are changed too
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return run.wait(timeout_s) != 0
    except subprocess.TimeoutExpired:
        return True
    finally:  # also when this program is stopped
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()


@cache
def is_failing_unchanged(folder: Path, test: str, timeout_s: float) -> bool:
    """Whether a file of tests fails for another reason than the change."""
    return is_failing(folder, test, timeout_s)


def copy_project() -> Path:
    """A copy of the project with this environment, so that the work tree is never touched."""
    folder = Path(tempfile.mkdtemp(prefix="newsletter-mutate-")) / "project"
    folder.mkdir()
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, folder / path.name)
    data = os.environ.get("NEWSLETTER_TEST_DATA") or ROOT.parent / "shared" / "data"
    os.environ["NEWSLETTER_TEST_DATA"] = str(data)
    return folder


def files(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """File -> its tests, for the modules that are named (default: all of `MODULES`)."""
    found: dict[str, tuple[str, ...]] = {}
    for module, tests in MODULES.items():
        path = ROOT / module
        for file in sorted(path.glob("*.py")) if path.is_dir() else [path]:
            name = str(file.relative_to(ROOT))
            if not names or any(name.startswith(given.rstrip("/")) for given in names):
                found[name] = each_file(tests)
    if names and not found:
        raise SystemExit(f"no tests are named for {', '.join(names)}: add them to MODULES")
    return found


def each_file(tests: Sequence[str]) -> tuple[str, ...]:
    """The files of tests, those of a folder in its place; each once."""
    found: list[str] = []
    for name in tests:
        path = ROOT / name
        inside = sorted(path.glob("test_*.py")) if path.is_dir() else [path]
        found += [str(file.relative_to(ROOT)) for file in inside]
    return tuple(dict.fromkeys(found))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("module", nargs="*", help="files or folders; default: all of MODULES")
    parser.add_argument("--number", type=int, default=20, help="changes of each file; 0 = all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=300, help="seconds for one file of tests")
    parser.add_argument("--list", action="store_true", help="print the changes, run nothing")
    given = parser.parse_args()
    chosen: list[tuple[Change, tuple[str, ...]]] = []
    for file, tests in files(given.module).items():
        found = changes(file, (ROOT / file).read_text("utf-8"))
        if given.number:
            number = min(given.number, len(found))
            found = random.Random(f"{given.seed} {file}").sample(found, number)
        chosen += [(change, tests) for change in found]
    if given.list:
        for change, _ in chosen:
            print(change.show((ROOT / change.file).read_text("utf-8")))
        return 0
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    folder = copy_project()
    counts: dict[str, Counter[str]] = {}
    try:
        for change, tests in chosen:
            verdict = try_change(change, folder, tests, given.timeout)
            counts.setdefault(change.file, Counter())[verdict.how.partition(" ")[0]] += 1
            shown = change.show((ROOT / change.file).read_text("utf-8"))
            print(f"{verdict.how} after {verdict.seconds:.0f} s: {shown}", flush=True)
    finally:
        shutil.rmtree(folder.parent, ignore_errors=True)
    for file, count in counts.items():
        print(f"{file}: " + ", ".join(f"{n} {how}" for how, n in sorted(count.items())))
    return int(any(count["survived"] for count in counts.values()))


if __name__ == "__main__":
    raise SystemExit(main())

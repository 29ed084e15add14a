"""Logs of long-running commands: one JSON object per line on stderr, from all libraries."""

import logging
import sys

import structlog

from newsletter.cli.vulnerable_versions import check_versions
from newsletter.text.secrets import without_secrets

log = structlog.get_logger()


def _without_secrets(
    _logger: object, _method: str, entry: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    return {
        name: without_secrets(value) if isinstance(value, str) else value
        for name, value in entry.items()
    }


def start_logging() -> None:
    """Log as JSON from now on, also what libraries log or warn of. No text of others can end a
    line.
    """
    common: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[structlog.typing.Processor] = [
        structlog.processors.format_exc_info,
        _without_secrets,
        structlog.processors.JSONRenderer(ensure_ascii=True),
    ]
    structlog.configure(
        processors=[*common, *last], logger_factory=structlog.WriteLoggerFactory(file=sys.stderr)
    )
    handler = logging.StreamHandler(sys.stderr)
    plain = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=common, processors=[plain, *last])
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.captureWarnings(capture=True)
    for check in check_versions():
        if check.state != "ok":
            log.warning("versions", text=check.fact, next=check.advice)

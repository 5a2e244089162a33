"""Logs are events with keys: JSON lines unless a person watches, one format for our own and foreign records."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog
from structlog.types import Processor


def configure_logs(*, level: str = "INFO", console: bool | None = None, stream: Any = None) -> None:
    """Send every record of the process, ours and libraries', to standard error in one format.

    `console=None` chooses the readable form on a terminal and JSON otherwise.
    """
    target = stream or sys.stderr
    readable = target.isatty() if console is None else console
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=False),
    ]
    render: list[Processor] = (
        # the default prints every local variable: citizens' data, and 100 KB of a bad message hold the loop for 20 s
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if readable
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    )
    structlog.configure(
        processors=[*before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("uvicorn.access", "alembic", "faststream", "httpx", "httpcore", "urllib3", "aiosmtpd", "mail.log"):
        logging.getLogger(noisy).setLevel("WARNING")
    # apprise reports a failed delivery itself; the delivery log says it with the reason
    logging.getLogger("apprise").setLevel("ERROR")
